"""The counts and hours that a run is expected to have before it starts."""

import pytest

from samgap.paper.cost_estimates import CostModel, Count

PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "ripe apple", "noun": "apple"},
    {"phrase": "leaf", "other": True},
]
CONFIG = {
    "seed": 1,
    "tf32": True,
    "models": {
        "spatial": {"family": "sam2"},
        "exact": {"family": "sam2", "precision": "bf16"},
        "detector": {"family": "owlv2"},
        "grounded": {"family": "grounded", "detector": "detector", "segmenter": "spatial"},
        "unknown": {"family": "sam2"},
        "shape": {"family": "shape"},
    },
    "prompts": {
        "box": {"kind": "box"},
        "few-boxes": {"kind": "box", "subset": {"instances": 50}},
        "clicks": {"kind": "clicks", "clicks": 20, "subset": {"instances": 50}},
        "grid": {"kind": "grid", "side": 4},
        "track": {"kind": "track"},
        "words": {"kind": "phrases", "phrases": PHRASES},
        "few-words": {"kind": "phrases", "phrases": PHRASES, "subset": {"images": 10}},
        "examples": {"kind": "exemplar", "phrases": PHRASES[:1]},
    },
    "costs": {
        # One TFLOP a second with TF32.
        "gpu": {"name": "G", "peak-tflops": {"fp32": 0.5, "tf32": 2, "bf16": 4}, "source": "N"},
        "utilisation": 0.5,
        "models": {
            "spatial": {"image": 3.6, "prompt": 0.36, "frame": 36},
            "exact": {"image": 3.6, "prompt": 0.36},
            "detector": {"image": 7.2, "phrase": 0.72},
            "shape": {"image": 0, "prompt": 0},
        },
        "datasets": {"a": {"images": 100, "instances": 2000, "source": "M"}, "b": {"images": 40, "source": "M"}},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("dataset", "prompts", "number"),
    [
        ("a", "box", 2000),
        ("a", "few-boxes", 50),
        ("a", "clicks", 50),
        ("a", "grid", 100),
        ("a", "words", 300),
        ("a", "few-words", 30),
        ("a", "examples", 100),
        ("b", "words", 120),
    ],
)
def test_prompts_are_counted_from_published_sizes(dataset, prompts, number):
    assert CostModel(CONFIG).count_prompts(dataset, prompts) == Count(number, is_estimate=True)


def test_what_is_known_is_no_estimate():
    costs = CostModel(CONFIG, {"a": 99, "c": 7}, {("a", "box"): 1990})
    assert costs.count_images("a") == Count(99) and costs.count_images("c") == Count(7)
    assert costs.count_prompts("a", "box") == Count(1990)
    assert costs.count_prompts("a", "words") == Count(297, is_estimate=True)


def test_what_nothing_tells_is_unknown():
    costs = CostModel(CONFIG)
    assert costs.count_images("c") is None and costs.count_prompts("c", "words") is None
    assert costs.count_prompts("b", "box") is None  # without instances
    assert (
        CostModel({key: CONFIG[key] for key in CONFIG if key != "costs"}, {"a": 1}).count_prompts("a", "words") is None
    )


@pytest.mark.parametrize(
    ("model", "prompts", "hours"),
    [
        ("spatial", "box", (100 * 3.6 + 2000 * 0.36) / 3600),
        ("exact", "box", (100 * 3.6 + 2000 * 0.36) / 3600 / 2),  # twice the speed
        ("spatial", "few-boxes", (50 * 3.6 + 50 * 0.36) / 3600),  # 50 instances are on 50 images at most
        ("spatial", "clicks", (50 * 3.6 + 50 * 20 * 0.36) / 3600),
        ("spatial", "grid", (100 * 3.6 + 100 * 16 * 0.36) / 3600),
        ("spatial", "track", (100 * 3.6 + 2000 * 36) / 3600),
        ("detector", "words", (100 * 7.2 + 300 * 0.72) / 3600),
        ("detector", "few-words", (10 * 7.2 + 30 * 0.72) / 3600),
        # Both encoders, and a box for each instance.
        ("grounded", "words", (100 * (7.2 + 3.6) + 300 * 0.72 + 2000 * 0.36) / 3600),
        ("shape", "box", 0),
        ("unknown", "box", None),
        ("exact", "track", None),  # without the operations of a frame
        ("spatial", "words", None),
    ],
)
def test_hours_are_operations_over_the_assumed_speed(model, prompts, hours):
    assert CostModel(CONFIG).estimate_hours(("a", model, prompts)) == (None if hours is None else pytest.approx(hours))


def test_without_tf32_the_speed_is_that_of_32_bits():
    slow = CostModel({**CONFIG, "tf32": False}).estimate_hours(("a", "spatial", "box"))
    assert slow == pytest.approx(4 * CostModel(CONFIG).estimate_hours(("a", "spatial", "box")))


def test_nothing_is_estimated_without_costs_or_counts():
    without = CostModel({key: CONFIG[key] for key in CONFIG if key != "costs"}, {"a": 1}, {("a", "box"): 1})
    assert without.estimate_hours(("a", "spatial", "box")) is None
    assert CostModel(CONFIG).estimate_hours(("c", "spatial", "box")) is None
    assert CostModel(CONFIG).estimate_hours(("b", "grounded", "words")) is None  # instances unknown
