"""The plan of a run: which models predict which prompts on which data sets.

It counts cells, images and predictions, and estimates the time from predictions that are finished.
"""

import functools
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samgap.config.cells import Cell, iter_cells
from samgap.paper import grid
from samgap.paper.cost_estimates import CostModel, Count

UNKNOWN = "not known yet"
ESTIMATED = "~"
"""Before a number that is an estimate."""
COLUMNS = ["needed by", "data set", "models", "prompt sets", "cells", "images", "predictions"]
HOURS_COLUMN = "hours (estimate)"
NO_GPU = "no GPU"
"""Hours of models without a network."""
CELLS_REMARK = (
    "A cell is a data set, a model and a prompt set. Images: those of the data set. Predictions: a prompt that one "
    "model answers, or a frame of a track. All: each cell once, though several entries need it."
)
ESTIMATED_REMARK = (
    f"{ESTIMATED}: the data set is not there yet; the number is the published one, or follows from it "
    "(config/paper/costs.yaml has the sources)."
)
MEASURED_REMARK = (
    "Hours are estimates. With cpu or cuda: the images of the data set × the mean time of an image, measured in this "
    "run with the same model and prompt set on this device. They are for one device, without the start of jobs. A run "
    "of one experiment (`--config experiments=…`) measures what it predicts."
)
COUNTED_REMARK = (
    "Hours with {gpu} are estimates before anything is measured: the operations that were counted for images and "
    "prompts, at {share:.0%} of the GPU's peak, which is assumed (config/paper/costs.yaml). They are for one GPU, "
    "without the start of jobs, trainings and what runs on CPUs."
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

    It has a column of hours if `rates` is given, or if the configuration has `costs` of one of its models at least.

    Args:
        config: A validated configuration.
        n_images: Number of images of each data set that is known.
        n_prompts: Number of prompts of each (data set, prompt set) that is known.
        rates: Time of an image by (model, prompt set), where it was measured.
    """
    costs = CostModel(config, n_images, n_prompts)
    groups = itertools.groupby(iter_cells(config), key=lambda item: (item[0], item[1][0]))
    all_cells = sorted({cell for _, cell in iter_cells(config)})
    is_priced = any(costs.estimate_hours(cell) for cell in all_cells)
    count = functools.partial(_count, costs=costs, rates=rates, has_hours=rates is not None or is_priced)
    rows = []
    for (key, dataset), items in groups:
        cells = [cell for _, cell in items]
        names = [grid.Cell(_describe_entry(config, key)), grid.Cell(dataset)]
        models = ", ".join(dict.fromkeys(model for _, model, _ in cells))
        prompts = ", ".join(dict.fromkeys(prompts for _, _, prompts in cells))
        rows.append([*names, grid.Cell(models), grid.Cell(prompts), *count(cells)])
    rows.append([*map(grid.Cell, ("all", "", "", "")), *count(all_cells)])
    columns = [*COLUMNS, HOURS_COLUMN] if rates is not None or is_priced else COLUMNS
    block = grid.Block("Experiments, data, models and prompts", columns, 4, rows, {0: 0.22, 2: 0.16, 3: 0.22})
    remarks = [CELLS_REMARK]
    if any(cell.text.startswith(ESTIMATED) for row in rows for cell in row[4:7]):
        remarks.append(ESTIMATED_REMARK)
    remarks += [MEASURED_REMARK] if rates is not None else []
    if is_priced:
        gpu, share = config["costs"]["gpu"]["name"], config["costs"]["utilisation"]
        remarks.append(COUNTED_REMARK.format(gpu=gpu, share=share))
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
    cells: Sequence[Cell], costs: CostModel, rates: Mapping[tuple[str, str], Rate] | None, has_hours: bool
) -> list[grid.Cell]:
    """Return the cells, images and predictions of some cells as printed, and the hours if there is a column of them."""
    images = _sum_known([costs.count_images(dataset) for dataset in sorted({dataset for dataset, *_ in cells})])
    predictions = _sum_known([costs.count_prompts(dataset, prompts) for dataset, _, prompts in cells])
    texts = [f"{len(cells):,}", images, predictions]
    return [grid.Cell(text) for text in ([*texts, _estimate_hours(cells, costs, rates or {})] if has_hours else texts)]


def _sum_known(counts: Collection[Count | None]) -> str:
    known = [count for count in counts if count is not None]
    if not known:
        return UNKNOWN
    mark = ESTIMATED if any(count.is_estimate for count in known) else ""
    text = f"{mark}{sum(count.value for count in known):,}"
    return text if len(known) == len(counts) else f"{text} and more"


def _estimate_hours(cells: Sequence[Cell], costs: CostModel, rates: Mapping[tuple[str, str], Rate]) -> str:
    """Return the hours by device: from the rates that were measured, and for other cells from counted operations."""
    hours: dict[str, float] = {}
    n_unrated = 0
    for dataset, model, prompts in cells:
        rate, images = rates.get((model, prompts)), costs.count_images(dataset)
        if rate is not None and images is not None:
            hours[rate.device] = hours.get(rate.device, 0.0) + images.value * rate.seconds / 3600
        elif (estimate := costs.estimate_hours((dataset, model, prompts))) is not None:
            gpu = costs.config["costs"]["gpu"]["name"]
            hours[gpu] = hours.get(gpu, 0.0) + estimate
        else:
            n_unrated += 1
    parts = [
        f"{value:.2g} ({device})" for device, value in sorted(hours.items(), key=lambda item: item[0].lower()) if value
    ]
    if n_unrated:
        parts.append(f"{n_unrated:,} {'cell' if n_unrated == 1 else 'cells'} without a rate")
    return " + ".join(parts) or NO_GPU
