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

from samgap.paper.requests import FigureOutput, FigureRequest

__all__ = ["FigureOutput", "FigureRequest"]
