"""The nouns of a prompt, and the `ignore` instances that excuse its predictions."""

from typing import Any

import numpy as np
import pandas as pd

from samgap.matching.overlap import TruthMasks
from samgap.prompts.kinds import RowKind

NO_COLUMNS = np.zeros(0, np.int64)


def find_prompt_nouns(prompt: Any, row_kind: RowKind, truth: TruthMasks) -> frozenset[str]:
    """Return the nouns of the instances that a prompt may refer to.

    They are the nouns of its phrase without an excluded noun ("fruit that is not a pear"), whatever the attributes. A
    prompt without nouns may refer to every instance. A prompt for a thing that is never labelled has none.

    Args:
        prompt: row of table `prompts`, as a named tuple.
        row_kind: the properties of the prompt's kind.
        truth: the instances of the image.
    """
    if row_kind.unlabelled:
        return frozenset()
    if not pd.api.types.is_list_like(prompt.nouns):
        return frozenset(instance.noun for instance in truth.instances)
    excluded = dict(prompt.without) if pd.api.types.is_list_like(prompt.without) else {}
    return frozenset(prompt.nouns) - {excluded.get("noun")}


def find_ignored_columns(prompt: Any, row_kind: RowKind, truth: TruthMasks) -> np.ndarray:
    """Return the indices of the `ignore` instances that excuse predictions of a prompt, int64.

    They are those of its own nouns, as pycocotools ignores the crowds of a category. Attributes do not matter, as those
    of an ignored instance may be unrecognisable. Nothing excuses the prediction of a spatial prompt, whose target is
    known.
    """
    if row_kind.spatial:
        return NO_COLUMNS
    return truth.columns_of_nouns(find_prompt_nouns(prompt, row_kind, truth), ignore=True)
