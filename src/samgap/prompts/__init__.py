"""Prompt sets: each module that defines `generate_prompts` is a kind, named by `prompts.<id>.kind`.

`generate_prompts(truth, options, seed)` yields rows of table `prompts` without their `prompt_id`; missing keys are
null. `write.py` checks the rows against the images and writes the table. Next to the function, the module declares
its kind in literals (`ROW_KINDS`, `SPATIAL`, `INPUTS` and optional ones: `samgap.config.prompt_kinds`).
`docs/reference/prompts.md` describes each kind and the instances that a correct prediction covers.
"""
