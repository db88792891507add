import math
import tracemalloc

import numpy as np
import pytest

from samgap.matching import measure
from samgap.metrics import load
from samgap.statistics import bootstrap
from tests.helpers.scenes import random_shard

TERMS = {"sum": np.array([0.2, 0.9, 0.4, 0.7]), "truth": np.ones(4)}


def mean(sums):
    with np.errstate(invalid="ignore"):
        return sums["sum"] / sums["truth"]


def interval(terms=TERMS, clusters=(1, 2, 3, 4), value=mean, resamples=500, seed=0):
    random = np.random.default_rng(seed)
    return bootstrap.interval(terms, clusters, value, resamples=resamples, confidence=0.95, random=random)


@pytest.mark.parametrize("metric", ["iou", "precision", "pmf1", "il-mcc", "cgf1", "prompts-per-image"])
def test_it_equals_repeating_the_rows_of_the_drawn_images(metric):
    pairs, module = measure(*random_shard(4, images=9), 0.5)[2], load(metric)
    pairs = pairs[module.rests_on(pairs)].iloc[1:]  # so that images differ in how much is asked of them
    images = pairs["image_id"].to_numpy()
    value, low, high = interval(module.terms(pairs), images, module.value, resamples=200, seed=5)
    names = sorted(set(images.tolist()))
    terms, values = module.terms(pairs), []
    for weights in np.concatenate(list(bootstrap.weights(len(names), 200, np.random.default_rng(5)))):
        drawn = [
            row
            for name, times in zip(names, weights, strict=True)
            for row in np.repeat(np.flatnonzero(images == name), int(times))
        ]
        sums = {name: np.array([term[drawn].sum(axis=0)]) for name, term in terms.items()}
        values.append(module.value(sums)[0])
    assert (low, high) == pytest.approx(tuple(np.nanquantile(values, [0.025, 0.975])), abs=1e-12)
    whole = module.value({name: term.sum(axis=0, keepdims=True) for name, term in terms.items()})[0]
    assert value == pytest.approx(whole, abs=1e-12) and low < high


def test_nineteen_of_twenty_intervals_hold_the_truth():
    # A ratio with a mean known from how it is made: images hold 1 to 9 instances that are found with p = 0.3 to 0.9.
    random, held = np.random.default_rng(11), 0
    for repeat in range(300):
        truth = random.integers(1, 10, size=60).astype(float)
        found = random.binomial(truth.astype(int), random.uniform(0.3, 0.9, size=60)).astype(float)
        _, low, high = interval({"sum": found, "truth": truth}, np.arange(60), resamples=600, seed=repeat)
        held += low <= 0.6 <= high
    assert 0.91 <= held / 300 <= 0.98


def test_rows_of_one_image_are_drawn_together():
    copies = {name: np.tile(term, 25) for name, term in TERMS.items()}
    assert interval(copies, np.tile([1, 2, 3, 4], 25)) == pytest.approx(interval())
    _, low, high = interval(copies, np.arange(100))
    assert high - low < 0.4 * (interval()[2] - interval()[1])


def test_weights_are_multinomial_counts(monkeypatch):
    monkeypatch.setattr(bootstrap, "BLOCK", 70)  # several blocks, the last one short
    weights = np.concatenate(list(bootstrap.weights(7, 5001, np.random.default_rng(1))))
    assert weights.shape == (5001, 7) and (weights.sum(axis=1) == 7).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(7), abs=0.06)
    assert weights.var(axis=0) == pytest.approx(np.full(7, 6 / 7), abs=0.08)


def test_one_image_or_images_that_agree_have_no_width():
    assert interval({"sum": np.array([0.7]), "truth": np.ones(1)}, [5]) == (0.7, 0.7, 0.7)
    assert interval({"sum": np.full(8, 0.5), "truth": np.ones(8)}, range(8)) == (0.5, 0.5, 0.5)


def test_undefined_resamples_are_left_out():
    sparse = {"sum": np.array([0.5, 0, 0]), "truth": np.array([1.0, 0, 0])}
    assert interval(sparse, [1, 2, 3]) == (0.5, 0.5, 0.5)
    nothing = interval({"sum": np.zeros(2), "truth": np.zeros(2)}, [1, 2])
    assert all(math.isnan(number) for number in nothing)


def test_generators_differ_by_name_and_seed_and_are_the_same_again():
    def first(*arguments):
        return bootstrap.generator(*arguments).integers(0, 1 << 60)

    assert first(1, "a", "b") == first(1, "a", "b")
    assert len({first(1, "a", "b"), first(1, "ab"), first(1, "b", "a"), first(2, "a", "b")}) == 4


def test_many_images_need_little_memory():
    tracemalloc.start()
    terms = {"sum": np.ones(20_000), "truth": np.ones(20_000)}
    interval(terms, np.arange(20_000), resamples=800)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6  # 800 × 20,000 numbers at once would be 128 MB for the weights alone, three times over
