"""Metrics of boxes by stratum use the matching of boxes, as the whole data set does."""

from types import SimpleNamespace

import numpy as np
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.statistics.strata import Cell
from tests.helpers.matching import phrase_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate

BY_INSTANCE = [name for name in METRIC_REGISTRY if load_metric(name).by_instance]
FIRST = square_mask(2, 2, 6)


def make_cell():
    """Match one apple with two masks: A has its mask, B its box, so boxes and masks assign different predictions."""
    masks, prompts, truth, images = phrase_tables(
        [(0.9, FIRST), (0.8, square_mask(2, 2, 3))], (1,), {1: [(1, FIRST, False)]}
    )
    masks[["x0", "y0", "x1", "y1"]] = np.array([[10, 10, 14, 14], [2, 2, 8, 8]], float)
    _, instances, pairs = match_shard(masks, prompts, truth, images, 0.5)
    return Cell(pairs, instances)


def strata(cell):
    return dict(cell.iter_strata(SimpleNamespace(by_phrase=False, by_instance=True)))


def test_box_recall_of_a_stratum_with_all_instances_is_that_of_the_whole():
    cell = make_cell()
    assert cell.instances["box_iou"].tolist()[0] == 0 and cell.instances["box_match_iou"].tolist()[0] == 1
    by_name = strata(cell)
    assert evaluate("box-recall", by_name["all"]) == evaluate("box-recall", by_name["area: small"]) == 1
    # The box of the mask that is assigned by mask is elsewhere.
    assert evaluate("box-iou", by_name["all"]) == evaluate("box-iou", by_name["area: small"]) == 0


@pytest.mark.parametrize("metric", BY_INSTANCE)
def test_every_metric_by_instance_of_a_stratum_with_all_instances_is_that_of_the_whole(metric):
    by_name = strata(make_cell())
    assert evaluate(metric, by_name["area: small"]) == pytest.approx(evaluate(metric, by_name["all"]), nan_ok=True)
