"""Sufficient statistics made up of arrays, and tables `pairs` and `instances` made up at random."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from samgap import tables
from samgap.statistics.sums import Sums


def mean(terms):
    with np.errstate(invalid="ignore", divide="ignore"):
        return terms["sum"] / terms["truth"]


def part(values, truth=None, value=mean):
    """A metric of clusters that hold `truth` (N,) instances, 1 each by default, and sums (N,) of `values`."""
    values = np.asarray(values, float)
    truth = np.ones(len(values)) if truth is None else np.asarray(truth, float)
    table = np.stack([values, truth], axis=1)
    columns = {"sum": None, "truth": None}
    return Sums(truth > 0, len(values), int(truth.sum()), SimpleNamespace(value=value), table, columns)


def table(name, rows):
    """Rows as table `name` reads back: what a row lacks is null, or 0, false, "" or empty where null is not allowed."""
    blank = {field.name: None if field.nullable else _nothing(field.type) for field in tables.SCHEMAS[name]}
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=tables.SCHEMAS[name]).to_pandas()


def _nothing(kind):
    if pa.types.is_fixed_size_list(kind):
        return [0] * kind.list_size
    if pa.types.is_list(kind) or pa.types.is_map(kind):
        return []
    if pa.types.is_boolean(kind):
        return False
    return "" if pa.types.is_string(kind) else 0


ATTRIBUTES = ("ripe", "unripe")


def images_table(count, group=str, lights=("sun", "dusk")):
    """Images 1 to `count`; `group` from the image's id, and `lights` in turn."""
    return table(
        "images",
        [
            {"image_id": image, "group": group(image), "strata": [("lighting", lights[image % len(lights)])]}
            for image in range(1, count + 1)
        ],
    )


def measured(seed, images, phrases=4, skill=0.7):
    """Tables `pairs` and `instances` of random answers to `phrases` phrases an image; phrase 0 is never there."""
    random = np.random.default_rng(seed)
    pairs, instances = [], []
    for image in images.itertuples():
        for number in range(phrases):
            truth = int(random.integers(0, 5)) * (number > 0)
            ious = np.where(random.random(truth) < skill, random.uniform(0.3, 1, truth), 0.0)
            false = int(random.poisson(0.4))
            prompt = f"{image.image_id}-{number}"
            for place, iou in enumerate(ious):
                label = ATTRIBUTES[random.integers(2)]
                instances.append(
                    {
                        **{"prompt_id": prompt, "image_id": image.image_id, "truth_id": place},
                        **{"prediction_id": place if iou else None, "outcome": "matched" if iou >= 0.5 else "missed"},
                        **{
                            "iou": iou,
                            "box_iou": iou,
                            "dice": 2 * iou / (1 + iou),
                            "attributes": [("ripeness", label)],
                        },
                        "truth_area_px": int(random.choice([1023, 1024, 9215, 9216, 50_000])),
                    }
                )
            pairs.append(
                {
                    **{"prompt_id": prompt, "image_id": image.image_id, "group": image.group, "kind": "phrase"},
                    **{"phrase": f"phrase {number}", "evaluable": True, "n_truth": truth, "strata": image.strata},
                    **{"n_predicted": int((ious > 0).sum()) + false, "n_answered": int((ious > 0).sum())},
                    **{"tp": (ious[:, None] >= tables.TAUS).sum(axis=0).tolist(), "sum_iou": float(ious.sum())},
                    "sum_dice": float((2 * ious / (1 + ious)).sum()),
                }
            )
    return table("pairs", pairs), table("instances", instances)


def spatial(pairs):
    """The same answers as if each had been asked for by a box."""
    return pairs[pairs["n_truth"] > 0].assign(kind="box", phrase=None)
