"""Estimates as blocks of a printed table."""

import pandas as pd
import pytest

from samgap.paper.estimate_blocks import build_block, list_remarks, split_metrics
from samgap.paper.notes import Footnotes
from tests.helpers.paper import MODELS, make_estimate


@pytest.mark.parametrize(
    ("n_metrics", "most", "sizes"), [(0, 3, []), (3, 3, [3]), (4, 3, [2, 2]), (7, 3, [2, 3, 2]), (12, 7, [6, 6])]
)
def test_metrics_are_split_evenly_in_their_order(n_metrics, most, sizes):
    metrics = [f"m{number}" for number in range(n_metrics)]
    groups = list(split_metrics(metrics, most))
    assert [metric for group in groups for metric in group] == metrics
    assert [len(group) for group in groups] == sizes


def test_a_row_lacks_a_metric_and_counts_those_with_a_value():
    rows = [
        make_estimate("e", "sam2-demo", "box", "iou", 0.5),
        make_estimate("e", "sam2-demo", "box", "precision", None, note="not evaluable: why", n_images=0),
        make_estimate("e", "sam3-demo", "box", "precision", 0.25, n_images=58),
    ]
    footnotes = Footnotes()
    block = build_block(pd.DataFrame(rows), "H", ["model"], ["iou", "precision"], MODELS, footnotes, {0: 0.1})
    assert block.columns == ["model", "images", "instances", "IoU ↑", "Precision@50 ↑"] and block.n_stub_columns == 1
    first, second = [[cell.text for cell in row] for row in block.rows]
    assert first == ["SAM2 (demo)", "60", "312", "0.500", "not evaluable"]
    assert second == ["SAM3 (demo)", "58 of 60", "312", "–", "0.250"]
    assert footnotes.entries() == [("a", "not evaluable: why")] and block.text_widths == {0: 0.1}
    assert any("no experiment of the table reports" in text for text in list_remarks([block], ["iou"], "95 %"))
    whole = build_block(pd.DataFrame(rows[:1]), "H", ["model"], ["iou"], MODELS, footnotes)
    assert not any("reports" in text for text in list_remarks([whole], ["iou"], "95 %"))
