"""pmF1, IL_MCC and cgF1 against sam3's evaluator."""

import json

import pytest

from samgap.matching.shard import match_shard
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, random_shard, square_mask
from tests.helpers.sums import evaluate

# The import also imports torch and sam3's image model.
evaluator = pytest.importorskip("sam3.eval.cgf1_eval")


def evaluate_with_sam3(folder, masks, prompts, truth):
    """Evaluate with a pair of image and phrase as an image of sam3's evaluator."""
    image_ids = {prompt: index + 1 for index, prompt in enumerate(prompts["prompt_id"])}
    images, annotations, results = [], [], []

    def coco(item):
        return {"size": item["size"], "counts": item["counts"].decode()}

    for prompt in prompts.itertuples():
        size = truth.images[prompt.image_id]
        fields = {"height": size["height"], "width": size["width"], "is_instance_exhaustive": True}
        images.append({"id": image_ids[prompt.prompt_id], "text_input": prompt.phrase, **fields})
        for item in truth.instances_of(prompt.image_id):
            if item.id in prompt.truth_ids:
                row = {"id": len(annotations) + 1, "image_id": image_ids[prompt.prompt_id], "category_id": 1}
                extra = {"iscrowd": 0, "area": item.area, "bbox": [0, 0, 1, 1], "segmentation": coco(item.rle)}
                annotations.append({**row, **extra})
    for row in masks.itertuples():
        rle = {"size": [row.height, row.width], "counts": row.rle}
        result = {"image_id": image_ids[row.prompt_id], "category_id": 1, "score": row.score, "segmentation": coco(rle)}
        results.append(result)
    (folder / "truth.json").write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "object"}]}),
        encoding="utf-8",
    )
    (folder / "masks.json").write_text(json.dumps(results), encoding="utf-8")
    values = evaluator.CGF1Evaluator(str(folder / "truth.json")).evaluate(str(folder / "masks.json"))
    return {
        "pmf1": values["cgF1_eval_segm_positive_micro_F1"],
        "il-mcc": values["cgF1_eval_segm_IL_MCC"],
        "cgf1": 100 * values["cgF1_eval_segm_cgF1"],
        "false-alarms": values["cgF1_eval_segm_IL_FPR"],
    }


def compare(folder, masks, prompts, truth, images):
    expected = evaluate_with_sam3(folder, masks, prompts, truth)
    _, _, pairs = match_shard(masks, prompts, truth, images, 0.5)
    values = {metric: evaluate(metric, pairs) for metric in expected}
    # sam3 adds 1e-6 to the denominator.
    assert values.pop("false-alarms") == pytest.approx(expected.pop("false-alarms"), abs=1e-6)
    assert values == pytest.approx(expected, abs=1e-9)
    return values


@pytest.mark.parametrize("seed", range(5))
def test_values_of_random_phrases(seed, tmp_path):
    values = compare(tmp_path, *random_shard(seed, n_images=20))
    assert 0.1 < values["pmf1"] < 0.9 and abs(values["il-mcc"]) > 0.05


def two_phrases(predictions):
    apple = square_mask(3, 3)
    truth = make_ground_truth({1: [(1, apple, False)]})
    prompts = prompts_table([("yes", 1, "phrase", "apple", [1]), ("no", 1, "phrase", "pear", [])])
    return masks_table(predictions), prompts, truth, images_table([1])


@pytest.mark.parametrize(
    "predictions",
    [
        pytest.param([], id="no predictions"),
        pytest.param([("yes", 0, 1, 0.9, square_mask(3, 3))], id="perfect"),
        pytest.param(
            [("yes", 0, 1, 0.9, square_mask(3, 3)), ("no", 0, 1, 0.9, square_mask(9, 9))], id="masks for every phrase"
        ),
        pytest.param([("no", 0, 1, 0.9, square_mask(3, 3))], id="always wrong"),
        pytest.param([("yes", 0, 1, 0.49, square_mask(3, 3))], id="below the score threshold"),
    ],
)
def test_values_of_edge_cases(predictions, tmp_path):
    compare(tmp_path, *two_phrases(predictions))
