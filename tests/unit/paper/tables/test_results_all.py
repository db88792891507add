import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from tests.helpers.paper import (
    NOT_EVALUABLE,
    PUBLISHED,
    SKIPPED,
    WARNING,
    make_estimate,
    make_estimates,
    save_table,
)
from tests.helpers.result_tables import results_request


def test_csv_has_the_estimates_in_full_precision(tmp_path):
    estimates = make_estimates()
    files = save_table(results_request(estimates, tmp_path), tmp_path / "out")
    rows = pd.read_csv(files["csv"], float_precision="round_trip")
    whole = estimates[estimates["stratum"] == "all"]
    pd.testing.assert_frame_equal(rows.drop(columns="source"), whole, check_exact=True, check_dtype=False)
    assert "0.91234567890123" in files["csv"].read_text(encoding="utf-8")


def test_experiments_are_those_of_the_entry_in_its_order(tmp_path):
    request = results_request(make_estimates(), tmp_path, ["concept-prompts", "box-baselines"])
    files = save_table(request, tmp_path / "out")
    assert list(dict.fromkeys(pd.read_csv(files["csv"])["experiment"])) == ["concept-prompts", "box-baselines"]
    headings = re.findall("^## (.*)", files["md"].read_text(encoding="utf-8"), re.M)
    assert headings == ["Noun phrases", "What the box gives away"]


def test_markdown_has_value_interval_and_counts(tmp_path):
    text = save_table(results_request(make_estimates(), tmp_path), tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert re.search(
        r"^\| data set \| model \| prompts \| images \| instances \| IoU ↑ \| [^|]+ \| [^|]+ \|$", text, re.M
    )
    assert "| orchard-sim-test | SAM2 (demo) | box | 60 | 312 | 0.912 [0.882, 0.932] |" in text
    assert "| not evaluable (a) |" in text
    assert f"(a) {NOT_EVALUABLE}" in text


def test_counts_are_those_of_the_rows_with_a_value(tmp_path):
    estimates = make_estimates()
    estimates.loc[1, ["value", "ci_low", "ci_high", "note"]] = None, None, None, NOT_EVALUABLE
    estimates.loc[1, ["n_images", "n_instances"]] = 0, 0
    text = save_table(results_request(estimates, tmp_path), tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert "| orchard-sim-test | SAM2 (demo) | box | 60 | 312 | 0.912 [0.882, 0.932] | not evaluable (a) |" in text
    assert "pairs of a phrase and an instance" in text
    estimates.loc[[0, 2], ["value", "ci_low", "ci_high", "note"]] = None, None, None, NOT_EVALUABLE
    text = save_table(results_request(estimates, tmp_path), tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert "| orchard-sim-test | SAM2 (demo) | box | – | – | not evaluable (a) | not evaluable (a) |" in text


def test_skipped_estimates_have_a_footnote(tmp_path):
    files = save_table(results_request(make_estimates(skip_concept=True), tmp_path), tmp_path / "out")
    for file_format in ("md", "tex", "html"):
        assert SKIPPED in files[file_format].read_text(encoding="utf-8"), file_format
    assert files["md"].read_text(encoding="utf-8").count("skipped (a)") == 5


def test_warnings_are_footnotes_of_their_values(tmp_path):
    estimates = make_estimates()
    estimates.loc[[0, 4], "warning"] = WARNING
    estimates.loc[1, ["ci_low", "ci_high"]] = None
    estimates.loc[1, "warning"] = "no interval: 1 of 60 images carries the value"
    text = save_table(results_request(estimates, tmp_path), tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert "| 0.912 (a) [0.882, 0.932] |" in text
    assert f"(a) {WARNING}" in text and text.count("(a)") == 3
    assert "| 0.894 (b) [no interval] |" in text


@pytest.mark.parametrize(
    ("file_format", "cell", "note"),
    [
        ("md", "| 0.912† (a) [0.882, 0.932] |", "† labels are not exhaustive: background objects count as false pos"),
        ("tex", r"0.912\dag{}\textsuperscript{a} \\", r"\dag{} labels are not exhaustive: background objects count"),
        ("html", "<td>0.912† <sup>a</sup><br>", "<p>† labels are not exhaustive: background objects count as false"),
    ],
)
def test_values_that_lack_labels_have_a_dagger_and_those_left_out_a_count(tmp_path, file_format, cell, note):
    estimates = make_estimates().astype({"n_left_out": "Int64", "labelled_distance": float})
    unmarked = save_table(results_request(estimates, tmp_path), tmp_path / "out")[file_format].read_text(
        encoding="utf-8"
    )
    assert "†" not in unmarked and "\\dag" not in unmarked and "left out" not in unmarked
    estimates.loc[0, ["lacks_labels", "warning"]] = True, WARNING
    estimates.loc[0, ["n_left_out", "labelled_distance"]] = 1234, 0.1
    estimates.loc[1, ["n_left_out", "labelled_distance"]] = 0, 0.1
    files = save_table(results_request(estimates, tmp_path), tmp_path / "out")
    text = files[file_format].read_text(encoding="utf-8")
    assert cell in text and note in text
    left_out = "predictions are left out: farther than 0.1 image heights from every labelled instance"
    assert f"(a) {WARNING}; 1,234 {left_out}" in text and f"(b) 0 {left_out}" in text
    rows = pd.read_csv(files["csv"])
    assert rows["lacks_labels"].tolist() == [True] + [False] * (len(rows) - 1)
    assert rows["n_left_out"].head(3).tolist()[:2] == [1234, 0] and rows["n_left_out"].isna().sum() == len(rows) - 2


def test_latex_is_escaped_and_balanced(tmp_path):
    text = save_table(results_request(make_estimates(), tmp_path), tmp_path / "out")["tex"].read_text(encoding="utf-8")
    assert r"Results \& more (Table 1): Spatial prompts \& boxes." in text
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(labels) == len(set(labels)) == 3
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S):
        for line in tabular[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1


@pytest.mark.parametrize("file_format", ["md", "tex", "html"])
def test_a_remark_is_added_if_a_demo_model_is_in_the_table(tmp_path, file_format):
    demo = save_table(results_request(make_estimates(), tmp_path), tmp_path / "a")[file_format].read_text(
        encoding="utf-8"
    )
    published = save_table(results_request(make_estimates(PUBLISHED), tmp_path), tmp_path / "b")[file_format].read_text(
        encoding="utf-8"
    )
    assert "Models marked demo" in demo
    assert "demo" not in published


def test_html_is_well_formed(tmp_path):
    open_tags = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("br", "meta"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    text = save_table(results_request(make_estimates(), tmp_path), tmp_path / "out")["html"].read_text(encoding="utf-8")
    Checker().feed(text)
    assert not open_tags
    assert "Results &amp; more" in text


def test_files_are_byte_identical_when_made_again(tmp_path):
    request = results_request(make_estimates(), tmp_path)
    first, second = (save_table(request, tmp_path / name) for name in "ab")
    for file_format in first:
        assert first[file_format].read_bytes() == second[file_format].read_bytes(), file_format


def test_a_block_has_at_most_twelve_columns(tmp_path):
    metrics = [f"f1-iou-{number}" for number in range(55, 100, 5)]
    rows = [make_estimate("concept-prompts", "sam3-demo", "concepts", metric, 0.5) for metric in metrics]
    request = results_request(pd.DataFrame(rows), tmp_path)
    request = replace(request, experiments={"concept-prompts": {"title": "Noun phrases", "metrics": metrics}})
    text = save_table(request, tmp_path / "out")["md"].read_text(encoding="utf-8")
    columns = [line.count("|") - 1 for line in text.splitlines() if line.startswith("| data set")]
    assert columns == [9, 10] and sum(columns) - 2 * 5 == len(metrics)
    assert re.findall("^## (.*)", text, re.M) == ["Noun phrases (1 of 2)", "Noun phrases (2 of 2)"]
