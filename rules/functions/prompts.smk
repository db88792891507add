# Code hashes of prompts.smk.


def prompts_code(wildcards):
    return hash_script("scripts/prompts/prompts.py", plugin_modules.get_prompts_module(config, wildcards.prompts))
