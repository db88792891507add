"""Tables of the paper by row: printed lines, verdicts, the claims behind them, and the CSV file."""

import re

import pandas as pd
import pytest

from samgap.paper.audited_table import MARKS, name_quantity
from samgap.tables.claims import VERDICTS
from tests.helpers.claims import make_data
from tests.helpers.paper import save_table
from tests.helpers.table_rows import BOX, NONE, make_request, make_row
from tests.helpers.tex import compile_tex, needs_tex

COUNT = {"quantity": "layers in all", "sam2": {"published": "sam9", "path": "encoder.layers"}, "sam3": NONE}
ROWS = [
    make_row(measured=[*make_row()["measured"], COUNT]),
    make_row(
        "why", title="Why", sam2={"paper": "so", "undecided": "it is a word"}, measured=[], unmeasured="no number"
    ),
]


def read(folder, file_format="md", rows=ROWS):
    return save_table(make_request(folder, rows), folder / "out")[file_format].read_text(encoding="utf-8")


def test_every_verdict_has_a_mark_of_its_own():
    assert MARKS.keys() == set(VERDICTS) and len(set(MARKS.values())) == len(MARKS)


def test_a_row_has_the_papers_cells_once_and_a_line_for_each_quantity(tmp_path):
    text = read(tmp_path)
    first = (
        "| Layers | six of them | ✓\u00a01 | many | ✗\u00a02 ✓\u00a03* | IoU ↑, box | 0.800 [0.750, 0.850] | – (a) |"
    )
    assert first in text
    assert "|  |  |  |  |  | layers in all | 6 | – (a) |" in text
    assert "| Why | so | – (b) | many | ✗\u00a02 ✓\u00a03* | nothing (c) | – | – |" in text
    for note in ("(a) two is closed", "(b) it is a word", "(c) no number"):
        assert note in text


def test_the_claims_behind_the_marks_have_their_evidence(tmp_path):
    text = read(tmp_path)
    assert "| 2 | It has seven layers. | ✗ refuted | sam9 9.0" in text and "encoder.layers = 6" in text
    assert "| 3 | It scores 0.7. | ✓ confirmed* |" in text
    assert "* decided by a demo model" in text and "Models marked demo" in text
    assert "[estimates.parquet](" in text


def test_marks_and_models_are_explained(tmp_path):
    text = read(tmp_path)
    assert "Verdicts: ✓ confirmed, S as the source says, ½ partly, ✗ refuted, ? open, ∅ not testable." in text
    assert "by Model one unless another is named" in text and "↑ higher is better" in text


def test_another_model_than_that_of_the_column_is_named(tmp_path):
    other = {"metric": "iou", "sam2": {**BOX, "model": "two"}, "sam3": NONE}
    rows = [make_row(measured=[*make_row()["measured"] * 2, other])]
    estimates = [{}, {"model": "two", "value": 0.5}]
    request = make_request(tmp_path, rows, make_data(estimates, demo_models=["one"]))
    text = save_table(request, tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert "| Model two: 0.500 [0.750, 0.850] |" in text


def test_the_csv_has_each_cell_claim_and_value_with_its_source(tmp_path):
    rows = pd.read_csv(save_table(make_request(tmp_path, ROWS), tmp_path / "out")["csv"])
    assert set(rows["part"]) == {"paper", "claim", "measured"} and set(rows["place"]) == {"Table 2, row 1"}
    value = rows[(rows["part"] == "measured") & (rows["metric"] == "iou") & (rows["side"] == "sam2")].iloc[0]
    assert (value["value"], value["ci_low"], value["model"], value["n_images"]) == (0.8, 0.75, "one", 40)
    assert value["source"].endswith("estimates.parquet;results/try/matching/dataset=orchard/model=one/prompts=box/"
                                    "pairs.parquet")  # fmt: skip
    claim = rows[rows["claim"] == "measured"].iloc[0]
    assert (claim["verdict"], claim["demo"]) == ("confirmed", True)
    assert claim["source"].startswith(str(tmp_path / "claims.parquet"))
    assert rows[(rows["row"] == "why") & (rows["part"] == "measured")]["note"].tolist() == ["no number"] * 2


@pytest.mark.parametrize(
    ("quantity", "name"),
    [
        ({"metric": "iou", "sam2": BOX, "sam3": {**BOX, "prompts": "concepts"}}, "IoU ↑, box / concepts"),
        ({"metric": "iou", "sam2": {**BOX, "against": "point"}, "sam3": NONE}, "difference of IoU ↑, box − point"),
        (
            {"metric": "iou", "sam2": {**BOX, "stratum": "occlusion: heavy"}, "sam3": NONE},
            "IoU ↑, box, occlusion: heavy",
        ),
        ({"metric": "iou", "quantity": "images", "sam2": BOX, "sam3": BOX}, "images"),
    ],
)
def test_a_quantity_is_named_after_its_metric_prompts_and_strata(quantity, name):
    assert name_quantity(quantity) == name


def test_in_html_a_row_spans_its_quantities(tmp_path):
    text = read(tmp_path, "html")
    assert '<td rowspan="2">Layers</td>' in text and text.count('rowspan="2"') == 5
    table = text.split("<table>")[1]
    widths = [len(re.findall("<td", row)) for row in re.findall("<tr.*?</tr>", table)]
    assert widths == [0, 8, 3, 8]


@needs_tex
def test_the_table_fits_on_a_page(tmp_path):
    compile_tex(save_table(make_request(tmp_path, ROWS), tmp_path / "out")["tex"], tmp_path)
