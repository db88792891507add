"""Metrics of sequences on the simulated orchard: its masks agree with its optical flow."""

from functools import partial

import pandas as pd
import pytest

from samgap.annotations import ground_truth, optical_flow
from samgap.datasets import orchard_sim, write
from samgap.matching.shard import match_shard
from samgap.prompts import track
from samgap.tables.images import IMAGES
from tests.helpers.sums import evaluate


@pytest.fixture(scope="module")
def orchard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orchard")
    options = {"kind": "orchard-sim", "scenes": 2, "size": 160, "seed": 5, "frames": 4}
    paths = folder / "images", folder / "instances.json", folder / "images.parquet"
    write.write_dataset(
        orchard_sim.iter_images(options, {}, 5), orchard_sim.describe_labels(options), *paths, dataset="orchard"
    )
    truth, images = ground_truth.read_ground_truth(paths[1]), IMAGES.read(paths[2])
    prompts = [
        {"prompt_id": f"{row['image_id']}-{n}", **row} for n, row in enumerate(track.generate_prompts(truth, {}, None))
    ]
    return paths[0], truth, images, pd.DataFrame(prompts)


def predict_ground_truth(truth, prompts, delay=0):
    """Return the ground truth as predictions, or the ground truth of `delay` frames earlier."""
    items = {item.id: item for rows in truth.instances.values() for item in rows}
    rows, previous = [], {}
    for prompt in prompts.sort_values("image_id").itertuples():
        track = (truth.images[prompt.image_id]["sequence"], prompt.track)
        history = previous.setdefault(track, [])
        history.append(items[prompt.truth_ids[0]] if prompt.truth_ids else None)
        item = history[max(len(history) - 1 - delay, 0)]
        if item is not None:
            box = dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True))
            size = {"height": item.rle["size"][0], "width": item.rle["size"][1], "area_px": item.area}
            ids = {"prompt_id": prompt.prompt_id, "prediction_id": 0, "image_id": prompt.image_id, "score": 1.0}
            rows.append({**ids, **box, **size, "rle": item.rle["counts"], "clicks": None})
    return pd.DataFrame(rows)


def test_ground_truth_is_consistent_with_the_flow_and_constant_masks_are_not(orchard):
    folder, truth, images, prompts = orchard
    read_flow = partial(optical_flow.read_flow, folder)
    correct = match_shard(predict_ground_truth(truth, prompts), prompts, truth, images, 0.5, read_flow)[2]
    assert evaluate("j-and-f", correct) == 1 and evaluate("identity-preservation", correct) == 1
    assert evaluate("flicker", correct) == 0
    assert evaluate("warped-consistency", correct) == pytest.approx(1, abs=1e-12)
    assert evaluate("upstream-temporal-consistency", correct) < 0.9
    constant = match_shard(predict_ground_truth(truth, prompts, delay=9), prompts, truth, images, 0.5, read_flow)[2]
    assert evaluate("upstream-temporal-consistency", constant) == 1
    assert evaluate("warped-consistency", constant) < 0.9
    assert evaluate("j-and-f", constant) < 0.9
