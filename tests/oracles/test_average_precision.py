"""Mask and box AP against pycocotools' evaluator, to the last digit."""

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


def evaluate_with_pycocotools(masks, prompts, truth, iou_type, max_detections):
    """Evaluate with phrases as categories; an `ignore` instance is a crowd of each category of its noun."""
    phrases = prompts[prompts["kind"] == "phrase"]
    category_ids = {phrase: number + 1 for number, phrase in enumerate(sorted(phrases["phrase"].unique()))}
    annotations, results = [], []
    category = dict(zip(phrases["prompt_id"], phrases["phrase"].map(category_ids), strict=True))
    for prompt in phrases.itertuples():
        items = truth.instances_of(prompt.image_id)
        # Crowds last: pycocotools breaks ties by the order of annotations.
        crowds = [item for item in items if item.ignore and (prompt.nouns is None or item.noun in prompt.nouns)]
        instances = [item for item in items if item.id in prompt.truth_ids] + crowds
        for item in instances:
            x0, y0, x1, y1 = item.box
            box = {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": item.area, "iscrowd": int(item.ignore)}
            ids = {"image_id": prompt.image_id, "category_id": category_ids[prompt.phrase], "id": len(annotations) + 1}
            annotations.append({**ids, **box, "segmentation": item.rle})
    for row in masks.itertuples():
        if row.prompt_id in category:
            ids = {"image_id": row.image_id, "category_id": category[row.prompt_id], "score": row.score}
            box = {"bbox": [row.x0, row.y0, row.x1 - row.x0, row.y1 - row.y0]}
            mask = {"segmentation": {"size": [row.height, row.width], "counts": row.rle}}
            results.append({**ids, **(mask if iou_type == "segm" else box)})
    coco = COCO()
    coco.dataset = {
        "images": [{"id": key, **size} for key, size in truth.images.items()],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in category_ids.items()],
        "info": {},
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(results), iou_type)
        run.params.maxDets = [1, 10, max_detections]
        run.evaluate()
        run.accumulate()
    # Axes: IoU threshold, recall, category, size, number of detections. −1: no such instance.
    precision = run.eval["precision"][..., -1]
    values_by_variant = {"": precision[..., 0], "50": precision[0, ..., 0], "75": precision[5, ..., 0]}
    values_by_variant |= {name: precision[..., index] for index, name in ((1, "small"), (2, "medium"), (3, "large"))}
    return {name: values[values > -1].mean() for name, values in values_by_variant.items() if (values > -1).any()}


def make_shard(seed):
    """Make phrases with equal scores, low scores and `ignore` instances; every second of these is a pear."""
    masks, prompts, truth, images = random_tagged_shard(seed)
    rng = np.random.default_rng(seed)
    masks["score"] = np.round(masks["score"] * rng.random(len(masks)), 1)
    prompts = prompts[prompts["kind"] == "phrase"].copy()
    masks = masks[masks["prompt_id"].isin(prompts["prompt_id"])]
    for image, items in truth.instances.items():
        truth.instances[image] = [
            replace(item, ignore=item.id % 6 == 0, noun="apple" if item.id % 12 else "pear") for item in items
        ]
    prompts["truth_ids"] = [[key for key in row if key % 6] for row in prompts["truth_ids"]]
    return masks, prompts, truth, images


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("kind", "metric"), [("segm", "map"), ("bbox", "box-map")])
def test_average_precision_is_pycocotools(kind, metric, seed):
    masks, prompts, truth, images = make_shard(seed)
    ignored_nouns = {item.noun for items in truth.instances.values() for item in items if item.ignore}
    assert ignored_nouns == {"apple", "pear"}
    pairs = match_shard(masks, prompts, truth, images, 0.5)[2]
    expected = evaluate_with_pycocotools(masks, prompts, truth, kind, 1000)
    assert len(expected) >= 5 and 0.02 < expected[""] < 0.98
    for name, value in expected.items():
        assert evaluate(f"{metric}-{name}" if name else metric, pairs) == pytest.approx(value, abs=1e-12), name


@pytest.mark.parametrize(("kind", "metric"), [("segm", "map-coco"), ("bbox", "box-map-coco")])
def test_coco_variant_is_limited_to_100_detections(kind, metric):
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
    expected = evaluate_with_pycocotools(table, prompts, truth, kind, 100)[""]
    assert evaluate(metric, pairs) == pytest.approx(expected, abs=1e-12) and expected < 0.85
    assert evaluate(metric.removesuffix("-coco"), pairs) == 1
