"""Figures of the paper, one module for each: `figures/my_figure.py` draws the entry `figures.my-figure` of a
configuration.

A figure module defines `draw_figure(request: FigureRequest) -> FigureOutput`; its docstring is the caption in the
report. `samgap.paper.render` calls it inside the style of all figures and writes the files. It may also define these
literals, which are read without an import:

- `INPUTS`: the files that it reads in addition to `estimates`, in `request.inputs`: any of `comparisons`, `confusions`,
  `inventory`, `probes`, `claims`, and the lists `score_thresholds` (a file for each model), `history` (for each
  training), `pairs`, `instances`, `overlaps`, `masks` and `timing` (the shards of the cells of the entry's experiments;
  those of its data set alone, if it names one).
- `OPTIONS`: a JSON schema of keys that its entry has in addition to those of all figures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class FigureRequest:
    """The inputs of a figure.

    Attributes:
        figure_id: Id of the figure in the configuration, for error messages.
        inputs: Paths of the rule's input files by name (`estimates`, `images`, those of `INPUTS`, …); a list where
            there are several.
        entry: The figure's entry in the configuration.
        models: All models of the configuration, by id.
        score_threshold: Lowest score at which a mask of the entry's `concept` counts as a detection, 0 to 1; None
            without such a key.
    """

    figure_id: str
    inputs: Mapping[str, Any]
    entry: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    score_threshold: float | None = None


@dataclass(frozen=True)
class FigureOutput:
    """A drawn figure.

    Attributes:
        figure: The figure; its lowest `style.STAMP_MARGIN_IN` inches are free.
        rows: The rows drawn, for the CSV file.
        model_ids: Models whose results are drawn. The figure is stamped if one of them is a demo model.
    """

    figure: Figure
    rows: pd.DataFrame
    model_ids: Sequence[str] = ()
