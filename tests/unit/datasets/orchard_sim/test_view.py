"""Sequences of the simulated orchard: frames, tracks and optical flow."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset
from tests.helpers.orchard import SEQUENCES, decode_rgb


def test_frames_are_named_and_numbered_as_a_video(frames):
    names = [f"sequence-{number:05d}/{frame:05d}.jpg" for number in range(2) for frame in range(4)]
    assert [image.file_name for image in frames] == names
    for number, image in enumerate(frames):
        sequence, frame = divmod(number, 4)
        assert (image.sequence, image.frame_index) == (f"sequence-{sequence:05d}", frame)
        assert image.group == image.sequence
        assert list(image.extra_files) == [f"{image.sequence}/flow/{frame:05d}.png"] * (frame < 3)


def test_track_is_the_same_instance_in_all_frames(frames):
    for number in range(2):
        sequence = frames[4 * number : 4 * number + 4]
        labels_by_track = {}
        for image in sequence:
            tracks = [annotation.track_id for annotation in image.annotations]
            assert len(set(tracks)) == len(tracks) and None not in tracks
            for annotation in image.annotations:
                constant = {name: annotation.attributes.get(name) for name in ("ripeness", "colour", "size")}
                assert labels_by_track.setdefault(annotation.track_id, (annotation.noun, constant)) == (
                    annotation.noun,
                    constant,
                )
        tracks_in_all_frames = set.intersection(
            *({annotation.track_id for annotation in image.annotations} for image in sequence)
        )
        assert len(tracks_in_all_frames) >= 2


def test_flow_maps_each_instance_to_its_mask_in_the_next_frame(frames):
    n_mapped_px, unmoved_difference, moved_difference = 0, [], []
    for frame, next_frame in itertools.pairwise(frames):
        if frame.sequence != next_frame.sequence:
            continue
        (flow,) = frame.extra_files.values()
        channels = np.asarray(Image.open(io.BytesIO(flow))).astype(int)
        right, down, visible = channels[..., 0] - 128, channels[..., 1] - 128, channels[..., 2]
        assert set(np.unique(visible)) <= {0, 255}
        assert len(np.unique(right)) >= 3  # background, tree and foreground move at different speeds
        next_masks = {annotation.track_id: annotation.mask for annotation in next_frame.annotations}
        empty_mask = np.zeros((frame.height, frame.width), bool)
        for annotation in frame.annotations:
            rows, columns = np.nonzero(annotation.mask)
            y, x = rows + down[rows, columns], columns + right[rows, columns]
            is_inside = (y >= 0) & (y < frame.height) & (x >= 0) & (x < frame.width)
            mask = next_masks.get(annotation.track_id, empty_mask)
            is_same = is_inside & mask[y.clip(0, frame.height - 1), x.clip(0, frame.width - 1)]
            assert (is_same == (visible[rows, columns] == 255)).all()
            assert (
                len(set(zip(right[rows, columns], down[rows, columns], strict=True))) == 1
            )  # all pixels of an instance have the same motion
            n_mapped_px += is_same.sum()
        rows, columns = np.nonzero(visible == 255)
        pixels, next_pixels = decode_rgb(frame), decode_rgb(next_frame)
        y, x = rows + down[rows, columns], columns + right[rows, columns]
        moved_difference.append(np.abs(next_pixels[y, x] - pixels[rows, columns]).mean())
        unmoved_difference.append(np.abs(next_pixels[rows, columns] - pixels[rows, columns]).mean())
    assert n_mapped_px > 2000
    assert (
        max(np.array(moved_difference) / unmoved_difference) < 0.75
    )  # the frames differ only by the flow, noise and sun flecks


def test_sam2_loads_a_sequence_as_video(tmp_path):
    misc = pytest.importorskip("sam2.utils.misc")
    paths = [tmp_path / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(orchard_sim.iter_images(SEQUENCES, {}, 0), orchard_sim.describe_labels({}), *paths, dataset="pan")
    images, height, width = misc.load_video_frames(str(tmp_path / "images/sequence-00001"), 64, True)
    assert images.shape == (4, 3, 64, 64) and (height, width) == (160, 160)
    assert (images[0] - images[3]).abs().mean() > 0.05  # the frames differ
    truth = ground_truth.read_ground_truth(tmp_path / "instances.json")
    assert [image["frame"] for image in truth.images.values()] == [0, 1, 2, 3] * 2
    tracks = [{instance.track for instance in truth.instances_of(image)} for image in truth.images]
    assert tracks[0] & tracks[1] and None not in set().union(*tracks)
