"""Kinds of prompts declare themselves: a new kind is one module, and an undeclared kind is an error."""

import ast
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations.optical_flow import read_no_flow
from samgap.errors import UserError
from samgap.masks import rle
from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.models import Prediction
from samgap.models.sam2.image import Sam2
from samgap.paper.figures import prompt_sheet
from samgap.predictions.checks import find_prompt_fault
from samgap.predictions.shard import predict_images
from samgap.prompts import kinds, point, write
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from tests.helpers.prompt_kinds import SCRIBBLE, add_prompt_kind, copy_plugins
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard, square_mask
from tests.helpers.sums import evaluate

from .conftest import SHAPE

ROOT = Path(__file__).parents[3]


@pytest.fixture
def scratch_root(tmp_path, monkeypatch):
    """A copy of the plug-ins, which `samgap.prompts.kinds` reads instead of the repository's."""
    root = copy_plugins(tmp_path / "scratch")
    monkeypatch.setattr(kinds, "ROOT", root)
    return root


class LowScores:
    """A model with two masks per prompt, both below any score threshold: one around the first point, one elsewhere."""

    def set_image(self, image):
        self.shape = (image.height, image.width)

    def predict(self, prompts):
        return [self._predict_prompt(prompt["points"][0]) for prompt in prompts]

    def _predict_prompt(self, first_point):
        near = square_mask(max(int(first_point["y"]) - 3, 0), max(int(first_point["x"]) - 3, 0), 6, self.shape)
        far = square_mask(0, 0, 3, self.shape)
        return [
            Prediction(score, (0, 0, 1, 1), int(mask.sum()), rle.encode(mask)["counts"])
            for score, mask in ((0.3, near), (0.2, far))
        ]


def run_stages(kind, truth, seed, folder):
    """Generate, write, predict and match the prompts of one kind; return table `pairs`."""
    folder.mkdir()
    write.write_prompts(folder / "prompts.parquet", kind.generate_prompts(truth, {}, seed), truth, {})
    prompts = PROMPTS.read(folder / "prompts.parquet")
    for image in truth.images.values():
        Image.new("RGB", SHAPE[::-1]).save(folder / image["file_name"])
    images = pd.DataFrame(
        [
            {"image_id": image_id, "file": image["file_name"], "width": 30, "height": 20, "group": "g"}
            for image_id, image in truth.images.items()
        ]
    )
    outputs = list(predict_images(LowScores(), images, folder, prompts, "cpu"))
    assert not any(output.warnings for output in outputs)
    MASKS.write(folder / "masks.parquet", [row for output in outputs for row in output.mask_rows])
    return match_shard(MASKS.read(folder / "masks.parquet"), prompts, truth, images, 0.5)[2]


def test_a_new_spatial_kind_is_one_module(scratch_root, truth, seed, tmp_path):
    scribble = add_prompt_kind(scratch_root, "scribble", SCRIBBLE)
    pairs = run_stages(scribble, truth, seed, tmp_path / "scribble")
    assert set(pairs["kind"]) == {"scribble"} and len(pairs) == 3
    # The best mask of each prompt counts although its score is below the threshold, as for points.
    assert pairs["n_predicted"].tolist() == [1, 1, 1] and (pairs["sum_iou"] > 0.1).all()

    class ThreePoints:
        @staticmethod
        def generate_prompts(truth, options, seed):
            return point.generate_prompts(truth, {"points": 3, "place": "random"}, seed)

    points = run_stages(ThreePoints, truth, seed, tmp_path / "points")
    pd.testing.assert_frame_equal(pairs.drop(columns="kind"), points.drop(columns="kind"))


def test_the_same_rows_are_matched_with_the_score_threshold_if_declared_not_spatial(
    scratch_root, truth, seed, tmp_path
):
    scribble = add_prompt_kind(scratch_root, "scribble", SCRIBBLE.replace("SPATIAL = True", "SPATIAL = False"))
    pairs = run_stages(scribble, truth, seed, tmp_path / "scribble")
    assert pairs["n_predicted"].tolist() == [0, 0, 0]


def test_a_new_kind_is_validated(scratch_root):
    add_prompt_kind(scratch_root, "scribble", SCRIBBLE)
    image = {"file": "1.png", "width": 30, "height": 20}
    inside, outside = ({"x": x, "y": 1, "label": 1} for x in (3, 40))
    assert find_prompt_fault({"kind": "scribble", "points": [inside]}, image) is None
    assert "outside the image" in find_prompt_fault({"kind": "scribble", "points": [outside]}, image)
    assert "no point, no box and no mask" in find_prompt_fault({"kind": "scribble", "points": None}, image)


def test_an_undeclared_row_kind_is_an_error_in_every_stage(truth, tmp_path):
    row = {"image_id": 1, "kind": "scribble", "points": [{"x": 3.5, "y": 3.5, "label": 1}], "truth_ids": [10]}
    message = "no module of src/samgap/prompts declares the row kind 'scribble'"
    with pytest.raises(UserError, match=message):
        write.write_prompts(tmp_path / "prompts.parquet", [row], truth, {})
    with pytest.raises(UserError, match=message):
        find_prompt_fault(row, {"file": "1.png", "width": 30, "height": 20})
    images = pd.DataFrame([{"image_id": 1, "file": "1.png", "width": 30, "height": 20, "group": "g"}])
    masks = pd.DataFrame(columns=MASKS.schema.names)
    with pytest.raises(UserError, match=message):
        match_shard(masks, pd.DataFrame([{"prompt_id": "1-1", **row}]), truth, images, 0.5)


ONE_INSTANCE = {"box", "point", "point-box", "mask", "clicks", "track"}


def test_a_new_automatic_kind_is_handled_like_the_grid(scratch_root):
    source = SCRIBBLE.replace("SPATIAL = True", "SPATIAL = False\nAUTOMATIC = True")
    add_prompt_kind(scratch_root, "scribble", source)
    assert kinds.get_row_kind("scribble").automatic
    point = [{"x": 1.5, "y": 1.5, "label": 1}]
    calls = []
    fake = SimpleNamespace(_generate_masks=lambda points: calls.append(points.tolist()) or ["mask"])
    assert Sam2.predict(fake, [{"kind": "scribble", "points": point, "boxes": None}]) == [["mask"]]
    assert calls == [[[1.5, 1.5]]]


def test_the_declared_row_kinds():
    row_kinds = kinds.read_row_kinds(ROOT)
    for property, names in {
        "spatial": ONE_INSTANCE,
        "takes_phrase": {"phrase", "other"},
        "names_concept": {"phrase"},
        "unlabelled": {"other"},
        "sequence": {"track"},
        "interactive": {"clicks"},
        "automatic": {"grid"},
    }.items():
        assert kinds.select_row_kinds(row_kinds, property) == names
    # Exemplars are rows of kind phrase with boxes.
    assert row_kinds["phrase"].inputs == {"phrase", "boxes"}


RENAMED = {
    "phrase": 'ROW_KINDS = ("caption", "backdrop")\nSPATIAL = False\nINPUTS = ("phrase",)\nUNLABELLED = ("backdrop",)',
    "clicks": 'ROW_KINDS = ("taps",)\nSPATIAL = True\nINPUTS = ("points",)\nINTERACTIVE = True',
    "track": 'ROW_KINDS = ("trail",)\nSPATIAL = True\nINPUTS = ("boxes",)\nSEQUENCE = True',
    "point": 'ROW_KINDS = ("dot",)\nSPATIAL = True\nINPUTS = ("points",)',
    "box": 'ROW_KINDS = ("frame",)\nSPATIAL = True\nINPUTS = ("boxes",)',
}
NEW_NAMES = {"phrase": "caption", "other": "backdrop", "clicks": "taps", "track": "trail"} | {
    "point": "dot",
    "box": "frame",
}


@pytest.mark.parametrize(
    ("make_shard", "flow"), [(random_tagged_shard, read_no_flow), (random_sequences, constant_flow)]
)
def test_rows_of_a_new_kind_are_matched_and_measured_like_those_of_a_built_in_kind(scratch_root, make_shard, flow):
    for id, declaration in RENAMED.items():
        add_prompt_kind(scratch_root, f"new_{id}", f"{declaration}\n\ndef generate_prompts(): ...\n")
    masks, prompts, truth, images = make_shard(1)
    # One prompt of each kind has no prediction.
    masks = masks[~masks["prompt_id"].isin(prompts.drop_duplicates("kind")["prompt_id"])]
    renamed_prompts = prompts.assign(kind=prompts["kind"].map(NEW_NAMES))
    pairs = match_shard(masks, prompts, truth, images, 0.5, flow)[2]
    renamed = match_shard(masks, renamed_prompts, truth, images, 0.5, flow)[2]
    pd.testing.assert_frame_equal(renamed.drop(columns="kind"), pairs.drop(columns="kind"))
    for metric in METRIC_REGISTRY:
        reasons = [load_metric(metric).not_evaluable_reason(table) for table in (renamed, pairs)]
        assert reasons[0] == reasons[1]
        np.testing.assert_equal(evaluate(metric, renamed), evaluate(metric, pairs))


def test_the_prompt_sheet_describes_rows_of_a_new_kind_like_those_of_a_built_in_kind(scratch_root):
    for id, declaration in RENAMED.items():
        add_prompt_kind(scratch_root, f"new_{id}", f"{declaration}\n\ndef generate_prompts(): ...\n")
    add_prompt_kind(scratch_root, "scribble", SCRIBBLE.replace("SPATIAL = True", "SPATIAL = False\nAUTOMATIC = True"))
    columns = {"boxes": None, "points": None, "phrase": None, "truth_ids": [1], "clicks": 7, "mask": None}
    describe = prompt_sheet.describe_prompts
    assert describe(pd.DataFrame([{"kind": "trail", **columns}] * 2)) == "0 prompted, 2 tracked"
    assert describe(pd.DataFrame([{"kind": "taps", **columns}])) == "first of up to 7 clicks"
    assert describe(pd.DataFrame([{"kind": "frame", **columns}])) == ""
    sizes = []
    axes = SimpleNamespace(scatter=lambda *_, s, **__: sizes.append(s))
    for kind in ("scribble", "grid", "point"):
        prompt = SimpleNamespace(kind=kind, mask=None, boxes=None, points=[{"x": 1.5, "y": 1.5, "label": 1}])
        prompt_sheet._draw_prompt(axes, prompt, (20, 30))
    assert sizes[0] == sizes[2] == sizes[1] < sizes[4]


def test_inference_and_matching_import_no_generation_of_prompts():
    for package in ("models", "predictions", "matching"):
        for file in (ROOT / "src" / "samgap" / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("samgap.prompts"):
                    assert node.module == "samgap.prompts.kinds", file
