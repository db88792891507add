"""Estimates and comparisons of a small run, and functions that draw figures and make tables of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.text import Text

from samgap.paper import render, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.tables import TableRequest
from samgap.tables.statistics import ESTIMATES

MODELS = {
    "sam2-demo": {"label": "SAM2 (demo)", "family": "sam2", "demo": True},
    "sam3-demo": {"label": "SAM3 (demo)", "family": "sam3", "demo": True},
    "sam2-large": {"label": "SAM2.1-L", "family": "sam2"},
    "sam3": {"label": "SAM3", "family": "sam3"},
    "filled-box": {"label": "box itself", "family": "shape"},
    "ellipse": {"label": "ellipse in box", "family": "shape"},
}
PUBLISHED = {"spatial": "sam2-large", "concept": "sam3"}
DEMO = {"spatial": "sam2-demo", "concept": "sam3-demo"}

EXPERIMENTS = {
    "spatial-prompts": {"title": "Spatial prompts & boxes", "metrics": ["iou", "boundary-f-2px", "recall"]},
    "box-baselines": {"title": "What the box gives away", "metrics": ["iou", "boundary-f-2px", "recall"]},
    "concept-prompts": {"title": "Noun phrases", "metrics": ["iou", "boundary-f-2px", "recall", "pmf1", "il-mcc"]},
}
SKIPPED = "skipped: weights not available (facebook/sam3 is gated: ask for access)"
NOT_EVALUABLE = "not evaluable: no attribute labels in this data set"
WARNING = "without 4 image-phrase pairs, of which labels were lost"


# --- draw and write


def draw(request: FigureRequest) -> FigureOutput:
    """Draw a figure without writing files."""
    with style.figure_style():
        return render.load_figure(request.figure_id)(request)


def save_figure(request: FigureRequest, folder: Path) -> dict[str, Path]:
    """Draw a figure and write its files; returns them by form: pdf, svg, png, rows."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {form: folder / f"out.{'csv' if form == 'rows' else form}" for form in ("pdf", "svg", "png", "rows")}
    render.render_figure(request, paths)
    return paths


def save_table(request: TableRequest, folder: Path) -> dict[str, Path]:
    """Make a table and write its files; returns them by form: csv, md, tex, html."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {form: folder / f"out.{form}" for form in ("csv", "md", "tex", "html")}
    render.render_table(request, paths)
    return paths


def list_texts(figure: Figure) -> list[str]:
    """Return every text drawn in a figure, its lines joined by spaces."""
    return [" ".join(text.get_text().split()) for text in figure.findobj(Text) if text.get_text()]


def list_gids(figure: Figure) -> list[str]:
    """Return the ids that artists of a figure have in its SVG file."""
    return [artist.get_gid() for artist in figure.findobj(lambda artist: artist.get_gid() is not None)]


# --- estimates and comparisons


def make_estimate(
    experiment: str,
    model: str,
    prompts: str,
    metric: str,
    value: float | None,
    stratum: str = "all",
    note: str | None = None,
    n_images: int = 60,
) -> dict[str, Any]:
    """Return a row of table `estimates` with an interval around `value`, or with `note` and no value."""
    low, high = (None, None) if value is None else (value - 0.03, value + 0.02)
    return {
        **{"experiment": experiment, "dataset": "orchard-sim-test", "model": model, "prompts": prompts},
        **{"metric": metric, "stratum": stratum, "value": value, "ci_low": low, "ci_high": high},
        **{"n_images": n_images, "n_images_total": 60, "n_instances": 312, "clusters": "image"},
        **{"n_clusters": n_images, "n_clusters_total": 60, "undefined_resamples": None if value is None else 0.0},
        **{"warning": None, "note": note, "lacks_labels": False, "n_left_out": None, "labelled_distance": None},
    }


def make_estimates(names: Mapping[str, str] = DEMO, skip_concept: bool = False) -> pd.DataFrame:
    """Return a table `estimates`: SAM2 with three prompt sets, two baselines, SAM3 with phrases, and strata.

    Args:
        names: Ids of the models with spatial prompts and with phrases.
        skip_concept: Estimates of the model with phrases are skipped.
    """
    rows = []
    values = iter(np.linspace(0.91234567890123, 0.2, 40).tolist())
    for prompts in ("box", "point", "point-box"):
        for metric in EXPERIMENTS["spatial-prompts"]["metrics"]:
            rows.append(make_estimate("spatial-prompts", names["spatial"], prompts, metric, next(values)))
    for model in ("filled-box", "ellipse"):
        for metric in EXPERIMENTS["box-baselines"]["metrics"]:
            rows.append(make_estimate("box-baselines", model, "box", metric, next(values)))
    for metric in EXPERIMENTS["concept-prompts"]["metrics"]:
        value, note = (None, SKIPPED) if skip_concept else (next(values), None)
        if metric == "il-mcc" and not skip_concept:
            value, note = None, NOT_EVALUABLE
        n_images = 55 if metric == "pmf1" else 60
        cell = "concept-prompts", names["concept"], "concepts", metric
        rows.append(make_estimate(*cell, value, note=note, n_images=n_images))
    for phrase in ("apple", "50%_ripe|apple"):
        value, note = (None, SKIPPED) if skip_concept else (next(values), None)
        cell = "concept-prompts", names["concept"], "concepts", "pmf1"
        rows.append(make_estimate(*cell, value, f"phrase={phrase}", note))
    return pd.DataFrame(rows)


def estimates_request(
    estimates: pd.DataFrame, folder: Path, metrics: Sequence[str] = ("iou", "boundary-f-2px", "pmf1", "il-mcc")
) -> FigureRequest:
    """Write `estimates` to `folder` and return the request for the figure estimates."""
    ESTIMATES.write(folder / "estimates.parquet", estimates)
    entry = {"experiments": list(EXPERIMENTS), "metrics": list(metrics)}
    return FigureRequest("estimates", {"estimates": str(folder / "estimates.parquet")}, entry, MODELS)
