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

from samgap.training import _sam3_match
from samgap.training._dense_views import NOBODY_KNOWS, NOTHING, UNSURE, Dense, Vocabulary, view, vocabulary
from samgap.training._run import draw
from samgap.training._sam3_asks import asks
from samgap.training._sam3_views import Views

Found = tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]
"""By label the scores of every place and of every cell, and boxes; `Heads.forward` gives the shapes."""

Question = tuple[int, str, torch.Tensor, torch.Tensor]

BOX = 2.0
"""Weight of the boxes' loss (generalised IoU) beside the cross-entropies."""

WATCHED = 64
"""So many views of the validation set a training is watched on."""


class Heads(nn.Module):
    """The two heads on feature maps of `width` channels, and the reader of the encoder's answer."""

    def __init__(self, width: int, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.counts = [len(vocabulary.nouns) + 1, *(len(values) for values in vocabulary.attributes.values())]
        self.fine = _head(width, sum(self.counts))
        self.coarse = _head(width, sum(self.counts) + 4)
        self.reader = _sam3_match.Reader(width)

    def forward(self, maps: Sequence[torch.Tensor]) -> Found:
        """Scores by label of every place (batch, values, f, f) and cell (batch, values, c, c), and boxes
        (batch, 4, c, c): x0, y0, x1, y1 as shares of the view."""
        fine, coarse = self.fine(maps[0]), self.coarse(maps[-1])
        reach = functional.softplus(coarse[:, -4:]) / coarse.shape[-1]
        steps = (torch.arange(coarse.shape[-1], device=coarse.device) + 0.5) / coarse.shape[-1]
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        boxes = torch.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], dim=1)
        return list(fine.split(self.counts, 1)), list(coarse[:, :-4].split(self.counts, 1)), boxes


def _head(width: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 1), nn.ReLU(), nn.Conv2d(width, out, 1))


def losses(found: Found, wanted: Sequence[Dense], often: Sequence[float]) -> dict[str, torch.Tensor]:
    """Cross-entropies of nouns and attributes on both maps, and the boxes' generalised IoU; `total` is their sum.

    `often` says how much more often than each noun of the vocabulary the commonest one is seen: a rare noun weighs the
    root of that more, so that it is not taken for the commonest.
    """
    weights = torch.tensor([1.0, *(rate**0.5 for rate in often)], device=found[2].device)
    fine, coarse, boxes = found
    places = torch.stack([one.fine for one in wanted]).to(boxes.device)
    cells = torch.stack([one.coarse for one in wanted]).to(boxes.device)
    right = torch.stack([one.boxes for one in wanted]).to(boxes.device)
    middle = cells[:, 0] > NOTHING
    terms = {
        "loss_noun": _entropy(fine[0], places[:, 0], _things(weights, 2.0)),
        "loss_attribute": _mean([_entropy(each, places[:, n + 1]) for n, each in enumerate(fine[1:])], boxes),
        "loss_cell": _entropy(coarse[0], cells[:, 0], _things(weights, 4.0)),
        "loss_cell_attribute": _mean([_entropy(each, cells[:, n + 1]) for n, each in enumerate(coarse[1:])], boxes),
        "loss_box": boxes.sum() * 0,
    }
    if middle.any():
        pairs = boxes.permute(0, 2, 3, 1)[middle], right.permute(0, 2, 3, 1)[middle]
        terms["loss_box"] = generalized_box_iou_loss(*pairs, reduction="mean")
    terms["total"] = sum(terms.values()) + (BOX - 1) * terms["loss_box"]
    return terms


def _things(weights: torch.Tensor, factor: float) -> torch.Tensor:
    """The `weights` of labels, `factor` times as much where a label says that something is there."""
    weights = weights * factor
    weights[NOTHING] = 1.0
    return weights


def _entropy(scores: torch.Tensor, labels: torch.Tensor, weight: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over the places with a label, by the `weight` of their labels. 0 where none has."""
    if not bool((labels != UNSURE).any()):
        return scores.sum() * 0
    return functional.cross_entropy(scores, labels, weight, ignore_index=UNSURE)


def _mean(terms: Sequence[torch.Tensor], like: torch.Tensor) -> torch.Tensor:
    return torch.stack(list(terms)).mean() if terms else like.sum() * 0


def figures(found: Found, wanted: Sequence[Dense]) -> dict[str, float]:
    """What is watched: IoU of what is seen as something, the share of right nouns and attributes there, and of the
    cells in objects' middles that are found, with a box of IoU 0.5 at least."""
    fine, coarse, boxes = found
    places = torch.stack([one.fine for one in wanted]).to(boxes.device)
    cells = torch.stack([one.coarse for one in wanted]).to(boxes.device)
    right = torch.stack([one.boxes for one in wanted]).to(boxes.device)
    known, thing, told = places[:, 0] != UNSURE, places[:, 0] > NOTHING, fine[0].argmax(1)
    some = (told > NOTHING) & known
    middle = cells[:, 0] > NOTHING
    hits = box_iou(boxes.permute(0, 2, 3, 1)[middle], right.permute(0, 2, 3, 1)[middle]).diagonal() >= 0.5
    cell = coarse[0].argmax(1)
    right_cell = (cell == cells[:, 0])[middle] & hits
    claimed = ((cell > NOTHING) & (cells[:, 0] != UNSURE)).sum()
    shares = [
        float((each.argmax(1) == places[:, n + 1])[places[:, n + 1] != UNSURE].float().mean())
        for n, each in enumerate(fine[1:])
        if bool((places[:, n + 1] != UNSURE).any())
    ]
    return {
        "val_thing_iou": float((some & thing).sum() / (some | thing).sum().clamp(min=1)),
        "val_noun": float((told == places[:, 0])[thing].float().mean()),
        "val_attribute": float(np.mean(shares)) if shares else 0.0,
        "val_cell_f1": float(2 * right_cell.sum() / (middle.sum() + claimed).clamp(min=1)),
    }


class DenseTask:
    """Trains `model` (a Sam3Image of `size` px) on places; `views` and `validation` as in `samgap.training.sam3`."""

    def __init__(
        self,
        model: Any,
        options: Mapping[str, Any],
        views: Sequence[Views],
        validation: Views,
        phrases: Sequence[Mapping[str, Any]],
        device: str,
    ) -> None:
        self.model, self.options, self.views, self.validation, self.device = model, options, views, validation, device
        self.vocabulary = vocabulary(views, phrases)
        count = Counter(item.noun for number in views[0].image_ids for item in views[0].truth.of(number))
        self.often = [max(count.values()) / max(count[noun], 1) for noun in self.vocabulary.nouns]
        with torch.no_grad():
            blank = torch.zeros(1, 3, views[0].size, views[0].size, device=device)
            maps = model.backbone.forward_image(blank)["backbone_fpn"]
        self.sides = maps[0].shape[-1], maps[-1].shape[-1]
        self.aside = Heads(maps[0].shape[1], self.vocabulary).to(device)
        self.weight = options.get("loss-weights", {}).get("loss_match", 0.0)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The terms of `losses` on `batch` random views, drawn from the data sets by their shares.

        With the loss weight `loss_match` also how well each place fits the phrases that are asked of its view.
        """
        chosen = draw([each.data for each in self.views], self.options["batch"], rng)
        wanted = [view(self.views[index], self.vocabulary, *self.sides, rng) for index in chosen]
        seen = self._seen(wanted)
        terms = losses(self.aside(seen["backbone_fpn"]), wanted, self.often)
        if self.weight and (asked := self._asked(wanted, rng)):
            terms["loss_match"] = _sam3_match.loss(*self._matched(seen, asked))
            terms["total"] = terms["total"] + self.weight * terms["loss_match"]
        return terms

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        self.model.eval()
        rng = np.random.default_rng(0)
        wanted = [view(self.validation, self.vocabulary, *self.sides, rng) for _ in range(WATCHED)]
        seen = self._seen(wanted)
        watched = figures(self.aside(seen["backbone_fpn"]), wanted)
        if self.weight and (asked := self._asked(wanted, rng)):
            watched |= _sam3_match.figures(*self._matched(seen, asked)[:2])
        return watched

    def _seen(self, wanted: Sequence[Dense]) -> dict[str, Any]:
        pixels = torch.stack([one.pixels for one in wanted]).to(self.device)
        seen: dict[str, Any] = self.model.backbone.forward_image(pixels)
        return seen

    def _asked(self, wanted: Sequence[Dense], rng: np.random.Generator) -> list[Question]:
        """Of each question the view's position, its text, the labels of the coarse map's places, and which show
        anything."""
        asked = []
        for number, one in enumerate(wanted):
            unsure = one.whose[None] == NOBODY_KNOWS
            things = _sam3_match.labels((one.whose >= 0)[None], self.sides[1]) > 0
            for ask in asks(one.phrases, one.things, one.unsure, rng, {**self.options, "exemplars": 0.0}):
                right = torch.tensor([item.id in ask.targets for item in one.things] + [False, False])
                shown = right[one.whose][None]  # NOBODY and NOBODY_KNOWS index the two at the end
                asked.append((number, ask.text, _sam3_match.labels(shown, self.sides[1], unsure), things))
        return asked

    def _matched(
        self, seen: dict[str, Any], asked: Sequence[Question]
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        images, texts, wanted, things = zip(*asked, strict=True)
        encoded = _sam3_match.encode(self.model, seen, texts, images, self.device)
        return self.aside.reader(encoded), torch.cat(wanted).to(self.device), torch.cat(things).to(self.device)
