"""Populations of images with known metrics: tables `pairs` of any number of images, for simulations of inference.

An image has a difficulty that all models and phrases share, so that its rows are alike and two models are correlated.
Images of one group share a part of it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.tables.matching import IOU_THRESHOLDS

PHRASES = ("apple", "pear", "plum")
PRESENCE = 0.7
"""Probability that a phrase is present in an image."""
MEAN_INSTANCES = 6.0
"""Mean number of instances of a present phrase; their number is geometric, so that a few images have many."""


@dataclass(frozen=True)
class Behaviour:
    """How a model behaves on images of mean difficulty."""

    recall: float = 0.7
    """Probability that an instance is matched at IoU 0.5, in an answered prompt."""
    false_rate: float = 0.3
    """Expected number of false positives for each instance of an answered prompt."""
    sensitivity: float = 0.95
    """Probability that a prompt for a present phrase is answered."""
    specificity: float = 0.85
    """Probability that a prompt for an absent phrase is not answered."""
    separation: float = 2.0
    """Scores are Beta(2 + separation, 2) for matches and Beta(2, 2 + separation) for false positives."""
    is_calibrated: bool = False
    """Whether a prediction is correct with the probability that its score states, whatever `recall` is."""
    recall_by_phrase: tuple[float, ...] = ()
    """Recalls of the phrases, if they differ."""


@dataclass(frozen=True)
class ClickBehaviour:
    """How the IoU of a model rises with corrective clicks."""

    limit: float = 0.86
    """Mean IoU after many clicks."""
    rate: float = 1.5
    """Number of clicks after which the distance to the limit falls to 1/e."""
    noise: float = 0.03
    """Standard deviation of the limit between images of the same difficulty."""


@dataclass(frozen=True)
class Scenes:
    """The images of a sample: what does not depend on the model."""

    difficulty: np.ndarray
    """Mean 0, standard deviation about 1, float64 (images,)."""
    n_truth: np.ndarray
    """Instances of each phrase, int (images, phrases)."""
    group: np.ndarray
    """int (images,)."""

    @property
    def clustering(self) -> Clustering:
        """The clusters of the images: their groups."""
        return assign_clusters(self.images)

    @property
    def images(self) -> pd.DataFrame:
        """Table `images`, as far as statistics need it."""
        return pd.DataFrame({"image_id": np.arange(len(self.group)), "group": self.group.astype(str)})


def draw_scenes(
    rng: np.random.Generator,
    n_groups: int,
    images_per_group: int = 1,
    group_share: float = 0.0,
    phrases: tuple[str, ...] = PHRASES,
    are_paraphrases: bool = False,
) -> Scenes:
    """Draw the images of a sample.

    Args:
        rng: Source of the randomness.
        n_groups: Number of groups.
        images_per_group: Number of images of each group.
        group_share: Part of the variance of the difficulty that the images of a group share.
        phrases: The phrases of each image.
        are_paraphrases: Whether all phrases name the same instances.
    """
    group = np.repeat(np.arange(n_groups), images_per_group)
    shared, own = rng.normal(size=n_groups)[group], rng.normal(size=len(group))
    shape = len(group), 1 if are_paraphrases else len(phrases)
    n_truth = rng.geometric(1 / MEAN_INSTANCES, shape)
    if not are_paraphrases:
        n_truth = n_truth * (rng.random(shape) < PRESENCE)
    n_truth = np.broadcast_to(n_truth, (len(group), len(phrases)))
    return Scenes(np.sqrt(group_share) * shared + np.sqrt(1 - group_share) * own, n_truth, group)


def draw_pairs(
    rng: np.random.Generator,
    scenes: Scenes,
    behaviour: Behaviour,
    phrases: tuple[str, ...] = PHRASES,
    are_paraphrases: bool = False,
) -> pd.DataFrame:
    """Draw the predictions of a model, as the columns of table `pairs` that metrics of phrases need."""
    n_images, n_phrases = scenes.n_truth.shape
    n_truth, image = scenes.n_truth.ravel(), np.repeat(np.arange(n_images), n_phrases)
    recalls = np.tile(behaviour.recall_by_phrase or (behaviour.recall,) * n_phrases, n_images)
    # The recall of an image is between half of the distance to 0 and half of that to 1 from its mean.
    effect = np.tanh(scenes.difficulty)[image] / 2 * np.minimum(recalls, 1 - recalls)
    is_present = n_truth > 0
    is_answered = rng.random(len(image)) < np.where(is_present, behaviour.sensitivity, 1 - behaviour.specificity)
    n_found = rng.binomial(n_truth, np.where(is_answered, recalls + effect, 0))
    expected_false = behaviour.false_rate * np.where(is_present, n_truth, 1) * is_answered
    n_false = rng.poisson(expected_false) + (is_answered & ~is_present)
    n_predicted = n_found + n_false
    row = np.repeat(np.arange(len(image)), n_predicted)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(n_predicted) - n_predicted, n_predicted)
    is_found = rank < n_found[row]
    scores = np.where(
        is_found,
        rng.beta(2 + behaviour.separation, 2, len(row)),
        rng.beta(2, 2 + behaviour.separation, len(row)),
    ).astype(np.float32)
    if behaviour.is_calibrated:
        scores = rng.random(len(row)).astype(np.float32)
        is_found = rng.random(len(row)) < scores
    iou = np.where(is_found, 0.5 + 0.5 * rng.beta(4, 2, len(row)), 0.0)
    reached = iou[:, None] >= IOU_THRESHOLDS
    tp = np.stack([np.bincount(row, column, len(image)) for column in reached.T], axis=1).astype(int)
    order = np.lexsort((-scores, row))
    cuts = np.cumsum(n_predicted)[:-1]
    hits = np.split(((1 << reached.sum(axis=1)) - 1)[order], cuts)
    return pd.DataFrame(
        {
            "prompt_id": np.arange(len(image)).astype(str),
            "image_id": image,
            "group": scenes.group[image].astype(str),
            "kind": "phrase",
            "phrase": np.tile(phrases, n_images),
            "concept": "fruit" if are_paraphrases else np.tile(phrases, n_images),
            "seen": np.tile(np.arange(n_phrases) % 2 == 0, n_images),
            "evaluable": True,
            "boxes_only": False,
            "lost_labels": False,
            "n_ignored": 0,
            "labelled_distance": 0.0,
            "n_truth": n_truth,
            "n_predicted": n_predicted,
            "n_answered": tp[:, 0],
            "sum_iou": np.bincount(row, iou, len(image)),
            "tp": list(tp),
            "scores": np.split(scores[order], cuts),
            "hits_mask_all": hits,
            "excused": [np.zeros(number, bool) for number in n_predicted],
        }
    )


def draw_clicks(rng: np.random.Generator, scenes: Scenes, behaviour: ClickBehaviour = ClickBehaviour()) -> pd.DataFrame:
    """Draw the IoU after 1, 2 … 20 clicks on one instance of each image, as columns of table `pairs`."""
    n_images = len(scenes.group)
    reached = behaviour.limit + 0.06 * np.tanh(scenes.difficulty) + behaviour.noise * rng.normal(size=n_images)
    ious = np.clip(reached[:, None] * (1 - np.exp(-(np.arange(20) + 1.5) / behaviour.rate)), 0, 1)
    fields = {"kind": "clicks", "phrase": None, "evaluable": True, "boxes_only": False, "lost_labels": False}
    fields |= {"n_ignored": 0, "labelled_distance": 0.0, "n_truth": 1, "n_predicted": 1}
    ids = np.arange(n_images)
    return pd.DataFrame({"prompt_id": ids.astype(str), "image_id": ids, "click_iou": list(ious), **fields})
