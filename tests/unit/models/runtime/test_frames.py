"""Frames as input tensors, and the objects that are prompted on them."""

import numpy as np
import pytest
from PIL import Image

from samgap.models.runtime.frames import FrameTensors, iter_frames


def test_frames_are_resized_and_normalized_per_channel():
    frames = [Image.new("RGB", (6, 4), (255, 0, 51)), Image.new("L", (6, 4), 255)]
    tensors = FrameTensors(frames, 8, (0.5, 0.0, 0.2), (0.5, 1.0, 2.0))
    assert len(tensors) == 2 and tensors[0].shape == (3, 8, 8)
    assert tensors[0][:, 0, 0].tolist() == pytest.approx([1.0, 0.0, 0.0], abs=1e-6)
    assert np.allclose(tensors[1][:, 3, 3], [1.0, 1.0, 0.4])


def test_frames_start_at_the_first_prompt_and_have_the_objects_prompted_on_them():
    first, second, third = {"points": 1}, {"points": 2}, {"points": 3}
    assert list(iter_frames(5, [(3, first), (1, second), (3, third)])) == [
        (1, {1: second}),
        (2, {}),
        (3, {0: first, 2: third}),
        (4, {}),
    ]


def test_without_prompts_no_frame_is_tracked():
    assert list(iter_frames(5, [])) == []
