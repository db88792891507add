"""Prediction of sequences with a tracker: which prompt row a mask belongs to, resuming, and errors."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.matching.shard import match_shard
from samgap.models import FrameOutput, Prediction
from samgap.models.runtime.binary_masks import masks_to_predictions
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.tracks import _predict_sequences, predict_tracks
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from tests.helpers.scenes import make_ground_truth, square_mask

SHAPE = (24, 30)
# Two sequences; in the table the frames of the second come first, and not in order.
FRAMES = [("b", 1), ("b", 0), ("a", 0), ("a", 2), ("a", 1)]


class MovingSquares:
    """Predicts each object as the square of its box, moved right by one pixel per frame; lost from `lost_at` on."""

    def __init__(self, lost_at=99):
        self.lost_at, self.frame_sizes, self.prompts_of_sequences = lost_at, [], []

    def track(self, frames, object_prompts):
        self.prompts_of_sequences.append(object_prompts)
        for number in range(min(frame for frame, _ in object_prompts), len(frames)):
            self.frame_sizes.append(frames[number].size)
            yield FrameOutput(number, None)
            predictions = {}
            for object_number, (start, row) in enumerate(object_prompts):
                if number >= start:
                    mask = square_mask(int(row["boxes"][0]["y0"]), int(row["boxes"][0]["x0"]) + number)
                    visible = mask[None] & (number < self.lost_at)
                    predictions[object_number] = masks_to_predictions(np.array([0.9]), None, visible)
            yield FrameOutput(number, predictions)


def predict_rows(*arguments):
    """Return the rows of tables `masks` and `timing` of all sequences."""
    outputs = list(_predict_sequences(*arguments, "cpu"))
    mask_rows = [row for output in outputs for row in output.mask_rows]
    return mask_rows, [row for output in outputs for row in output.timing_rows]


@pytest.fixture
def folder(tmp_path):
    for sequence, frame in FRAMES:
        (tmp_path / sequence).mkdir(exist_ok=True)
        Image.new("RGB", SHAPE[::-1], (frame, 0, 0)).save(tmp_path / sequence / f"{frame:05d}.jpg")
    return tmp_path


def make_images():
    columns = {"width": SHAPE[1], "height": SHAPE[0], "group": "g"}
    return pd.DataFrame(
        [
            {"image_id": n, "file": f"{sequence}/{frame:05d}.jpg", **columns, "sequence": sequence, "frame": frame}
            for n, (sequence, frame) in enumerate(FRAMES)
        ]
    )


def make_row(image_id, track, truth_ids, left=None):
    """Return a prompt row; with `left`, the left edge of a box, it has a prompt."""
    boxes = None if left is None else [{"x0": left, "y0": 3, "x1": left + 4, "y1": 7, "label": 1}]
    return {
        "prompt_id": f"{image_id}-{track}",
        "image_id": image_id,
        "kind": "track",
        "track": track,
        "boxes": boxes,
        "truth_ids": truth_ids,
    }


# Image ids: sequence a is 2, 4, 3; sequence b is 1, 0. Both have a track 5.
PROMPT_ROWS = [
    *[make_row(2, 5, [20], left=2), make_row(4, 5, [40]), make_row(3, 5, [])],
    *[make_row(4, 6, [41], left=10), make_row(3, 6, [31])],
    *[make_row(1, 5, [10], left=0), make_row(0, 5, None)],
]


def test_a_mask_belongs_to_the_row_of_its_frame_and_track(folder):
    tracker = MovingSquares()
    masks, timing = predict_rows(tracker, make_images(), folder, pd.DataFrame(PROMPT_ROWS))
    left = {row["prompt_id"]: row["x0"] for row in masks}
    assert left == {"2-5": 2, "4-5": 3, "3-5": 4, "4-6": 11, "3-6": 12, "1-5": 0, "0-5": 1}
    assert all(row["prompt_id"].split("-")[0] == str(row["image_id"]) and row["prediction_id"] == 0 for row in masks)
    assert [(row["image_id"], row["n_prompts"]) for row in timing] == [(1, 1), (0, 1), (2, 1), (4, 2), (3, 2)]
    assert all(
        row["device"] == "cpu" and min(row["read_ms"], row["encode_ms"], row["decode_ms"]) >= 0 for row in timing
    )
    assert [[frame for frame, _ in prompts] for prompts in tracker.prompts_of_sequences] == [[0], [0, 1]]
    assert set(tracker.frame_sizes) == {SHAPE[::-1]}


@pytest.mark.parametrize(("lost_at", "n_false"), [(99, 1), (2, 0)])
def test_each_frame_is_matched_and_a_frame_without_the_object_should_have_no_mask(folder, tmp_path, lost_at, n_false):
    truth = make_ground_truth(
        {
            0: [],
            1: [(10, square_mask(3, 0), False)],
            2: [(20, square_mask(3, 2), False)],
            3: [(31, square_mask(3, 9), False)],
            4: [(40, square_mask(3, 3), False), (41, square_mask(3, 11), False)],
        }
    )
    mask_rows, _ = predict_rows(MovingSquares(lost_at), make_images(), folder, pd.DataFrame(PROMPT_ROWS))
    MASKS.write(tmp_path / "masks.parquet", mask_rows)
    PROMPTS.write(tmp_path / "prompts.parquet", pd.DataFrame(PROMPT_ROWS))
    masks, prompts = MASKS.read(tmp_path / "masks.parquet"), PROMPTS.read(tmp_path / "prompts.parquet")
    _, instances, pairs = match_shard(masks, prompts, truth, make_images(), 0.5)
    pairs = pairs.set_index("prompt_id")
    assert pairs.loc[["2-5", "4-5", "4-6", "1-5"], "sum_iou"].tolist() == [1.0] * 4
    assert pairs.loc["3-5", ["n_truth", "n_predicted"]].tolist() == [0, n_false]
    assert pairs.loc["3-6", "sum_iou"] == pytest.approx(1 / 7 if lost_at > 2 else 0)
    assert not pairs.loc["0-5", "evaluable"]
    assert (instances["outcome"] == "false").sum() == 2 * n_false


@pytest.mark.parametrize(
    ("rows", "n_prompts"), [([*PROMPT_ROWS[:1], make_row(4, 5, [40], left=3)], 2), (PROMPT_ROWS[1:2], 0)]
)
def test_a_track_with_two_prompts_or_none_raises_a_one_line_error(folder, rows, n_prompts):
    with pytest.raises(UserError, match=f"track 5 has {n_prompts} prompts in its sequence instead of one"):
        predict_rows(MovingSquares(), make_images(), folder, pd.DataFrame(rows))


def test_images_outside_sequences_raise_a_one_line_error(folder):
    with pytest.raises(UserError, match="not a frame of a sequence"):
        predict_rows(MovingSquares(), make_images().assign(sequence=None), folder, pd.DataFrame(PROMPT_ROWS))


def test_a_shard_without_prompts_has_no_rows(folder):
    assert predict_rows(MovingSquares(), make_images().iloc[:0], folder, pd.DataFrame(PROMPT_ROWS)) == ([], [])


class Killed(BaseException):
    """Simulates a signal that ends the process."""


class KilledTracker(MovingSquares):
    """Is killed in the sequence with `n_frames` frames, after its first frame."""

    def __init__(self, n_frames):
        super().__init__()
        self.n_frames = n_frames

    def track(self, frames, object_prompts):
        for output in super().track(frames, object_prompts):
            if len(frames) == self.n_frames and output.predictions is None and output.index:
                raise Killed
            yield output


def test_a_killed_shard_resumes_with_the_unfinished_sequence(folder, tmp_path, caplog):
    arguments = make_images(), folder, pd.DataFrame(PROMPT_ROWS), "cpu"
    complete = ChunkStore(tmp_path / "complete", {}, 0.0)
    predict_tracks(MovingSquares(), *arguments, complete)
    with pytest.raises(Killed):
        predict_tracks(KilledTracker(3), *arguments, ChunkStore(tmp_path / "killed", {}, 0.0))
    resumed, tracker = ChunkStore(tmp_path / "killed", {}, 0.0), MovingSquares()
    assert resumed.n_done == 1  # of two sequences
    with caplog.at_level("INFO", logger="samgap"):
        predict_tracks(tracker, *arguments, resumed)
    assert len(tracker.frame_sizes) == 3
    assert "resuming after 1 of 2 sequences" in caplog.text
    for name, chunks in (("complete", complete), ("resumed", resumed)):
        chunks.write_tables(tmp_path / f"{name}.parquet", tmp_path / f"{name}-t.parquet", {"device": "cpu"})
    assert (tmp_path / "complete.parquet").read_bytes() == (tmp_path / "resumed.parquet").read_bytes()
    assert len(MASKS.read(tmp_path / "resumed.parquet")) == 7


def test_a_track_with_an_invalid_prompt_is_skipped_and_listed(folder):
    rows = [*PROMPT_ROWS[:3], make_row(4, 6, [41], left=50), *PROMPT_ROWS[4:]]
    outputs = list(_predict_sequences(MovingSquares(), make_images(), folder, pd.DataFrame(rows), "cpu"))
    prompt_ids = {row["prompt_id"] for output in outputs for row in output.mask_rows}
    assert prompt_ids == {"2-5", "4-5", "3-5", "1-5", "0-5"}
    assert [warning for output in outputs for warning in output.warnings] == [
        "track 6, prompted on a/00001.jpg, skipped: box (50, 3, 54, 7) is outside the image of 30x24 px"
    ]


def test_a_nan_score_has_no_row_and_is_listed(folder):
    class NanScores(MovingSquares):
        def track(self, frames, object_prompts):
            for output in super().track(frames, object_prompts):
                nan = Prediction(float("nan"), (0, 0, 1, 1), 1, b"01")
                yield FrameOutput(output.index, output.predictions and {**output.predictions, 0: [nan]})

    (output,) = _predict_sequences(NanScores(), make_images().iloc[2:], folder, pd.DataFrame(PROMPT_ROWS), "cpu")
    assert {row["prompt_id"] for row in output.mask_rows} == {"4-6", "3-6"}
    assert len(output.warnings) == 3
    assert "prompt 2-5 of image a/00000.jpg skipped: a score or mask of its predictions is NaN" in output.warnings[0]


def test_out_of_memory_names_the_sequence(folder):
    class TooLarge(MovingSquares):
        def track(self, frames, object_prompts):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(UserError, match="sequence b: out of memory"):
        predict_rows(TooLarge(), make_images(), folder, pd.DataFrame(PROMPT_ROWS))


def test_the_run_time_is_estimated_after_the_first_frames(folder, caplog):
    with caplog.at_level("INFO", logger="samgap"):
        predict_rows(MovingSquares(), make_images(), folder, pd.DataFrame(PROMPT_ROWS))
    assert "for 5 images" in caplog.text and "measured on the first 3" in caplog.text
