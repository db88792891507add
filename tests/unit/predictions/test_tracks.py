"""Sequences through a tracker: which prompt a mask answers, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.matching.shard import match_shard
from samgap.models import FrameOutput, Prediction
from samgap.models.runtime.predictions import masks_to_predictions
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.tracks import _predict_sequences, predict_tracks
from samgap.tables.catalog import TABLES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS

from ...helpers.scenes import make_ground_truth, square_mask

SHAPE = (24, 30)


def _followed(*asked):
    found = list(_predict_sequences(*asked, "cpu"))
    return [row for one in found for row in one.mask_rows], [row for one in found for row in one.timing_rows]


class Moving:
    """Sees object n as the square that is shown, one pixel further to the right on every frame; loses it at `until`."""

    def __init__(self, until=99):
        self.until, self.sizes, self.shown = until, [], []

    def track(self, frames, object_prompts):
        self.shown.append(object_prompts)
        for number in range(min(frame for frame, _ in object_prompts), len(frames)):
            self.sizes.append(frames[number].size)
            yield FrameOutput(number, None)
            answers = {}
            for place, (start, row) in enumerate(object_prompts):
                if number >= start:
                    mask = square_mask(int(row["boxes"][0]["y0"]), int(row["boxes"][0]["x0"]) + number)
                    answers[place] = masks_to_predictions(np.array([0.9]), None, mask[None] & (number < self.until))
            yield FrameOutput(number, answers)


@pytest.fixture
def folder(tmp_path):
    """Two sequences; in the table the frames of the second stand before the first's, and in no order."""
    rows = [("b", 1), ("b", 0), ("a", 0), ("a", 2), ("a", 1)]
    for sequence, frame in rows:
        (tmp_path / sequence).mkdir(exist_ok=True)
        Image.new("RGB", SHAPE[::-1], (frame, 0, 0)).save(tmp_path / sequence / f"{frame:05d}.jpg")
    return tmp_path


def _images():
    rows = [("b", 1), ("b", 0), ("a", 0), ("a", 2), ("a", 1)]
    columns = {"width": SHAPE[1], "height": SHAPE[0], "group": "g"}
    return pd.DataFrame(
        [
            {"image_id": n, "file": f"{sequence}/{frame:05d}.jpg", **columns, "sequence": sequence, "frame": frame}
            for n, (sequence, frame) in enumerate(rows)
        ]
    )


def _row(image, track, wanted, left=None):
    boxes = None if left is None else [{"x0": left, "y0": 3, "x1": left + 4, "y1": 7, "label": 1}]
    key = f"{image}-{track}"
    return {"prompt_id": key, "image_id": image, "kind": "track", "track": track, "boxes": boxes, "truth_ids": wanted}


# Image ids: sequence a is 2, 4, 3; sequence b is 1, 0. Both have a track 5.
PROMPT_ROWS = [
    *[_row(2, 5, [20], left=2), _row(4, 5, [40]), _row(3, 5, [])],
    *[_row(4, 6, [41], left=10), _row(3, 6, [31])],
    *[_row(1, 5, [10], left=0), _row(0, 5, None)],
]


def test_a_mask_answers_the_prompt_of_its_own_frame_and_track(folder):
    tracker = Moving()
    masks, timing = _followed(tracker, _images(), folder, pd.DataFrame(PROMPT_ROWS))
    left = {row["prompt_id"]: row["x0"] for row in masks}
    assert left == {"2-5": 2, "4-5": 3, "3-5": 4, "4-6": 11, "3-6": 12, "1-5": 0, "0-5": 1}
    assert all(row["prompt_id"].split("-")[0] == str(row["image_id"]) and row["prediction_id"] == 0 for row in masks)
    assert [(row["image_id"], row["n_prompts"]) for row in timing] == [(1, 1), (0, 1), (2, 1), (4, 2), (3, 2)]
    assert all(
        row["device"] == "cpu" and min(row["read_ms"], row["encode_ms"], row["decode_ms"]) >= 0 for row in timing
    )
    assert [[frame for frame, _ in shown] for shown in tracker.shown] == [[0], [0, 1]]
    assert set(tracker.sizes) == {SHAPE[::-1]}


def test_each_frame_is_measured_and_one_out_of_sight_wants_no_mask(folder, tmp_path):
    truth = make_ground_truth({2: [(20, square_mask(3, 2), False)], 4: [(40, square_mask(3, 3), False), (41, square_mask(3, 11), False)],
                      3: [(31, square_mask(3, 9), False)], 1: [(10, square_mask(3, 0), False)], 0: []})  # fmt: skip
    for until, false in ((99, 1), (2, 0)):
        masks, _ = _followed(Moving(until), _images(), folder, pd.DataFrame(PROMPT_ROWS))
        MASKS.write(tmp_path / "m.parquet", masks)
        PROMPTS.write(tmp_path / "p.parquet", pd.DataFrame(PROMPT_ROWS))
        found = [TABLES[name].read(tmp_path / f"{name[0]}.parquet") for name in ("masks", "prompts")]
        _, instances, pairs = match_shard(*found, truth, _images(), 0.5)
        of = pairs.set_index("prompt_id")
        assert of.loc[["2-5", "4-5", "4-6", "1-5"], "sum_iou"].tolist() == [1.0] * 4
        assert of.loc["3-5", ["n_truth", "n_predicted"]].tolist() == [0, false]
        assert of.loc["3-6", "sum_iou"] == pytest.approx(1 / 7 if until > 2 else 0)
        assert not of.loc["0-5", "evaluable"]
        assert (instances["outcome"] == "false").sum() == 2 * false


def test_a_track_shown_twice_or_never_is_one_line(folder):
    for rows, times in (([*PROMPT_ROWS[:1], _row(4, 5, [40], left=3)], 2), (PROMPT_ROWS[1:2], 0)):
        with pytest.raises(UserError, match=f"track 5 is shown {times} times"):
            _followed(Moving(), _images(), folder, pd.DataFrame(rows))


def test_images_that_are_no_frames_are_one_line(folder):
    with pytest.raises(UserError, match="no frame of a sequence"):
        _followed(Moving(), _images().assign(sequence=None), folder, pd.DataFrame(PROMPT_ROWS))


def test_a_shard_without_prompts_has_no_rows(folder):
    assert _followed(Moving(), _images().iloc[:0], folder, pd.DataFrame(PROMPT_ROWS)) == ([], [])


class Killed(BaseException):
    pass


class DiesIn(Moving):
    """Is killed in the sequence of so many frames, once it has answered one."""

    def __init__(self, frames):
        super().__init__()
        self.frames = frames

    def track(self, frames, object_prompts):
        for frame in super().track(frames, object_prompts):
            if len(frames) == self.frames and frame.predictions is None and frame.index:
                raise Killed
            yield frame


def test_a_killed_shard_goes_on_with_the_sequence_that_it_was_in(folder, tmp_path, caplog):
    asked = _images(), folder, pd.DataFrame(PROMPT_ROWS), "cpu"
    whole = ChunkStore(tmp_path / "whole", {}, 0.0)
    predict_tracks(Moving(), *asked, whole)
    with pytest.raises(Killed):
        predict_tracks(DiesIn(3), *asked, ChunkStore(tmp_path / "cut", {}, 0.0))
    again, tracker = ChunkStore(tmp_path / "cut", {}, 0.0), Moving()
    assert again.n_done == 1  # of two sequences; the first has two frames
    with caplog.at_level("INFO", logger="samgap"):
        predict_tracks(tracker, *asked, again)
    assert len(tracker.sizes) == 3
    assert "going on after 1 of 2 sequences" in caplog.text
    for name, chunks in (("whole", whole), ("cut", again)):
        chunks.write_tables(tmp_path / f"{name}.parquet", tmp_path / f"{name}-t.parquet", {"device": "cpu"})
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "cut.parquet").read_bytes()
    assert len(MASKS.read(tmp_path / "cut.parquet")) == 7


def test_a_track_that_cannot_be_shown_is_left_out_whole_and_named(folder):
    rows = [*PROMPT_ROWS[:3], _row(4, 6, [41], left=50), *PROMPT_ROWS[4:]]
    masks, _ = _followed(Moving(), _images(), folder, pd.DataFrame(rows))
    assert {row["prompt_id"] for row in masks} == {"2-5", "4-5", "3-5", "1-5", "0-5"}
    notes = [
        note
        for one in _predict_sequences(Moving(), _images(), folder, pd.DataFrame(rows), "cpu")
        for note in one.warnings
    ]
    assert notes == ["track 6, shown on a/00001.jpg, left out: box (50, 3, 54, 7) lies outside the image of 30x24 px"]


def test_a_score_that_is_no_number_is_named_and_has_no_row(folder):
    class Unsure(Moving):
        def track(self, frames, shown):
            for frame in super().track(frames, shown):
                none = Prediction(float("nan"), (0, 0, 1, 1), 1, b"01")
                yield FrameOutput(frame.index, frame.predictions and {**frame.predictions, 0: [none]})

    (one,) = _predict_sequences(Unsure(), _images().iloc[2:], folder, pd.DataFrame(PROMPT_ROWS), "cpu")
    assert {row["prompt_id"] for row in one.mask_rows} == {"4-6", "3-6"}
    assert (
        len(one.warnings) == 3 and "prompt 2-5 of image a/00000.jpg left out: a score of its answer" in one.warnings[0]
    )


def test_memory_that_runs_out_names_the_sequence(folder):
    class Large(Moving):
        def track(self, frames, shown):
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(UserError, match="sequence b: the model does not fit into the memory"):
        _followed(Large(), _images(), folder, pd.DataFrame(PROMPT_ROWS))


def test_how_long_it_takes_is_told_after_the_first_frames(folder, caplog):
    with caplog.at_level("INFO", logger="samgap"):
        _followed(Moving(), _images(), folder, pd.DataFrame(PROMPT_ROWS))
    assert "for 5 images" in caplog.text and "measured on the first 3" in caplog.text
