# Code hashes of prompts.smk.


def prompts_code(wildcards):
    return script_hash("scripts/prompts/prompts.py", plugin_modules.prompts_module(config, wildcards.prompts))
