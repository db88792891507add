import re

import pandas as pd
import pytest

from samgap.jobs.manifest import list_sources
from samgap.tables.statistics import COMPARISONS


def test_csv_is_the_comparisons_in_full_precision_with_their_sources(paper, tmp_path):
    frame = paper.comparisons()
    made = paper.make_comparisons(frame, tmp_path)
    rows = pd.read_csv(made["csv"], float_precision="round_trip")
    pd.testing.assert_frame_equal(rows[list(frame)], frame, check_exact=True, check_dtype=False)
    assert "0.91234567890123" in made["csv"].read_text()
    # What the manifest is told: this table, and the pairs of both cells alone.
    found = list_sources(rows.iloc[1].to_dict(), "estimates.parquet")
    assert [re.sub(r".*(comparisons|model=[\w-]+).*", r"\1", path) for path in found] == [
        "comparisons",
        "model=ellipse",
        "model=filled-box",
    ]


def test_a_line_holds_both_values_the_difference_and_its_tests(paper, tmp_path):
    text = paper.make_comparisons(paper.comparisons(), tmp_path)["md"].read_text()
    assert re.findall("^## (.*)", text, re.M) == ["Network & box", "Point or box"]
    line = "| SAM2 (demo) · box | box itself · box | IoU | 60 images | 312 | 0.912 | 0.700 | +0.212 [0.162, 0.262] |"
    assert f"{line} 0.004 | 0.008 | 1.25 [0.90, 1.60] | 0.012 |" in text
    assert "| < 0.001 | < 0.001 |" in text
    assert "| +0.000 [-0.050, 0.050] | 1.000 | 1.000 | – | – |" in text


def test_what_is_missing_or_doubtful_has_its_footnote(paper, tmp_path):
    made = paper.make_comparisons(paper.comparisons(), tmp_path)
    text = made["md"].read_text()
    assert "| +0.110 (a) [0.060, 0.160] |" in text and f"(a) {paper.WARNING}" in text
    assert "| – | – | skipped (b) | – | – | – | – |" in text
    for form in ("md", "tex", "html"):
        assert paper.SKIPPED in made[form].read_text(), form


def test_latex_is_escaped_and_even(paper, tmp_path):
    text = paper.make_comparisons(paper.comparisons(), tmp_path)["tex"].read_text()
    assert r"Paired \& compared (Table 2): Network \& box." in text and r"\textless{} 0.001" in text
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S):
        for line in tabular[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1


@pytest.mark.parametrize("form", ["md", "tex", "html"])
def test_demo_is_told_where_a_demo_model_is_compared(paper, tmp_path, form):
    demo = paper.make_comparisons(paper.comparisons(), tmp_path / "a")[form].read_text()
    published = paper.make_comparisons(paper.comparisons("sam2-large"), tmp_path / "b")[form].read_text()
    assert "Models marked demo" in demo
    assert "demo" not in published


def test_no_comparison_is_told(paper, tmp_path):
    made = paper.make_comparisons(paper.comparisons().iloc[:0], tmp_path, {})
    assert "declares no comparison" in made["md"].read_text() and "declares no comparison" in made["html"].read_text()
    assert list(pd.read_csv(made["csv"])) == [*COMPARISONS.schema.names, "source"]


def test_same_bytes_twice(paper, tmp_path):
    first, second = (paper.make_comparisons(paper.comparisons(), tmp_path / "same") for _ in "ab")
    kept = {form: path.read_bytes() for form, path in first.items()}
    assert {form: path.read_bytes() for form, path in second.items()} == kept
