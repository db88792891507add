"""Clips of SAM2: the masks of a clip follow its objects."""

import numpy as np

from samgap.training.sam2.clips import sample_video_batch
from tests.helpers.discs import BLUE, RED, make_loader, to_rgb


def test_masks_of_a_clip_follow_the_discs(discs):
    distances, area_fractions = [], []
    for seed in range(8):
        options = {"frames": 6, "videos": 1, "objects": 2}
        batch = sample_video_batch(make_loader(discs, "masks.json"), options, np.random.default_rng(seed))
        pixels = to_rgb(batch.img_batch[:, 0])
        for number in range(batch.masks.shape[1]):
            centres, colour = [], None
            areas = batch.masks[:, number].sum((1, 2)).tolist()
            area_fractions.append(min(areas) / areas[0])
            for frame, mask in zip(pixels, batch.masks[:, number].numpy(), strict=True):
                if mask.sum() > 30:
                    middle = np.median(frame[mask], axis=0)
                    colour = middle if colour is None else colour
                    assert np.abs(middle - colour).max() < 8
                    assert min(np.abs(middle - RED).max(), np.abs(middle - BLUE).max()) < 8
                    centres.append(np.argwhere(mask).mean(axis=0))
            distances.append(np.linalg.norm(centres[-1] - centres[0]))
    assert np.mean(distances) > 5
    assert min(area_fractions) < 0.5  # out of view, or occluded
