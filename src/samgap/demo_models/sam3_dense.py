"""A first training of SAM3's image encoder: to tell at every place what is seen there, before anything is asked.

The published model starts from an encoder that was trained on images long before it learnt to detect. Ours starts from
nothing, and boxes and phrases alone teach an encoder little a step. So two heads, thrown away afterwards, read its
finest and its coarsest feature map: the noun and the attributes of what is at a place, and in the cells that hold the
middle of an object its box too (as FCOS does, arXiv 1904.01355).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import box_iou, generalized_box_iou_loss

from samgap.demo_models import sam3_match
from samgap.demo_models.dense_views import (
    BACKGROUND,
    IGNORE_LABEL,
    UNLABELLED,
    DenseView,
    Vocabulary,
    build_vocabulary,
    sample_dense_view,
)
from samgap.training.loop import sample_source_indices
from samgap.training.sam3.queries import sample_queries
from samgap.training.sam3.views import ViewSampler

HeadOutputs = tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]
"""By label the scores of every place and of every cell, and boxes; `Heads.forward` gives the shapes."""

MatchQuery = tuple[int, str, torch.Tensor, torch.Tensor]

BOX_LOSS_WEIGHT = 2.0
"""Weight of the boxes' loss (generalised IoU) beside the cross-entropies."""

N_VALIDATION_VIEWS = 64
"""So many views of the validation set a training is watched on."""


class AuxiliaryHeads(nn.Module):
    """The two heads on feature maps of `width` channels, and the reader of the encoder's answer."""

    def __init__(self, n_channels: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.class_counts = [len(vocabulary.nouns) + 1, *(len(values) for values in vocabulary.attributes.values())]
        self.fine_head = _make_head(n_channels, sum(self.class_counts))
        self.coarse_head = _make_head(n_channels, sum(self.class_counts) + 4)
        self.match_head = sam3_match.MatchHead(n_channels)

    def forward(self, feature_maps: Sequence[torch.Tensor]) -> HeadOutputs:
        """Scores by label of every place (batch, values, f, f) and cell (batch, values, c, c), and boxes
        (batch, 4, c, c): x0, y0, x1, y1 as shares of the view."""
        fine, coarse = self.fine_head(feature_maps[0]), self.coarse_head(feature_maps[-1])
        reach = functional.softplus(coarse[:, -4:]) / coarse.shape[-1]
        steps = (torch.arange(coarse.shape[-1], device=coarse.device) + 0.5) / coarse.shape[-1]
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        boxes = torch.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], dim=1)
        return list(fine.split(self.class_counts, 1)), list(coarse[:, :-4].split(self.class_counts, 1)), boxes


def _make_head(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, in_channels, 1), nn.ReLU(), nn.Conv2d(in_channels, out_channels, 1))


def compute_losses(
    outputs: HeadOutputs, targets: Sequence[DenseView], noun_rarity: Sequence[float]
) -> dict[str, torch.Tensor]:
    """Cross-entropies of nouns and attributes on both maps, and the boxes' generalised IoU; `total` is their sum.

    `often` says how much more often than each noun of the vocabulary the commonest one is seen: a rare noun weighs the
    root of that more, so that it is not taken for the commonest.
    """
    weights = torch.tensor([1.0, *(rate**0.5 for rate in noun_rarity)], device=outputs[2].device)
    fine, coarse, boxes = outputs
    places = torch.stack([one.fine_labels for one in targets]).to(boxes.device)
    cells = torch.stack([one.coarse_labels for one in targets]).to(boxes.device)
    right = torch.stack([one.boxes for one in targets]).to(boxes.device)
    middle = cells[:, 0] > BACKGROUND
    terms = {
        "loss_noun": _cross_entropy(fine[0], places[:, 0], _scale_foreground_weights(weights, 2.0)),
        "loss_attribute": _mean_or_zero(
            [_cross_entropy(each, places[:, n + 1]) for n, each in enumerate(fine[1:])], boxes
        ),
        "loss_cell": _cross_entropy(coarse[0], cells[:, 0], _scale_foreground_weights(weights, 4.0)),
        "loss_cell_attribute": _mean_or_zero(
            [_cross_entropy(each, cells[:, n + 1]) for n, each in enumerate(coarse[1:])], boxes
        ),
        "loss_box": boxes.sum() * 0,
    }
    if middle.any():
        pairs = boxes.permute(0, 2, 3, 1)[middle], right.permute(0, 2, 3, 1)[middle]
        terms["loss_box"] = generalized_box_iou_loss(*pairs, reduction="mean")
    terms["total"] = sum(terms.values()) + (BOX_LOSS_WEIGHT - 1) * terms["loss_box"]
    return terms


def _scale_foreground_weights(weights: torch.Tensor, factor: float) -> torch.Tensor:
    """The `weights` of labels, `factor` times as much where a label says that something is there."""
    weights = weights * factor
    weights[BACKGROUND] = 1.0
    return weights


def _cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, class_weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Mean over the places with a label, by the `weight` of their labels. 0 where none has."""
    if not bool((labels != IGNORE_LABEL).any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits, labels, class_weights, ignore_index=IGNORE_LABEL)


def _mean_or_zero(terms: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    return torch.stack(list(terms)).mean() if terms else like.sum() * 0


def validation_scores(outputs: HeadOutputs, targets: Sequence[DenseView]) -> dict[str, float]:
    """What is watched: IoU of what is seen as something, the share of right nouns and attributes there, and of the
    cells in objects' middles that are found, with a box of IoU 0.5 at least."""
    fine, coarse, boxes = outputs
    places = torch.stack([one.fine_labels for one in targets]).to(boxes.device)
    cells = torch.stack([one.coarse_labels for one in targets]).to(boxes.device)
    right = torch.stack([one.boxes for one in targets]).to(boxes.device)
    known, thing, told = places[:, 0] != IGNORE_LABEL, places[:, 0] > BACKGROUND, fine[0].argmax(1)
    some = (told > BACKGROUND) & known
    middle = cells[:, 0] > BACKGROUND
    hits = box_iou(boxes.permute(0, 2, 3, 1)[middle], right.permute(0, 2, 3, 1)[middle]).diagonal() >= 0.5
    cell = coarse[0].argmax(1)
    right_cell = (cell == cells[:, 0])[middle] & hits
    claimed = ((cell > BACKGROUND) & (cells[:, 0] != IGNORE_LABEL)).sum()
    shares = [
        float((each.argmax(1) == places[:, n + 1])[places[:, n + 1] != IGNORE_LABEL].float().mean())
        for n, each in enumerate(fine[1:])
        if bool((places[:, n + 1] != IGNORE_LABEL).any())
    ]
    return {
        "val_thing_iou": float((some & thing).sum() / (some | thing).sum().clamp(min=1)),
        "val_noun": float((told == places[:, 0])[thing].float().mean()),
        "val_attribute": float(np.mean(shares)) if shares else 0.0,
        "val_cell_f1": float(2 * right_cell.sum() / (middle.sum() + claimed).clamp(min=1)),
    }


class DenseTask:
    """Trains `model` (a Sam3Image of `size` px) on places; `views`, `validation` as in `samgap.training.sam3.task`."""

    def __init__(
        self,
        model: Any,
        options: Mapping[str, Any],
        samplers: Sequence[ViewSampler],
        validation_sampler: ViewSampler,
        phrases: Sequence[Mapping[str, Any]],
        device: str,
    ) -> None:
        self.model, self.options, self.samplers, self.validation_sampler, self.device = (
            model,
            options,
            samplers,
            validation_sampler,
            device,
        )
        self.vocabulary = build_vocabulary(samplers, phrases)
        count = Counter(
            item.noun for number in samplers[0].image_ids for item in samplers[0].ground_truth.instances_of(number)
        )
        self.noun_rarity = [max(count.values()) / max(count[noun], 1) for noun in self.vocabulary.nouns]
        with torch.no_grad():
            blank = torch.zeros(1, 3, samplers[0].view_size, samplers[0].view_size, device=device)
            maps = model.backbone.forward_image(blank)["backbone_fpn"]
        self.grid_sizes = maps[0].shape[-1], maps[-1].shape[-1]
        self.auxiliary_heads = AuxiliaryHeads(maps[0].shape[1], self.vocabulary).to(device)
        self.match_weight = options.get("loss-weights", {}).get("loss_match", 0.0)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The terms of `losses` on `batch` random views, drawn from the data sets by their shares.

        With the loss weight `loss_match` also how well each place fits the phrases that are asked of its view.
        """
        chosen = sample_source_indices([each.source for each in self.samplers], self.options["batch"], rng)
        wanted = [sample_dense_view(self.samplers[index], self.vocabulary, *self.grid_sizes, rng) for index in chosen]
        seen = self._encode_views(wanted)
        terms = compute_losses(self.auxiliary_heads(seen["backbone_fpn"]), wanted, self.noun_rarity)
        if self.match_weight and (asked := self._sample_match_queries(wanted, rng)):
            terms["loss_match"] = sam3_match.match_loss(*self._predict_matches(seen, asked))
            terms["total"] = terms["total"] + self.match_weight * terms["loss_match"]
        return terms

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        self.model.eval()
        rng = np.random.default_rng(0)
        wanted = [
            sample_dense_view(self.validation_sampler, self.vocabulary, *self.grid_sizes, rng)
            for _ in range(N_VALIDATION_VIEWS)
        ]
        seen = self._encode_views(wanted)
        watched = validation_scores(self.auxiliary_heads(seen["backbone_fpn"]), wanted)
        if self.match_weight and (asked := self._sample_match_queries(wanted, rng)):
            watched |= sam3_match.validation_scores(*self._predict_matches(seen, asked)[:2])
        return watched

    def _encode_views(self, dense_views: Sequence[DenseView]) -> dict[str, Any]:
        pixels = torch.stack([one.pixels for one in dense_views]).to(self.device)
        seen: dict[str, Any] = self.model.backbone.forward_image(pixels)
        return seen

    def _sample_match_queries(self, dense_views: Sequence[DenseView], rng: np.random.Generator) -> list[MatchQuery]:
        """Of each question the view's position, its text, the labels of the coarse map's places, and which show
        anything."""
        asked = []
        for number, one in enumerate(dense_views):
            unsure = one.instance_map[None] == UNLABELLED
            things = sam3_match.make_grid_labels((one.instance_map >= 0)[None], self.grid_sizes[1]) > 0
            for ask in sample_queries(one.phrases, one.visible, one.ambiguous, rng, {**self.options, "exemplars": 0.0}):
                right = torch.tensor([item.id in ask.target_ids for item in one.visible] + [False, False])
                shown = right[one.instance_map][None]  # NOBODY and NOBODY_KNOWS index the two at the end
                asked.append((number, ask.text, sam3_match.make_grid_labels(shown, self.grid_sizes[1], unsure), things))
        return asked

    def _predict_matches(
        self, backbone_output: dict[str, Any], match_queries: Sequence[MatchQuery]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        images, texts, wanted, things = zip(*match_queries, strict=True)
        encoded = sam3_match.encode_queries(self.model, backbone_output, texts, images, self.device)
        return (
            self.auxiliary_heads.match_head(encoded),
            torch.cat(wanted).to(self.device),
            torch.cat(things).to(self.device),
        )
