"""Every metric states its operating point, and its value depends on the columns of that point alone."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.metrics.operating_point import ALL_SCORES, CHOSEN, CROWD, EXCUSED_UNKNOWN, NOT_USED, SWEPT, THRESHOLD
from samgap.tables.matching import HIT_KINDS
from tests.helpers.metric_pairs import EVALUABLE_IDS, PAIRS
from tests.helpers.sums import evaluate

ROOT = Path(__file__).parents[3]
RANKED_COLUMNS = ["scores", *(f"hits_{kind}" for kind in HIT_KINDS)]
SWEEP_COLUMNS = ["sweep_tp", "sweep_predicted"]
OFFICIAL_COLUMNS = ["n_predicted", "n_far", "tp"]
CHOSEN_COLUMNS = ["chosen_predicted", "chosen_far", "chosen_tp"]


def change(pairs, names):
    """Return the table with other values in columns of lists (the last value is doubled) or of numbers."""
    changed = pairs.copy()
    for name in names:
        changed[name] = [_double_last(value) if np.ndim(value) else 2 * value + 1 for value in pairs[name]]
    return changed


def _double_last(values):
    return np.array([*values[:-1], 2 * values[-1]], np.asarray(values).dtype) if len(values) else values


def select(**properties):
    """Return the ids of evaluable metrics whose operating point has these properties."""
    return [
        metric
        for metric in EVALUABLE_IDS
        if all(getattr(load_metric(metric).operating_point, name) == value for name, value in properties.items())
    ]


@pytest.mark.parametrize("metric", select(score=THRESHOLD))
def test_at_the_score_threshold_the_sweep_does_not_matter(metric):
    other = change(PAIRS, [*SWEEP_COLUMNS, *CHOSEN_COLUMNS])
    assert evaluate(metric, other) == pytest.approx(evaluate(metric, PAIRS), nan_ok=True)


@pytest.mark.parametrize("metric", select(score=CHOSEN))
def test_at_the_chosen_score_the_official_one_does_not_matter(metric):
    value = evaluate(metric, PAIRS)
    assert evaluate(metric, change(PAIRS, [*SWEEP_COLUMNS, *OFFICIAL_COLUMNS])) == pytest.approx(value)
    # At the same threshold the value is that of the metric at the official one.
    assert value == evaluate(metric.removesuffix("-chosen"), PAIRS[PAIRS["kind"] == "phrase"])


@pytest.mark.parametrize("metric", select(score=SWEPT))
def test_metrics_of_the_sweep_depend_on_it_alone(metric):
    other = change(PAIRS, [*OFFICIAL_COLUMNS, *CHOSEN_COLUMNS])
    assert evaluate(metric, other) == pytest.approx(evaluate(metric, PAIRS))
    assert evaluate(metric, change(PAIRS, SWEEP_COLUMNS)) != pytest.approx(evaluate(metric, PAIRS))


@pytest.mark.parametrize("metric", select(score=ALL_SCORES))
def test_metrics_of_all_scores_do_not_depend_on_the_predictions_above_the_threshold(metric):
    other = change(PAIRS, [*SWEEP_COLUMNS, "n_predicted", "tp", "box_tp", "box_predicted"])
    assert evaluate(metric, other) == pytest.approx(evaluate(metric, PAIRS))


@pytest.mark.parametrize("metric", [name for name in EVALUABLE_IDS if "-score-" in name])
def test_metrics_at_one_score_state_it_and_depend_on_the_sweep_alone(metric):
    assert load_metric(metric).operating_point.score == f"≥ 0.{metric.rsplit('-', 1)[1]}"
    assert evaluate(metric, change(PAIRS, ["n_predicted", "tp"])) == pytest.approx(evaluate(metric, PAIRS))


@pytest.mark.parametrize("metric", EVALUABLE_IDS)
def test_only_metrics_with_crowds_depend_on_what_pycocotools_leaves_out(metric):
    names = [name for name in RANKED_COLUMNS if name.startswith("hits")]
    # False positives have the highest scores, so that they lower average precision.
    ranked = {name: [_as_list(row)[::-1] for row in PAIRS[name]] for name in names}
    # They match a crowd at every IoU threshold.
    left_out = {name: [[bits or 1023 << 10 for bits in row] for row in rows] for name, rows in ranked.items()}
    values = [evaluate(metric, PAIRS.assign(**columns)) for columns in (ranked, left_out)]
    assert (values[0] != pytest.approx(values[1], nan_ok=True)) == (metric in select(ignore=CROWD))


def _as_list(values):
    return [] if np.ndim(values) == 0 else values


@pytest.mark.parametrize("metric", METRIC_REGISTRY)
def test_metrics_that_leave_out_images_of_unknown_presence_say_so(metric):
    # Phrases with an attribute and paraphrases, so that every metric of phrases has a row.
    table = PAIRS.assign(level="simple", attributes=[[("ripeness", "ripe")]] * len(PAIRS), concept="fruit", seen=False)
    declared = load_metric(metric)
    known, unknown = (declared.row_mask(table.assign(n_ignored=n_ignored)) for n_ignored in (0, 1))
    assert (declared.operating_point.ignore == EXCUSED_UNKNOWN) == (known != unknown).any()


OTHER_NUMBERS = ("compositional-accuracy", "iou-after-clicks", "hausdorff")
"""Stems of ids whose number is not a threshold."""
WITH_THRESHOLD = [
    name
    for name in METRIC_REGISTRY
    if name.rsplit("-", 1)[-1].isdigit() and name.rsplit("-", 1)[0] not in OTHER_NUMBERS
]


@pytest.mark.parametrize("metric", WITH_THRESHOLD)
def test_the_number_in_an_id_is_the_threshold_that_the_metric_states(metric):
    stem, number = metric.rsplit("-", 1)
    point = load_metric(metric).operating_point
    text = point.score if stem.endswith("score") else point.iou
    assert text.removeprefix("≥ ") == f"0.{number}"


def test_the_page_has_the_operating_point_of_every_metric():
    path = ROOT / "docs/reference/make_metrics.py"
    spec = importlib.util.spec_from_file_location("make_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.render_reference()
    assert page == (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    lines = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for metric in METRIC_REGISTRY:
        point = load_metric(metric).operating_point
        assert f"| {point.score} | {point.iou} | {point.ignore} |" in lines[metric]
        assert point.iou and point.score and point.ignore
    assert f"| {NOT_USED} | {NOT_USED} | {NOT_USED} |" in lines["prompts-per-image"]
