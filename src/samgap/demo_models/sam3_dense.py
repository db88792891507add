"""Training method `sam3-dense`: training of SAM3's image encoder to classify every location, before detection.

The published model starts from an encoder pretrained on images. The demo model starts from random weights, and boxes
and phrases give an encoder little signal per step. So auxiliary heads, discarded after training, predict from its
finest and its coarsest feature map the noun and the attributes at each location, and on the coarse map the box of an
object at its centre (as in FCOS, arXiv:1904.01355). With a loss weight `loss_match` the fusion encoder is trained too,
to predict which phrases refer to the object at a location (`match_head`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from samgap.demo_models import dense_heads, match_head, sam3_match
from samgap.demo_models.dense_views import UNLABELLED, DenseView, build_vocabulary, sample_dense_view
from samgap.errors import UserError
from samgap.models.runtime.device import cuda_shim
from samgap.training.sam3 import task as sam3
from samgap.training.sam3.queries import sample_queries
from samgap.training.sam3.views import ViewSampler
from samgap.training.tasks import Batch, Score, sample_source_indices

FULL_IMAGE_CROP = {"low": 1.0, "high": 1.0}

N_VALIDATION_VIEWS = 64
"""Number of views of the validation data set in a validation."""

MatchQuery = tuple[int, str, torch.Tensor, torch.Tensor]
"""Index of a view, a text, and labels (1, locations) and foreground (1, locations) of the coarse grid's locations."""


class DenseTask:
    """Dense classification of views."""

    def __init__(
        self,
        model: Any,
        options: Mapping[str, Any],
        samplers: Sequence[ViewSampler],
        validation_sampler: ViewSampler,
        phrases: Sequence[Mapping[str, Any]],
        device: str,
    ) -> None:
        """Make the auxiliary heads, with random weights.

        Args:
            model: a `Sam3Image` of the package
            options: the entry of `trainings`
            samplers: views of each training data set
            validation_sampler: views of the validation data set
            phrases: the phrases of the training's prompt set
            device: torch device

        Raises:
            UserError: the first data set has no instances.
        """
        self.model, self.options, self.device = model, options, device
        self.samplers, self.validation_sampler = samplers, validation_sampler
        self.vocabulary = build_vocabulary(samplers, phrases)
        counts = Counter(
            instance.noun
            for image_id in samplers[0].image_ids
            for instance in samplers[0].ground_truth.instances_of(image_id)
        )
        if not counts:
            raise UserError(
                f"{samplers[0].source.ground_truth_path}: it has no instances; the method sam3-dense needs some in the "
                "training's data set"
            )
        self.noun_rarity = [max(counts.values()) / max(counts[noun], 1) for noun in self.vocabulary.nouns]
        with torch.no_grad():
            blank = torch.zeros(1, 3, samplers[0].view_size, samplers[0].view_size, device=device)
            feature_maps = model.backbone.forward_image(blank)["backbone_fpn"]
        self.grid_sizes = feature_maps[0].shape[-1], feature_maps[-1].shape[-1]
        self.auxiliary_heads = dense_heads.AuxiliaryHeads(feature_maps[0].shape[1], self.vocabulary).to(device)
        self.match_weight = options.get("loss-weights", {}).get("loss_match", 0.0)

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Return `batch` random views (an option), sampled from the data sets by fraction."""
        sources = [sampler.source for sampler in self.samplers]
        views, image_names = [], []
        for index in sample_source_indices(sources, self.options["batch"], rng):
            views.append(self._sample_view(self.samplers[index], rng))
            image_names.append(self.samplers[index].last_image_name)
        return Batch(views, image_names)

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the loss terms of a batch, means over its locations, with `loss_match` if it has a weight."""
        views = batch.data
        encoded = self._encode_views(views)
        terms = dense_heads.compute_losses(self.auxiliary_heads(encoded["backbone_fpn"]), views, self.noun_rarity)
        if self.match_weight and (queries := self._sample_match_queries(views, rng)):
            terms["loss_match"] = match_head.compute_match_loss(*self._predict_matches(encoded, queries))
            terms["total"] = terms["total"] + self.match_weight * terms["loss_match"]
        return terms

    @torch.no_grad()
    def validate(self) -> dict[str, Score]:
        """Return scores on views of the validation data set, the same in every validation."""
        self.model.eval()
        rng = np.random.default_rng(0)
        views = [self._sample_view(self.validation_sampler, rng) for _ in range(N_VALIDATION_VIEWS)]
        encoded = self._encode_views(views)
        scores = dense_heads.compute_validation_scores(self.auxiliary_heads(encoded["backbone_fpn"]), views)
        if self.match_weight and (queries := self._sample_match_queries(views, rng)):
            logits, labels, _ = self._predict_matches(encoded, queries)
            scores |= match_head.compute_validation_scores(logits, labels)
        return {name: Score(value) for name, value in scores.items()}

    def _sample_view(self, sampler: ViewSampler, rng: np.random.Generator) -> DenseView:
        return sample_dense_view(sampler, self.vocabulary, *self.grid_sizes, rng)

    def _encode_views(self, views: Sequence[DenseView]) -> dict[str, Any]:
        pixels = torch.stack([view.pixels for view in views]).to(self.device)
        encoded: dict[str, Any] = self.model.backbone.forward_image(pixels)
        return encoded

    def _sample_match_queries(self, views: Sequence[DenseView], rng: np.random.Generator) -> list[MatchQuery]:
        match_queries = []
        options, grid_size = {**self.options, "exemplars": 0.0}, self.grid_sizes[1]
        for index, view in enumerate(views):
            is_unlabelled = view.instance_map[None] == UNLABELLED
            is_foreground = match_head.make_grid_labels((view.instance_map >= 0)[None], grid_size) > 0
            for query in sample_queries(view.phrases, view.visible, view.ambiguous, rng, options):
                # NO_INSTANCE and UNLABELLED index the last two elements.
                is_target = torch.tensor([item.id in query.target_ids for item in view.visible] + [False, False])
                target_mask = is_target[view.instance_map][None]
                labels = match_head.make_grid_labels(target_mask, grid_size, is_unlabelled)
                match_queries.append((index, query.text, labels, is_foreground))
        return match_queries

    def _predict_matches(
        self, backbone_output: dict[str, Any], match_queries: Sequence[MatchQuery]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logits, labels and foreground of the queries, each (queries, locations)."""
        view_indices, texts, labels, is_foreground = zip(*match_queries, strict=True)
        encoded = match_head.encode_queries(self.model, backbone_output, texts, view_indices, self.device)
        return (
            self.auxiliary_heads.match_head(encoded),
            torch.cat(labels).to(self.device),
            torch.cat(is_foreground).to(self.device),
        )


def open_task(**arguments: Any) -> DenseTask:
    """Return the training task of an entry of `trainings`; the arguments are those of `samgap.training.sam3.task.Task`.

    The model and the views are those of the detection task. The validation views are not augmented.
    """
    with_match_loss = "loss_match" in arguments["options"].get("loss-weights", {})
    task = (sam3_match if with_match_loss else sam3).open_task(**arguments)
    validation_options = {"crops": task.options.get("crops", FULL_IMAGE_CROP)}
    validation_sampler = ViewSampler(task.validation_source, task.phrases, task.image_size, validation_options)
    with cuda_shim(task.device):
        return DenseTask(task.model, arguments["options"], task.samplers, validation_sampler, task.phrases, task.device)
