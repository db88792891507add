"""A drawn orchard knows how everything moves: with its own flow, its own masks do not flicker."""

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
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    options = {"kind": "orchard-sim", "scenes": 2, "size": 160, "seed": 5, "frames": 4}
    places = folder / "images", folder / "instances.json", folder / "images.parquet"
    write.write(orchard_sim.pictures(options, {}, 5), orchard_sim.info(options), *places, dataset="drawn")
    known, images = ground_truth.read_ground_truth(places[1]), IMAGES.read(places[2])
    asked = [
        {"prompt_id": f"{row['image_id']}-{n}", **row} for n, row in enumerate(track.generate_prompts(known, {}, None))
    ]
    return places[0], known, images, pd.DataFrame(asked)


def answers(known, prompts, late=0):
    """The truth itself; `late`: the mask that was right so many frames before."""
    items = {item.id: item for rows in known.instances.values() for item in rows}
    rows, before = [], {}
    for prompt in prompts.sort_values("image_id").itertuples():
        where = (known.images[prompt.image_id]["sequence"], prompt.track)
        shown = before.setdefault(where, [])
        shown.append(items[prompt.truth_ids[0]] if prompt.truth_ids else None)
        item = shown[max(len(shown) - 1 - late, 0)]
        if item is not None:
            box = dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True))
            size = {"height": item.rle["size"][0], "width": item.rle["size"][1], "area_px": item.area}
            ids = {"prompt_id": prompt.prompt_id, "prediction_id": 0, "image_id": prompt.image_id, "score": 1.0}
            rows.append({**ids, **box, **size, "rle": item.rle["counts"], "clicks": None})
    return pd.DataFrame(rows)


def test_the_truth_moves_with_its_flow_and_what_lags_behind_does_not(drawn):
    folder, known, images, prompts = drawn
    read = partial(optical_flow.read_flow, folder)
    right = match_shard(answers(known, prompts), prompts, known, images, 0.5, read)[2]
    assert evaluate("j-and-f", right) == 1 and evaluate("identity-preservation", right) == 1
    assert evaluate("flicker", right) == 0
    assert evaluate("warped-consistency", right) == pytest.approx(1, abs=1e-12)
    assert evaluate("upstream-temporal-consistency", right) < 0.9
    still = match_shard(answers(known, prompts, late=9), prompts, known, images, 0.5, read)[2]
    assert evaluate("upstream-temporal-consistency", still) == 1
    assert evaluate("warped-consistency", still) < 0.9
    assert evaluate("j-and-f", still) < 0.9
