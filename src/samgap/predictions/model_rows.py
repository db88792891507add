"""The rows of table `prompts` as a model gets them: its inputs, and nothing of the ground truth.

The labels that decide whether a prediction is right (`truth_ids`), and the columns with which it is evaluated (`nouns`,
`attributes`, `without`, `polarity`, `seen`, `concept`, `level`, `lost_labels`) stay here, so that no family can read
them. The click protocol compares masks with the ground truth outside of the model, which sees the clicks alone.
"""

from collections.abc import Iterable, Mapping
from typing import Any

MODEL_COLUMNS = ("prompt_id", "kind", "phrase", "points", "boxes", "mask", "clicks")
"""The columns that a family may read; `prompt_id` is for messages."""


def select_model_row(prompt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a prompt that a model may read; null for columns that the prompt lacks.

    Args:
        prompt: row of table `prompts`.
    """
    return {name: prompt.get(name) for name in MODEL_COLUMNS}


def select_model_rows(prompts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return `select_model_row` of each prompt."""
    return [select_model_row(prompt) for prompt in prompts]
