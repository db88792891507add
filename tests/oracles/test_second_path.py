"""Every metric against the second path of `make recompute`, on random masks of images and of sequences."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from benchmarks.recomputation import raw
from benchmarks.recomputation.sample import Sample, make_case
from benchmarks.recomputation.values import VALUES
from samgap.matching.shard import match_shard
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard
from tests.helpers.sums import evaluate

OFFICIAL, CHOSEN, LABELLED_DISTANCE = 0.5, 0.35, 0.1
PROMPT_COLUMNS = ("nouns", "attributes", "without", "seen", "concept", "level", "track", "lost_labels")
SHARDS = {
    "images": lambda: random_tagged_shard(4, n_images=8, several_masks=True),
    "images with other masks": lambda: random_tagged_shard(5, n_images=8),
    "sequences": lambda: random_sequences(3),
}


def make_images(truth, images):
    rows = {row.image_id: row for row in images.itertuples()}
    return {
        image_id: raw.Image(
            image_id,
            row.file,
            (row.height, row.width),
            {},
            row.group,
            getattr(row, "sequence", None),
            getattr(row, "frame", None),
            [make_instance(item) for item in sorted(truth.instances_of(image_id), key=lambda item: item.id)],
        )
        for image_id, row in rows.items()
    }


def make_instance(item):
    mask = raw.Mask(item.rle["counts"], tuple(item.rle["size"]), item.area)
    return raw.Instance(item.id, item.noun, dict(item.attributes), item.ignore, item.track, mask, item.box)


def make_sample(masks, prompts, truth, images):
    """Return the sample of a shard, with the prompts of each image in the order of their ids."""
    image_by_id, cases = make_images(truth, images), []
    for row in prompts.sort_values(["image_id", "prompt_id"]).to_dict("records"):
        values = {name: row.get(name) for name in PROMPT_COLUMNS}
        values = {name: None if np.ndim(value) == 0 and pd.isna(value) else value for name, value in values.items()}
        rows = masks[masks["prompt_id"] == row["prompt_id"]].sort_values("prediction_id")
        predictions = [
            raw.Prediction(
                each.prediction_id,
                float(np.float32(each.score)),
                None if pd.isna(each.clicks) else int(each.clicks),
                raw.Mask(each.rle, (each.height, each.width), each.area_px),
                (each.x0, each.y0, each.x1, each.y1),
            )
            for each in rows.itertuples()
        ]
        cases.append(
            make_case(
                SimpleNamespace(**{**row, **values}), predictions, image_by_id[row["image_id"]], LABELLED_DISTANCE
            )
        )
    return Sample(cases, OFFICIAL, CHOSEN, cases)


@pytest.fixture(scope="module")
def values():
    """Metric -> its value and that of the second path, for each shard in which it has one."""
    found = {}
    for make in SHARDS.values():
        masks, prompts, truth, images = make()
        masks["score"] = masks["score"].astype(np.float32)
        flow = constant_flow if "sequence" in images else None
        options = {} if flow is None else {"read_flow": flow}
        pairs = match_shard(masks, prompts, truth, images, OFFICIAL, chosen_score=CHOSEN, **options)[2]
        sample = make_sample(masks, prompts, truth, images)
        for metric in VALUES:
            value = evaluate(metric, pairs)
            if not np.isnan(value):
                found.setdefault(metric, []).append((value, VALUES[metric](sample)))
    return found


@pytest.mark.parametrize("metric", VALUES)
def test_a_metric_is_that_of_the_second_path(values, metric):
    for value, expected in values[metric]:
        assert value == pytest.approx(expected, abs=1e-9)
