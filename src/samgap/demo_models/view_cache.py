"""Views of training images that are encoded once and kept in memory, for the training of a head on a frozen encoder."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from samgap.training.sam2.batch import BatchLoader, ObjectBatch, sample_point

VIEW_SEED = 20
"""Seed of the views, with the number of the view. A view does not depend on the step that uses it first."""


@dataclass
class ViewObjects:
    """The objects of a view."""

    packed_masks: np.ndarray  # (m, bytes), the bits of masks of side * side pixels
    mask_side: int
    boxes: torch.Tensor  # (m, 2, 2): top left and bottom right corner, px of the model's input
    loss_weights: torch.Tensor  # (m,)
    is_ground_truth: torch.Tensor  # (m,) bool: the mask is annotated, not estimated
    image_name: str


class ViewCache:
    """A fixed number of random views, each of which is encoded when its features are first needed."""

    def __init__(self, loader: BatchLoader, n_views: int) -> None:
        """Keep the arguments.

        Args:
            loader: samples a view and its objects; its option `batch` is 1
            n_views: number of views
        """
        self.loader, self.n_views = loader, n_views
        self.objects: dict[int, ViewObjects] = {}
        self.features: dict[int, torch.Tensor] = {}

    def sample_batch(self, n_views: int, rng: np.random.Generator) -> tuple[list[int], ObjectBatch, list[str]]:
        """Return the numbers of random views, their objects and the names of their images.

        The pixels of the batch are zeros, since the features of the views replace them.
        """
        indices = rng.choice(self.n_views, min(n_views, self.n_views), replace=False).tolist()
        views = [self._get_objects(index) for index in indices]
        return indices, self._join_objects(views, rng), [view.image_name for view in views]

    def get_features(
        self, indices: Sequence[int], encode: Callable[[torch.Tensor], torch.Tensor], device: str
    ) -> torch.Tensor:
        """Return the features of views, float32 (views, channels, height, width).

        Args:
            indices: the numbers of the views
            encode: returns the features (1, channels, height, width) of normalised pixels (1, 3, side, side)
            device: torch device of `encode` and of the result
        """
        for index in indices:
            if index not in self.features:
                # Sampled again, as the objects may have been sampled in another process.
                pixels = self._sample_view(index).pixels.to(device)
                self.features[index] = encode(pixels).half().cpu()
        return torch.cat([self.features[index] for index in indices]).to(device).float()

    def _sample_view(self, index: int) -> ObjectBatch:
        self.loader.sampled_image_names.clear()
        return self.loader.sample_batch(np.random.default_rng([VIEW_SEED, index]))

    def _get_objects(self, index: int) -> ViewObjects:
        if index not in self.objects:
            batch = self._sample_view(index)
            masks = batch.masks.numpy() > 0
            self.objects[index] = ViewObjects(
                np.packbits(masks.reshape(len(masks), -1), axis=1),
                masks.shape[-1],
                batch.boxes,
                batch.loss_weights,
                batch.is_ground_truth,
                self.loader.sampled_image_names[-1],
            )
        return self.objects[index]

    def _join_objects(self, views: Sequence[ViewObjects], rng: np.random.Generator) -> ObjectBatch:
        side = views[0].mask_side
        packed = np.concatenate([view.packed_masks for view in views])
        masks = np.unpackbits(packed, axis=1, count=side * side).reshape(-1, side, side)
        points = np.stack([sample_point(mask, rng) for mask in masks])
        image_size = self.loader.image_size
        counts = torch.tensor([len(view.boxes) for view in views])
        return ObjectBatch(
            torch.zeros(1).expand(len(views), 3, image_size, image_size),
            torch.arange(len(views)).repeat_interleave(counts),
            torch.from_numpy(masks).float(),
            torch.cat([view.boxes for view in views]),
            torch.from_numpy(points),
            torch.cat([view.loss_weights for view in views]),
            torch.cat([view.is_ground_truth for view in views]),
        )
