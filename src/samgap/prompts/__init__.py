"""Prompt sets: each module without a leading underscore is a kind, named by `prompts.<id>.kind`.

A kind offers `prompts(truth, options, seed)`, which yields rows of table `prompts` without their `prompt_id`
(keys left out are null); `_write.py` checks them against the images and writes the table. `docs/reference/prompts.md`
says what each kind asks and what its right answer is.
"""
