"""Mask and box AP against pycocotools' own evaluator, to the last digit."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from samgap.matching.shard import match_shard
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, random_tagged_shard
from tests.helpers.sums import evaluate


def official(masks, prompts, truth, kind, detections):
    """COCO's figures: a category is a phrase; instances to be ignored are crowds of each."""
    phrases = prompts[prompts["kind"] == "phrase"]
    names = {phrase: number + 1 for number, phrase in enumerate(sorted(phrases["phrase"].unique()))}
    annotations, results = [], []
    category = dict(zip(phrases["prompt_id"], phrases["phrase"].map(names), strict=True))
    for prompt in phrases.itertuples():
        items = truth.instances_of(prompt.image_id)
        # Crowds last, as ties would be told apart by place.
        wanted = [item for item in items if item.id in prompt.truth_ids] + [item for item in items if item.ignore]
        for item in wanted:
            x0, y0, x1, y1 = item.box
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": item.area, "iscrowd": int(item.ignore)}
            where = {"image_id": prompt.image_id, "category_id": names[prompt.phrase], "id": len(annotations) + 1}
            annotations.append({**where, **box, "segmentation": item.rle})
    for row in masks.itertuples():
        if row.prompt_id in category:
            where = {"image_id": row.image_id, "category_id": category[row.prompt_id], "score": row.score}
            box = {"bbox": [row.x0, row.y0, row.x1 - row.x0, row.y1 - row.y0]}
            mask = {"segmentation": {"size": [row.height, row.width], "counts": row.rle}}
            results.append({**where, **(mask if kind == "segm" else box)})
    coco = COCO()
    coco.dataset = {
        "images": [{"id": key, **size} for key, size in truth.images.items()],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in names.items()],
        "info": {},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), kind)
        run.params.maxDets = [1, 10, detections]
        run.evaluate()
        run.accumulate()
    # [IoU threshold, recall, category, size, number of detections]; -1: no such instance.
    precision = run.eval["precision"][..., -1]
    found = {"": precision[..., 0], "50": precision[0, ..., 0], "75": precision[5, ..., 0]}
    found |= {name: precision[..., place] for place, name in ((1, "small"), (2, "medium"), (3, "large"))}
    return {name: values[values > -1].mean() for name, values in found.items() if (values > -1).any()}


def world(seed):
    """Phrases with ties of scores, low scores, and instances to be ignored."""
    masks, prompts, truth, images = random_tagged_shard(seed)
    random = np.random.default_rng(seed)
    masks["score"] = np.round(masks["score"] * random.random(len(masks)), 1)
    prompts = prompts[prompts["kind"] == "phrase"].copy()
    masks = masks[masks["prompt_id"].isin(prompts["prompt_id"])]
    for image, items in truth.instances.items():
        truth.instances[image] = [replace(item, ignore=item.id % 6 == 0) for item in items]
    prompts["truth_ids"] = [[key for key in row if key % 6] for row in prompts["truth_ids"]]
    return masks, prompts, truth, images


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "metric"), [("segm", "map"), ("bbox", "box-map")])
def test_average_precision_is_that_of_pycocotools(kind, metric, seed):
    masks, prompts, truth, images = world(seed)
    assert any(item.ignore for items in truth.instances.values() for item in items)
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    theirs = official(masks, prompts, truth, kind, 1000)
    assert len(theirs) >= 5 and 0.02 < theirs[""] < 0.98
    for name, value in theirs.items():
        assert evaluate(f"{metric}-{name}" if name else metric, pairs) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize(("kind", "metric"), [("segm", "map-coco"), ("bbox", "box-map-coco")])
def test_a_hundred_detections_are_cocos_limit(kind, metric):
    random = np.random.default_rng(1)
    shape = (90, 90)
    squares = [(row, column) for row in range(0, 88, 8) for column in range(0, 88, 8)]  # 121
    masks = [np.zeros(shape, bool) for _ in squares]
    for mask, (row, column) in zip(masks, squares, strict=True):
        mask[row : row + 6, column : column + 6] = True
    truth = make_ground_truth({1: [(key + 1, mask, False) for key, mask in enumerate(masks)]}, shape)
    table = masks_table([("p", key, 1, random.random(), mask) for key, mask in enumerate(masks)])
    table[["x0", "y0"]] = [[column, row] for row, column in squares]
    table[["x1", "y1"]] = table[["x0", "y0"]].to_numpy() + 6.0
    prompts = prompts_table([("p", 1, "phrase", "apple", list(range(1, 122)))])
    pairs = match_shard(table, prompts, truth, images_table([1], shape), 0.5)[2]
    theirs = official(table, prompts, truth, kind, 100)[""]
    assert evaluate(metric, pairs) == pytest.approx(theirs, abs=1e-12) and theirs < 0.85
    assert evaluate(metric.removesuffix("-coco"), pairs) == 1
