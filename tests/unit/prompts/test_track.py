"""Tracks: the rows of each track, and the correct prediction for each row."""

from dataclasses import replace

import numpy as np
import pytest

from samgap.annotations.ground_truth import GroundTruth, read_ground_truth
from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.prompts import box, track, write
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

from .conftest import SHAPE, make_instance

SCENES = {"scenes": 2, "size": 96, "seed": 4, "frames": 4}


def make_square(left):
    mask = np.zeros(SHAPE, bool)
    mask[5:12, left : left + 6] = True
    return mask


@pytest.fixture
def sequence():
    """Five frames with three tracks, and a single image.

    Track 1 is on all frames, and marked `ignore` on frame 3. Track 2 is marked `ignore` on frame 1, visible on frames 2
    and 4, and not visible on frame 3. Track 3 is always marked `ignore`. Image ids are 10 minus the frame number, so
    that their order is not that of the frames.
    """
    images, instances = {}, {}
    for frame in range(5):
        image_id, first_id = 10 - frame, 100 + 10 * frame
        images[image_id] = {
            **{"id": image_id, "file_name": f"s/{frame:05d}.jpg", "width": 30, "height": 20, "group": "s"},
            **{"sequence": "s", "frame": frame},
        }
        instances[image_id] = [
            make_instance(first_id + 1, image_id, make_square(frame), track=1, ignore=frame == 3),
            make_instance(first_id + 3, image_id, make_square(12), track=3, ignore=True),
        ]
        if frame in (1, 2, 4):
            second = make_instance(first_id + 2, image_id, make_square(20), track=2, ignore=frame == 1)
            instances[image_id].insert(1, second)
    images[1] = {"id": 1, "file_name": "single.jpg", "width": 30, "height": 20, "group": "single"}
    instances[1] = [make_instance(500, 1, make_square(2))]
    return GroundTruth(images, instances, frozenset({"apple"}), {})


def test_a_track_has_a_row_per_frame_from_its_first_evaluable_frame(sequence, seed, caplog):
    rows = list(track.generate_prompts(sequence, {}, seed))
    truth_ids = {(row["track"], 10 - row["image_id"]): row["truth_ids"] for row in rows}
    assert truth_ids == {
        **{(1, 0): [101], (1, 1): [111], (1, 2): [121], (1, 3): None, (1, 4): [141]},
        **{(2, 2): [122], (2, 3): [], (2, 4): [142]},
    }
    boxes = {(row["track"], 10 - row["image_id"]): row["boxes"][0] for row in rows if "boxes" in row}
    assert {key: (box["x0"], box["x1"]) for key, box in boxes.items()} == {(1, 0): (0, 6), (2, 2): (20, 26)}
    assert not any("points" in row for row in rows)
    assert "1 tracks get no prompt" in caplog.text and "track 3 of sequence s" in caplog.text


@pytest.mark.parametrize(("show", "columns"), [("point", {"points"}), ("point-box", {"points", "boxes"})])
def test_the_prompt_of_a_track_may_have_points(sequence, seed, show, columns):
    rows = list(track.generate_prompts(sequence, {"show": show, "points": 2, "negatives": 1}, seed))
    prompted = [row for row in rows if {"points", "boxes"} & set(row)]
    assert [(row["track"], {"points", "boxes"} & set(row)) for row in prompted] == [(2, columns), (1, columns)]
    assert all([point["label"] for point in row["points"]] == [1, 1, 0] for row in prompted)


def test_a_data_set_without_sequences_raises_a_one_line_error(truth, seed):
    with pytest.raises(UserError, match="no sequence with a tracked object"):
        list(track.generate_prompts(truth, {}, seed))


def test_the_prompt_of_a_track_in_a_synthetic_sequence_is_the_box_of_kind_box(tmp_path, seed):
    paths = [tmp_path / name for name in ("images", "instances.json", "images.parquet")]
    scenes, labels = orchard_sim.iter_images(SCENES, {}, 0), orchard_sim.describe_labels(SCENES)
    write_dataset(scenes, labels, *paths, dataset="orchard")
    images = IMAGES.read(paths[2])
    assert images["sequence"].value_counts().to_dict() == {"sequence-00000": 4, "sequence-00001": 4}
    assert images["frame"].tolist() == [0, 1, 2, 3] * 2
    truth = read_ground_truth(paths[1])
    write.write_prompts(tmp_path / "p.parquet", track.generate_prompts(truth, {}, seed), truth, {})
    rows = PROMPTS.read(tmp_path / "p.parquet").merge(images, on="image_id")
    boxes = {row["truth_ids"][0]: row["boxes"] for row in box.generate_prompts(truth, {}, seed)}
    for _, track_rows in rows.groupby(["sequence", "track"]):
        first = track_rows.iloc[0]
        assert track_rows["frame"].tolist() == list(range(first["frame"], 4))
        assert list(first["boxes"]) == boxes[first["truth_ids"][0]]
        assert track_rows["boxes"].iloc[1:].isna().all()
    assert rows["prompt_id"].is_unique and len(rows) > 40


def test_a_frame_that_lost_labels_does_not_prove_that_the_object_is_absent(sequence, seed):
    frame = sequence.images[7]
    incomplete = replace(sequence, images={**sequence.images, 7: {**frame, "incomplete": ["apple"]}})
    rows = {
        (row["track"], 10 - row["image_id"]): row["truth_ids"] for row in track.generate_prompts(incomplete, {}, seed)
    }
    # Track 2 has no instance on frame 3; before, it counted as not visible there.
    assert rows[2, 3] is None and rows[2, 4] == [142] and rows[1, 2] == [121]
