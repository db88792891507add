# States of local inputs and code hashes of prompts.smk.


def prompts_files(wildcards):
    """Return the local files that a prompt set's options name."""
    return named_files("prompts", wildcards.prompts)


def prompts_states(wildcards):
    """Return the states of the local files and folders that a prompt set's options name."""
    return named_states("prompts", wildcards.prompts)


def prompts_code(wildcards):
    return hash_script("scripts/prompts/prompts.py", plugin_modules.get_prompts_module(config, wildcards.prompts))
