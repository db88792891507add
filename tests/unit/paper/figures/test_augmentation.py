"""Figure 7: who trains with which augmentation, and what each costs."""

import pandas as pd
import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.statistics import COMPARISONS
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_gids, list_texts, save_figure
from tests.helpers.paper_comparisons import make_comparison

ALL_MODELS = {**MODELS, "grounded": {"label": "OWLv2 + SAM2.1-L", "family": "grounded"}}
TRANSFORMS = ("flip", "crop-half", "hue-10")
FACTS = {
    "augmentations": [{"id": "mirror", "label": "mirror"}, {"id": "colour", "label": "colour"}],
    "columns": [
        {
            "id": "one",
            "label": "SAM2, official",
            "source": "S2R configs",
            "cells": {"mirror": "yes", "colour": "≤ 0.1"},
        },
        {"id": "two", "label": "SAM3, its paper", "source": "S3P §C.4", "cells": {"mirror": "yes"}},
    ],
}


def make_rows(model, prompts, metrics, family="boxes", dataset="copies", **columns):
    """Return a row for each metric and transform; its difference is −0.1, −0.2 and −0.3."""
    rows = []
    for metric in metrics:
        for number, transform in enumerate(TRANSFORMS, start=1):
            values = {"value": 0.8 - number / 10, "baseline_value": 0.8, "difference": -number / 10}
            values |= {"ci_low": -number / 10 - 0.05, "ci_high": -number / 10 + 0.04, "n_clusters": 12}
            cell = {"prompts": prompts, "baseline_model": model, "baseline_prompts": prompts, "dataset": dataset}
            cell |= {"baseline_dataset": dataset, "stratum": f"augmentation: {transform}"}
            cell |= {"baseline_stratum": "augmentation: none", "clusters": "group"}
            rows.append(make_comparison(family, model, metric, 0.8) | cell | values | columns)
    return rows


def make_all_rows():
    return [
        *make_rows("sam2-large", "box", ["iou"]),
        *make_rows("sam3", "box", ["iou"]),
        *make_rows("sam3", "nouns", ["pmf1", "il-mcc"], "words"),
        *make_rows("grounded", "nouns", ["pmf1", "il-mcc"], "words"),
    ]


@pytest.fixture
def make_request(tmp_path):
    """Function that writes comparisons and facts, and returns the request."""

    def make(rows, facts=FACTS):
        COMPARISONS.write(tmp_path / "comparisons.parquet", pd.DataFrame(rows))
        (tmp_path / "facts.yaml").write_text(yaml.safe_dump(facts), encoding="utf-8")
        inputs = {"comparisons": str(tmp_path / "comparisons.parquet")}
        entry = {"facts": str(tmp_path / "facts.yaml"), "comparisons": ["boxes", "words"]}
        return FigureRequest("augmentation", inputs, entry, ALL_MODELS)

    return make


def list_marks(figure):
    """Return the x of each mark with its face colour."""
    lines = figure.findobj(lambda artist: artist.get_gid() == "difference")
    return [(float(line.get_xdata()[0]), line.get_markerfacecolor()) for line in lines]


def test_each_difference_is_a_mark_with_its_interval(make_request):
    output = draw(make_request(make_all_rows()))
    assert list_gids(output.figure).count("ci") == 6 * 3
    assert sorted(x for x, _ in list_marks(output.figure)) == pytest.approx(sorted([-0.1, -0.2, -0.3] * 6))
    texts = list_texts(output.figure)
    assert {"copies, n = 12 groups of originals", "SAM2 [A]", "SAM3 [B]"} <= set(texts)
    assert {"SAM2.1-L · box: IoU", "SAM3 · box: IoU", "SAM3 · nouns: pmF1", "OWLv2 + SAM2.1-L · nouns: pmF1"} <= set(
        texts
    )
    assert output.model_ids == ["sam2-large", "sam3", "sam3", "grounded"]
    check_texts(output.figure)


def test_marks_of_the_model_that_is_shown_boxes_as_a_control_are_hollow(make_request):
    faces = [face for _, face in list_marks(draw(make_request(make_all_rows())).figure)]
    assert faces.count("white") == 3  # SAM3 with boxes; SAM2 with boxes is the only one of its family
    rows = make_rows("sam2-large", "box", ["iou"]) + make_rows("sam3", "nouns", ["pmf1"], "words")
    assert "white" not in [face for _, face in list_marks(draw(make_request(rows)).figure)]


def test_the_csv_file_has_facts_with_sources_and_differences_with_the_share_kept(make_request, tmp_path):
    rows = pd.read_csv(save_figure(make_request(make_all_rows()), tmp_path / "out")["rows"])
    facts, measured = rows[rows["part"] == "a"], rows[rows["part"] == "b"]
    assert facts[["augmentation", "training", "letter"]].to_numpy().tolist() == [
        ["mirror", "one", "A"],
        ["colour", "one", "A"],
        ["mirror", "two", "B"],
        ["colour", "two", "B"],
    ]
    assert facts["strength"].fillna("").tolist() == ["yes", "≤ 0.1", "yes", ""]
    assert facts["source"].tolist() == ["S2R configs"] * 2 + ["S3P §C.4"] * 2
    boxes = measured[(measured["model"] == "sam2-large")].set_index("augmentation")
    assert boxes["share_kept"].to_dict() == pytest.approx({"flip": 7 / 8, "crop-half": 6 / 8, "hue-10": 5 / 8})
    assert len(measured) == 6 * 3 and set(measured["source"]) == {str(tmp_path / "comparisons.parquet")}


def test_other_comparisons_are_not_drawn(make_request):
    other = make_rows("sam2-large", "box", ["iou"], family="other")
    strata = make_rows("sam2-large", "box", ["iou"], stratum="area: small", baseline_stratum="area: large")
    models = make_rows("sam2-large", "box", ["iou"], baseline_model="ellipse")
    output = draw(make_request([*make_all_rows(), *other, *strata, *models]))
    assert (output.rows["part"] == "b").sum() == 6 * 3


def test_a_missing_value_is_its_reason_and_a_missing_interval_has_a_letter(make_request):
    rows = make_all_rows()
    blank = dict.fromkeys(("value", "difference", "ci_low", "ci_high"))
    rows[6] |= {**blank, "note": "not evaluable: the value is undefined, as its denominator is 0"}
    rows[0] |= {"ci_low": None, "ci_high": None, "warning": "no interval: too few groups for an interval (3)"}
    figure = draw(make_request(rows)).figure
    assert list_gids(figure).count("ci") == 6 * 3 - 2 and list_gids(figure).count("difference") == 6 * 3 - 1
    texts = list_texts(figure)
    assert "not evaluable (b)" in texts and "a" in texts
    (note,) = (text for text in texts if text.startswith("a no interval: too few groups"))
    assert "b not evaluable: the value is undefined" in note
    check_texts(figure)


def test_data_sets_have_panels_of_their_own_and_a_mark_if_labels_are_missing(make_request):
    rows = make_all_rows() + make_rows("sam3", "nouns", ["pmf1"], "words", dataset="photographs", lacks_labels=True)
    figure = draw(make_request(rows)).figure
    texts = list_texts(figure)
    assert "photographs†, n = 12 groups of originals" in texts and "copies, n = 12 groups of originals" in texts
    assert any("labels are not exhaustive" in text and "(pmF1)" in text for text in texts)
    check_texts(figure)


def test_without_a_comparison_of_transforms_the_figure_says_so(make_request):
    output = draw(make_request(make_rows("sam2-large", "box", ["iou"], family="other")))
    assert any(text.startswith("no data: none of the comparisons") for text in list_texts(output.figure))
    assert output.model_ids == [] and set(output.rows["part"]) == {"a"}
    check_texts(output.figure)


def test_a_cell_without_a_row_is_an_error(make_request):
    columns = [{**FACTS["columns"][0], "cells": {"mosaic": "yes"}}]
    with pytest.raises(UserError, match="one has a cell mosaic"):
        draw(make_request(make_all_rows(), {**FACTS, "columns": columns}))
