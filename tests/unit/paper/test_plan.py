"""The plan of a run: its groups, counts, and the hours that are estimated."""

import pytest

from samgap.paper import grid
from samgap.paper.plan import COLUMNS, HOURS_COLUMN, UNKNOWN, Rate, build_plan, count_configured_images

CONFIG = {
    "run": "try",
    "experiments": {
        "boxes": {"title": "Boxes", "datasets": ["a", "b"], "models": ["m", "n"], "prompts": ["box", "point"]},
        "words": {"title": "Words", "datasets": ["a"], "models": ["w"], "prompts": ["concepts"]},
    },
    "figures": {
        "sides": {
            "title": "Sides",
            "dataset": "a",
            "spatial": {"model": "m", "prompts": "box"},
            "concept": {"model": "w", "prompts": "concepts"},
        },
        "facts": {"title": "Facts"},
    },
    "thresholds": {"dataset": "c", "prompts": "concepts", "models": ["w"]},
}


def list_texts(*arguments, **named):
    (block,) = build_plan(CONFIG, *arguments, **named).blocks
    return block.columns, [[cell.text for cell in row] for row in block.rows]


def test_each_data_set_of_an_experiment_a_figure_and_the_thresholds_is_a_row():
    columns, rows = list_texts({"a": 60, "b": 1000}, {("a", "box"): 400, ("a", "point"): 300, ("a", "concepts"): 120})
    assert columns == COLUMNS
    assert rows == [
        ["Boxes (experiments.boxes)", "a", "m, n", "box, point", "4", "60", "1,400"],
        ["Boxes (experiments.boxes)", "b", "m, n", "box, point", "4", "1,000", UNKNOWN],
        ["Words (experiments.words)", "a", "w", "concepts", "1", "60", "120"],
        ["Sides (figures.sides.spatial)", "a", "m", "box", "1", "60", "400"],
        ["Sides (figures.sides.concept)", "a", "w", "concepts", "1", "60", "120"],
        ["Score thresholds (thresholds)", "c", "w", "concepts", "1", UNKNOWN, UNKNOWN],
        # Cells that several entries need count once: 4 + 4 + 1 + 1.
        ["all", "", "", "", "10", "1,060 and more", "1,520 and more"],
    ]


def test_hours_are_images_times_the_measured_time_of_the_same_model_and_prompts():
    rates = {("m", "box"): Rate(3.6, "cuda"), ("n", "box"): Rate(36.0, "cpu"), ("w", "concepts"): Rate(7.2, "cuda")}
    columns, rows = list_texts({"a": 500, "b": 1000}, {}, rates=rates)
    assert columns == [*COLUMNS, HOURS_COLUMN]
    hours = [row[-1] for row in rows]
    assert hours == [
        "5 (cpu) + 0.5 (cuda) + 2 cells without a rate",
        "10 (cpu) + 1 (cuda) + 2 cells without a rate",
        "1 (cuda)",
        "0.5 (cuda)",
        "1 (cuda)",
        "1 cell without a rate",  # the number of images is unknown
        "15 (cpu) + 2.5 (cuda) + 5 cells without a rate",
    ]


COSTS = {
    "gpu": {"name": "G", "peak-tflops": {"fp32": 1, "tf32": 2, "bf16": 4}, "source": "N"},
    "utilisation": 0.5,
    "models": {"m": {"image": 36, "prompt": 0.72}, "n": {"image": 0, "prompt": 0}},
    "datasets": {"a": {"images": 100, "instances": 5000, "source": "M"}},
}
PRICED = {
    **CONFIG,
    "costs": COSTS,
    "models": {"m": {"family": "sam2"}, "n": {"family": "shape"}, "w": {"family": "sam3"}},
    "prompts": {
        "box": {"kind": "box"},
        "point": {"kind": "point"},
        "concepts": {"kind": "phrases", "phrases": [{"phrase": "apple", "noun": "apple"}]},
    },
}


def test_hours_before_a_run_are_counted_and_measured_ones_replace_them():
    plan = build_plan(PRICED, {}, {})
    (block,) = plan.blocks
    rows = {row[0].text + row[1].text: [cell.text for cell in row[4:]] for row in block.rows}
    # Of each set of m, (100 × 36 + 5,000 × 0.72) / 3,600 hours at 1 TFLOP a second; n has no network.
    assert rows["Boxes (experiments.boxes)a"] == ["4", "~100", "~20,000", "4 (G)"]
    assert rows["Boxes (experiments.boxes)b"] == ["4", UNKNOWN, UNKNOWN, "4 cells without a rate"]
    assert rows["Words (experiments.words)a"] == ["1", "~100", "~100", "1 cell without a rate"]
    assert rows["all"] == ["10", "~100 and more", "~20,100 and more", "4 (G) + 6 cells without a rate"]
    assert [text.partition(":")[0].partition(" are ")[0] for text in plan.remarks[1:]] == ["~", "Hours with G"]
    assert "at 50% of the GPU's peak" in plan.remarks[-1]

    (block,) = build_plan(PRICED, {"a": 100}, {}, {("m", "box"): Rate(36.0, "cuda")}).blocks
    assert block.rows[0][-1].text == "1 (cuda) + 2 (G)"


def test_models_without_a_network_need_no_gpu():
    boxes = {"boxes": {**CONFIG["experiments"]["boxes"], "datasets": ["a"], "models": ["n"]}}
    config = {**PRICED, "experiments": boxes | {"words": {**boxes["boxes"], "models": ["m"]}}, "figures": {}}
    (block,) = build_plan(config, {}, {}).blocks
    assert [row[-1].text for row in block.rows[:2]] == ["no GPU", "4 (G)"]


@pytest.mark.parametrize(("rates", "n_remarks"), [(None, 1), ({}, 2)])
def test_the_plan_says_that_hours_are_estimates(rates, n_remarks):
    plan = build_plan(CONFIG, {}, {}, rates)
    assert len(plan.remarks) == n_remarks
    assert ("Hours are estimates" in grid.render_markdown(plan)) == (rates is not None)


def test_images_of_simulated_scenes_are_known_before_they_are_rendered():
    datasets = {"a": {"scenes": 60}, "b": {"scenes": 4, "frames": 12}, "c": {"kind": "coco"}}
    assert count_configured_images(datasets) == {"a": 60, "b": 48}
