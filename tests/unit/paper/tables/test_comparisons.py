import re

import pandas as pd
import pytest

from samgap.jobs.manifest import list_sources
from samgap.tables.statistics import COMPARISONS
from tests.helpers.paper import SKIPPED, WARNING, save_table
from tests.helpers.paper_comparisons import comparisons_request, make_comparisons


def save(comparisons, folder, **options):
    return save_table(comparisons_request(comparisons, folder, **options), folder)


def test_csv_has_the_comparisons_in_full_precision_with_their_sources(tmp_path):
    comparisons = make_comparisons()
    files = save(comparisons, tmp_path)
    rows = pd.read_csv(files["csv"], float_precision="round_trip")
    pd.testing.assert_frame_equal(rows[list(comparisons)], comparisons, check_exact=True, check_dtype=False)
    assert "0.91234567890123" in files["csv"].read_text(encoding="utf-8")
    # The manifest reads from it the table itself and the tables `pairs` of both cells.
    sources = list_sources(rows.iloc[1].to_dict(), "estimates.parquet")
    assert [re.sub(r".*(comparisons|model=[\w-]+).*", r"\1", path) for path in sources] == [
        "comparisons",
        "model=ellipse",
        "model=filled-box",
    ]


def test_a_row_has_both_values_the_difference_and_its_tests(tmp_path):
    text = save(make_comparisons(), tmp_path)["md"].read_text(encoding="utf-8")
    assert re.findall("^## (.*)", text, re.M) == [
        "Network & box (orchard-sim-test)",
        "Point or box (orchard-sim-test)",
    ]
    assert "| candidate | baseline | metric | clusters | value of candidate | value of baseline | difference |" in text
    row = "| SAM2 (demo) · box | box itself · box | IoU ↑ | 60 images | 0.912 | 0.700 | +0.212 [0.162, 0.262] |"
    assert f"{row} 0.008 | different |" in text
    assert "| < 0.001 | different |" in text
    assert "| +0.000 [-0.050, 0.050] | 1.000 | undecided |" in text


def test_missing_values_and_warnings_have_footnotes(tmp_path):
    files = save(make_comparisons(), tmp_path)
    text = files["md"].read_text(encoding="utf-8")
    assert "| +0.110 (a) [0.060, 0.160] |" in text and f"(a) {WARNING}" in text
    assert "| – | – | skipped (b) | – | – |" in text
    for file_format in ("md", "tex", "html"):
        assert SKIPPED in files[file_format].read_text(encoding="utf-8"), file_format


@pytest.mark.parametrize(
    ("lacks_labels", "baseline_lacks_labels", "cells"),
    [
        (True, False, "0.912† | 0.700 | +0.212† [0.162, 0.262]"),
        (False, True, "0.912 | 0.700† | +0.212† [0.162, 0.262]"),
        (False, False, "0.912 | 0.700 | +0.212 [0.162, 0.262]"),
        (None, None, "0.912 | 0.700 | +0.212 [0.162, 0.262]"),
    ],
)
def test_values_and_differences_that_lack_labels_have_a_dagger(tmp_path, lacks_labels, baseline_lacks_labels, cells):
    comparisons = make_comparisons().astype({"lacks_labels": object, "baseline_lacks_labels": object})
    comparisons.loc[0, ["lacks_labels", "baseline_lacks_labels"]] = lacks_labels, baseline_lacks_labels
    files = save(comparisons, tmp_path)
    text, note = (
        files["md"].read_text(encoding="utf-8"),
        "† labels are not exhaustive: background objects count as false positives.",
    )
    assert f"| {cells} |" in text
    assert (note in text) == bool(lacks_labels or baseline_lacks_labels)


def test_predictions_left_out_are_counted_at_each_value(tmp_path):
    comparisons = make_comparisons().astype({"n_left_out": "Int64", "baseline_n_left_out": "Int64"})
    comparisons.loc[0, ["n_left_out", "baseline_n_left_out", "labelled_distance"]] = 7, 1, 0.05
    text = save(comparisons, tmp_path)["md"].read_text(encoding="utf-8")
    assert "| 0.912 (a) | 0.700 (b) | +0.212 [" in text
    assert "(a) 7 predictions are left out: farther than 0.05 image heights from every labelled instance" in text
    assert "(b) 1 prediction is left out: farther than 0.05 image heights" in text


def test_latex_is_escaped_and_has_equal_columns_in_all_rows(tmp_path):
    text = save(make_comparisons(), tmp_path)["tex"].read_text(encoding="utf-8")
    assert r"Paired \& compared (Table 2): Network \& box (orchard-sim-test)." in text and r"\textless{} 0.001" in text
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S):
        for line in tabular[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1


@pytest.mark.parametrize("file_format", ["md", "tex", "html"])
def test_a_remark_is_added_if_a_demo_model_is_compared(tmp_path, file_format):
    demo = save(make_comparisons(), tmp_path / "a")[file_format].read_text(encoding="utf-8")
    published = save(make_comparisons("sam2-large"), tmp_path / "b")[file_format].read_text(encoding="utf-8")
    assert "Models marked demo" in demo
    assert "demo" not in published


def test_without_comparisons_the_table_says_so(tmp_path):
    files = save(make_comparisons().iloc[:0], tmp_path, families={})
    for file_format in ("md", "html"):
        assert "has no comparisons" in files[file_format].read_text(encoding="utf-8")
    assert list(pd.read_csv(files["csv"])) == [*COMPARISONS.schema.names, "source"]


def test_files_are_byte_identical_when_made_again(tmp_path):
    first, second = (save(make_comparisons(), tmp_path / "same") for _ in "ab")
    contents = {file_format: path.read_bytes() for file_format, path in first.items()}
    assert {file_format: path.read_bytes() for file_format, path in second.items()} == contents


def test_strata_and_data_sets_of_both_sides_are_named(tmp_path):
    comparisons = make_comparisons()
    strata = ["stratum", "baseline_stratum"]
    comparisons.loc[0, strata] = "area: small", "area: large"
    comparisons.loc[1, strata] = "ripeness: ripe", "ripeness: ripe"
    comparisons.loc[2, ["baseline_dataset", "pairing", "n_clusters"]] = "other", "unpaired", 20
    comparisons.loc[2, "clusters"] = "image or group"
    text = save(comparisons, tmp_path)["md"].read_text(encoding="utf-8")
    assert "| SAM2 (demo) · box · area: small | box itself · box · area: large |  | IoU ↑ |" in text
    assert "| ellipse in box · box | box itself · box | ripeness: ripe | Dice ↑ |" in text
    assert "| orchard-sim-test / other | SAM2 (demo) · box | box itself · box | IoU ↑ | " in text
    assert "| orchard-sim-test | SAM3 · box | box itself · box | IoU ↑ | " in text
    assert "| 20 of 60 images or groups, unpaired |" in text


def test_the_sources_of_two_data_sets_are_of_both(tmp_path):
    comparisons = make_comparisons().iloc[:1].assign(baseline_dataset="other")
    rows = pd.read_csv(save(comparisons, tmp_path)["csv"])
    assert "model=sam2-demo" in rows["source"][0] and "model=filled-box" not in rows["source"][0]


def test_a_family_with_a_margin_has_its_tests_of_equivalence(tmp_path):
    comparisons = make_comparisons()
    values = {"margin": 0.02, "p_equivalence": 0.0002, "p_equivalence_holm": 0.0004, "outcome": "equivalent"}
    comparisons.loc[0, list(values)] = list(values.values())
    text = save(comparisons, tmp_path)["md"].read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if line.startswith("| candidate")]
    assert ["margin | p of equivalence (Holm) | outcome" in heading for heading in headings] == [True, False]
    assert "| 0.008 | ±0.02 | < 0.001 | equivalent |" in text
    assert "| < 0.001 | – | – | different |" in text
    assert "set before the run, also equivalent if p of equivalence (Holm) is at most 0.05" in text


def test_the_level_of_the_outcome_is_that_of_the_intervals(tmp_path):
    text = save(make_comparisons(), tmp_path)["md"].read_text(encoding="utf-8")
    assert "Outcome: different if p (Holm) is at most 0.05, otherwise undecided." in text and "margin" not in text
