"""The plan of a run: which models predict which prompts on which data sets.

It counts cells, images and predictions, and estimates the time from predictions that are finished.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samgap.config.cells import Cell, iter_cells
from samgap.paper import grid

UNKNOWN = "not known yet"
COLUMNS = ["needed by", "data set", "models", "prompt sets", "cells", "images", "predictions"]
HOURS_COLUMN = "hours (estimate)"
CELLS_REMARK = (
    "A cell is a data set, a model and a prompt set. Images: those of the data set. Predictions: a prompt that one "
    "model answers, or a frame of a track. All: each cell once, though several entries need it."
)
HOURS_REMARK = (
    "Hours are estimates: the images of the data set × the mean time of an image, measured in this run with the same "
    "model and prompt set on the device in brackets. They are for one device, without the start of jobs. A run of one "
    "experiment (`--config experiments=…`) measures what it predicts."
)


@dataclass(frozen=True)
class Rate:
    """The mean time of an image, seconds, and the device on which it was measured (`cpu` or `cuda`)."""

    seconds: float
    device: str


def build_plan(
    config: Mapping[str, Any],
    n_images: Mapping[str, int],
    n_prompts: Mapping[tuple[str, str], int],
    rates: Mapping[tuple[str, str], Rate] | None = None,
) -> grid.PaperTable:
    """Return the plan of a run as a table: a row for each data set of an experiment, a figure or the thresholds.

    Args:
        config: A validated configuration.
        n_images: Number of images of each data set that is known.
        n_prompts: Number of prompts of each (data set, prompt set) that is known.
        rates: Time of an image by (model, prompt set), where it was measured; None leaves out the column of hours.
    """
    groups = itertools.groupby(iter_cells(config), key=lambda item: (item[0], item[1][0]))
    rows = []
    for (key, dataset), items in groups:
        cells = [cell for _, cell in items]
        names = [grid.Cell(_describe_entry(config, key)), grid.Cell(dataset)]
        models = ", ".join(dict.fromkeys(model for _, model, _ in cells))
        prompts = ", ".join(dict.fromkeys(prompts for _, _, prompts in cells))
        rows.append(
            [*names, grid.Cell(models), grid.Cell(prompts), *_count(cells, n_images, n_prompts, rates)],
        )
    all_cells = sorted({cell for _, cell in iter_cells(config)})
    rows.append([*map(grid.Cell, ("all", "", "", "")), *_count(all_cells, n_images, n_prompts, rates)])
    columns = COLUMNS if rates is None else [*COLUMNS, HOURS_COLUMN]
    widths = {0: 0.22, 2: 0.16, 3: 0.22}
    block = grid.Block("Experiments, data, models and prompts", columns, 4, rows, widths)
    remarks = [CELLS_REMARK] if rates is None else [CELLS_REMARK, HOURS_REMARK]
    return grid.PaperTable("plan", f"Plan of the run {config['run']}", [block], remarks=remarks)


def count_configured_images(datasets: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return the number of images of each data set whose entry states it: simulated scenes, times their frames."""
    return {name: entry["scenes"] * entry.get("frames", 1) for name, entry in datasets.items() if "scenes" in entry}


def _describe_entry(config: Mapping[str, Any], key: str) -> str:
    """Return the title of the entry that needs a cell, with its key (`experiments.boxes`, `figures.sides.spatial`)."""
    section, _, rest = key.partition(".")
    title = config[section][rest.partition(".")[0]].get("title", "") if rest else "Score thresholds"
    return f"{title} ({key})"


def _count(
    cells: Sequence[Cell],
    n_images: Mapping[str, int],
    n_prompts: Mapping[tuple[str, str], int],
    rates: Mapping[tuple[str, str], Rate] | None,
) -> list[grid.Cell]:
    """Return the cells, images and predictions of some cells as printed, and the hours if there are rates."""
    images = _sum_known([n_images.get(dataset) for dataset in sorted({dataset for dataset, *_ in cells})])
    predictions = _sum_known([n_prompts.get((dataset, prompts)) for dataset, _, prompts in cells])
    texts = [f"{len(cells):,}", images, predictions]
    return [
        grid.Cell(text) for text in ([*texts, _estimate_hours(cells, n_images, rates)] if rates is not None else texts)
    ]


def _sum_known(numbers: Collection[int | None]) -> str:
    known = [number for number in numbers if number is not None]
    if not known:
        return UNKNOWN
    return f"{sum(known):,}" if len(known) == len(numbers) else f"{sum(known):,} and more"


def _estimate_hours(cells: Sequence[Cell], n_images: Mapping[str, int], rates: Mapping[tuple[str, str], Rate]) -> str:
    hours: dict[str, float] = {}
    n_unrated = 0
    for dataset, model, prompts in cells:
        rate = rates.get((model, prompts))
        if rate is None or dataset not in n_images:
            n_unrated += 1
        else:
            hours[rate.device] = hours.get(rate.device, 0.0) + n_images[dataset] * rate.seconds / 3600
    parts = [f"{value:.2g} ({device})" for device, value in sorted(hours.items())]
    if n_unrated:
        parts.append(f"{n_unrated:,} {'cell' if n_unrated == 1 else 'cells'} not measured")
    return " + ".join(parts)
