"""Frames of a sequence as the input tensors of a video model, and the order in which they are tracked."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image


class FrameTensors:
    """Resized and normalized frames, float32 (3, side, side), each read when it is indexed.

    Args:
        frames: RGB frames.
        image_size: side of the model's input in px.
        mean: mean of each channel of the model's training images, for values from 0 to 1.
        std: standard deviation of each channel.
    """

    def __init__(
        self, frames: Sequence[Image.Image], image_size: int, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        self.frames, self.image_size = frames, image_size
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        # Same order of operations as in the packages, for identical values: resize with PIL, scale to 0-1, normalize.
        pixels = np.array(self.frames[index].convert("RGB").resize((self.image_size, self.image_size))) / 255.0
        return (torch.from_numpy(pixels).permute(2, 0, 1).float() - self.mean) / self.std


def iter_frames(
    n_frames: int, object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
) -> Iterator[tuple[int, dict[int, Mapping[str, Any]]]]:
    """Yield the frames from the first prompt on: the index of each, and the objects that are prompted on it.

    Args:
        n_frames: number of frames of the sequence.
        object_prompts: for each object, the frame on which it is prompted, and its prompt.

    Yields:
        Index of the frame, and object id -> prompt. The id of an object is its position in `object_prompts`.
    """
    prompts_by_frame: dict[int, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for object_id, (frame_index, prompt) in enumerate(object_prompts):
        prompts_by_frame[frame_index][object_id] = prompt
    for frame_index in range(min(prompts_by_frame, default=n_frames), n_frames):
        yield frame_index, prompts_by_frame.get(frame_index, {})
