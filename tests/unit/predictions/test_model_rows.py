"""The rows that a model gets hold its inputs and nothing of the ground truth."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.models import get_only_box
from samgap.models.runtime.prompt_tensors import stack_boxes
from samgap.models.shape import Shape
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.model_rows import MODEL_COLUMNS, select_model_row, select_model_rows
from samgap.predictions.shard import predict_images
from samgap.predictions.tracks import predict_tracks
from samgap.tables.prompts import PROMPTS

ROOT = Path(__file__).parents[3]
TRUTH_COLUMNS = set(PROMPTS.schema.names) - set(MODEL_COLUMNS) - {"image_id", "track"}
BOX = {"x0": 5.0, "y0": 5.0, "x1": 15.0, "y1": 25.0, "label": 1}
FULL_ROW = {
    "prompt_id": "0-1",
    "image_id": 0,
    "kind": "box",
    "phrase": None,
    "points": None,
    "boxes": [BOX],
    "mask": None,
    "clicks": None,
    "track": 7,
    "truth_ids": [3],
    "lost_labels": False,
    "nouns": ["apple"],
    "attributes": [("ripeness", "ripe")],
    "seen": True,
    "concept": "apple",
    "level": "simple",
    "without": [("ripeness", "unripe")],
    "polarity": "positive",
}


class Recorder(Shape):
    """Keeps the rows that it is given."""

    def __init__(self):
        super().__init__("box")
        self.rows = []

    def predict(self, prompts):
        self.rows += prompts
        return super().predict(prompts)


@pytest.fixture
def images(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "0.png")
    size = {"width": 40, "height": 30}
    return pd.DataFrame([{"image_id": 0, "file": "0.png", "group": "g", "sequence": "s", "frame": 0, **size}])


def test_the_columns_of_the_table_are_inputs_or_stay_outside_of_the_model():
    assert set(FULL_ROW) == set(PROMPTS.schema.names)
    assert {"truth_ids", "nouns", "attributes", "without", "polarity", "lost_labels", "concept"} <= TRUTH_COLUMNS
    assert select_model_row(FULL_ROW) == {name: FULL_ROW[name] for name in MODEL_COLUMNS}
    assert select_model_rows([{"kind": "box"}]) == [{**dict.fromkeys(MODEL_COLUMNS), "kind": "box"}]


def test_a_model_of_images_gets_no_truth(tmp_path, images):
    model = Recorder()
    (output,) = predict_images(model, images, tmp_path, pd.DataFrame([FULL_ROW]), "cpu")
    assert [set(row) for row in model.rows] == [set(MODEL_COLUMNS)]
    # The rows of the table are those of the prompt.
    assert [(row["prompt_id"], row["image_id"]) for row in output.mask_rows] == [("0-1", 0)]


def test_a_tracker_gets_no_truth(tmp_path, images):
    tracker = Recorder()
    chunks = ChunkStore(tmp_path / "chunks", {})
    predict_tracks(tracker, images, tmp_path, pd.DataFrame([{**FULL_ROW, "kind": "track"}]), "cpu", chunks)
    assert [set(row) for row in tracker.rows] == [set(MODEL_COLUMNS)]
    assert chunks.n_done == 1 and chunks.n_prompts == 1


@pytest.mark.parametrize("file", sorted((ROOT / "src/samgap/models").rglob("*.py")), ids=lambda file: file.stem)
def test_no_family_names_a_column_of_the_truth(file):
    strings = {
        node.value for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)
    }
    assert not strings & TRUTH_COLUMNS


NEGATIVE = {**BOX, "label": 0}


@pytest.mark.parametrize(
    ("boxes", "message"),
    [([BOX, BOX], "prompt 0-1 has 2 boxes, and the model reads one"), ([NEGATIVE], "prompt 0-1 has a negative box")],
)
def test_a_family_that_reads_one_box_refuses_others(tmp_path, images, boxes, message):
    row = {**FULL_ROW, "boxes": boxes}
    for read in (get_only_box, lambda prompt: stack_boxes([prompt])):
        with pytest.raises(UserError, match=message):
            read(row)
    with pytest.raises(UserError, match=f"image 0.png: {message}"):
        list(predict_images(Shape("box"), images, tmp_path, pd.DataFrame([row]), "cpu"))
    with pytest.raises(UserError, match=message):
        list(Shape("box").track([Image.new("RGB", (40, 30))], [(0, row)]))


def test_one_box_is_read():
    assert get_only_box(FULL_ROW) == BOX
    assert np.array_equal(stack_boxes([FULL_ROW, FULL_ROW]), [[5, 5, 15, 25]] * 2)
