# Parameters, states of local inputs and code hashes of prompts.smk.
from samgap.config.prompt_kinds import read_prompt_kinds

PROMPT_KINDS = read_prompt_kinds(ROOT)


def prompts_options(wildcards):
    return config["prompts"][wildcards.prompts]


def prompts_seed(wildcards):
    """Return the seed of the run for a prompt set that draws random numbers; None for another one."""
    options = config["prompts"][wildcards.prompts]
    return config["seed"] if PROMPT_KINDS[options["kind"]].uses_seed(options) else None


def prompts_files(wildcards):
    """Return the local files that a prompt set's options name."""
    return named_files("prompts", wildcards.prompts)


def prompts_states(wildcards):
    """Return the states of the local files and folders that a prompt set's options name."""
    return named_states("prompts", wildcards.prompts)


def prompts_code(wildcards):
    return hash_script("scripts/prompts/prompts.py", plugin_modules.get_prompts_module(config, wildcards.prompts))


def prompts_versions(wildcards):
    imported = plugin_modules.get_prompts_module(config, wildcards.prompts)
    return list_script_versions("scripts/prompts/prompts.py", imported)
