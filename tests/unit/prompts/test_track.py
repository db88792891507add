"""An object shown once and followed: which rows a track gives, and what a right answer to each is."""

import numpy as np
import pytest

from samgap.annotations import ground_truth
from samgap.annotations.ground_truth import GroundTruth
from samgap.datasets import orchard_sim
from samgap.datasets import write as data
from samgap.errors import UserError
from samgap.prompts import box, track, write
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

from .conftest import SHAPE, instance

OPTIONS = {"scenes": 2, "size": 96, "seed": 4, "frames": 4}


def _square(left):
    mask = np.zeros(SHAPE, bool)
    mask[5:12, left : left + 6] = True
    return mask


def _moving():
    """Five frames. Track 1 is always there, but marked `ignore` on frame 3; track 2 comes on frame 1 (too little of it
    to be asked for), can be asked for on frame 2 and is out of sight on frame 3. Track 3 can never be."""
    images, instances, key = {}, {}, 100
    for frame in range(5):
        image = 10 - frame  # the frame's number orders the sequence, not the image's id
        images[image] = {"id": image, "file_name": f"s/{frame:05d}.jpg", "width": 30, "height": 20, "group": "s"}
        images[image] |= {"sequence": "s", "frame": frame}
        items = [instance(key + 10 * frame + 1, image, _square(frame), track=1, ignore=frame == 3)]
        if frame in (1, 2, 4):
            items.append(instance(key + 10 * frame + 2, image, _square(20), track=2, ignore=frame == 1))
        items.append(instance(key + 10 * frame + 3, image, _square(12), track=3, ignore=True))
        instances[image] = items
    images[1] = {"id": 1, "file_name": "alone.jpg", "width": 30, "height": 20, "group": "alone"}
    instances[1] = [instance(500, 1, _square(2))]
    return GroundTruth(images, instances, frozenset({"apple"}), {})


def test_a_track_has_a_row_a_frame_from_the_first_on_which_it_may_be_asked_for(seed, caplog):
    rows = list(track.generate_prompts(_moving(), {}, seed))
    told = {(row["track"], 10 - row["image_id"]): row["truth_ids"] for row in rows}
    assert told == {
        **{(1, 0): [101], (1, 1): [111], (1, 2): [121], (1, 3): None, (1, 4): [141]},
        **{(2, 2): [122], (2, 3): [], (2, 4): [142]},
    }
    shown = {(row["track"], 10 - row["image_id"]): row["boxes"] for row in rows if "boxes" in row}
    assert {key: (box[0]["x0"], box[0]["x1"]) for key, box in shown.items()} == {(1, 0): (0, 6), (2, 2): (20, 26)}
    assert not any("points" in row for row in rows)
    assert "1 tracks get no prompt" in caplog.text and "track 3 of sequence s" in caplog.text


@pytest.mark.parametrize(("show", "columns"), [("point", {"points"}), ("point-box", {"points", "boxes"})])
def test_an_object_may_be_shown_by_points(seed, show, columns):
    rows = list(track.generate_prompts(_moving(), {"show": show, "points": 2, "negatives": 1}, seed))
    first = [row for row in rows if columns & set(row)]
    assert [(row["track"], columns & set(row)) for row in first] == [(2, columns), (1, columns)]
    assert all([point["label"] for point in row["points"]] == [1, 1, 0] for row in first)


def test_a_data_set_without_sequences_is_one_line(truth, seed):
    with pytest.raises(UserError, match="no sequence with a tracked object"):
        list(track.generate_prompts(truth, {}, seed))


def test_the_drawn_sequences_give_tracks_whose_box_is_that_of_kind_box(tmp_path, seed):
    paths = [tmp_path / name for name in ("images", "instances.json", "images.parquet")]
    data.write_dataset(
        orchard_sim.iter_images(OPTIONS, {}, 0), orchard_sim.describe_labels(OPTIONS), *paths, dataset="orchard"
    )
    images = IMAGES.read(paths[2])
    assert images["sequence"].value_counts().to_dict() == {"sequence-00000": 4, "sequence-00001": 4}
    assert images["frame"].tolist() == [0, 1, 2, 3] * 2
    found = ground_truth.read_ground_truth(paths[1])
    write.write_prompts(tmp_path / "p.parquet", track.generate_prompts(found, {}, seed), found, {})
    rows = PROMPTS.read(tmp_path / "p.parquet").merge(images, on="image_id")
    boxes = {row["truth_ids"][0]: row["boxes"] for row in box.generate_prompts(found, {}, seed)}
    for _, of_track in rows.groupby(["sequence", "track"]):
        first = of_track.iloc[0]
        assert of_track["frame"].tolist() == list(range(first["frame"], 4))
        assert list(first["boxes"]) == boxes[first["truth_ids"][0]]
        assert of_track["boxes"].iloc[1:].isna().all()
    assert rows["prompt_id"].is_unique and len(rows) > 40
