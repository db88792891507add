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
        "5 (cpu) + 0.5 (cuda) + 2 cells not measured",
        "10 (cpu) + 1 (cuda) + 2 cells not measured",
        "1 (cuda)",
        "0.5 (cuda)",
        "1 (cuda)",
        "1 cell not measured",  # the number of images is unknown
        "15 (cpu) + 2.5 (cuda) + 5 cells not measured",
    ]


@pytest.mark.parametrize(("rates", "n_remarks"), [(None, 1), ({}, 2)])
def test_the_plan_says_that_hours_are_estimates(rates, n_remarks):
    plan = build_plan(CONFIG, {}, {}, rates)
    assert len(plan.remarks) == n_remarks
    assert ("Hours are estimates" in grid.render_markdown(plan)) == (rates is not None)


def test_images_of_simulated_scenes_are_known_before_they_are_rendered():
    datasets = {"a": {"scenes": 60}, "b": {"scenes": 4, "frames": 12}, "c": {"kind": "coco"}}
    assert count_configured_images(datasets) == {"a": 60, "b": 48}
