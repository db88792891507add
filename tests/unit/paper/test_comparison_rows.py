"""Columns and headings of the tables of comparisons."""

import re

import pytest

from tests.helpers.paper import save_table
from tests.helpers.paper_comparisons import comparisons_request, make_comparisons


def save(comparisons, folder, **options):
    return save_table(comparisons_request(comparisons, folder, **options), folder)


def test_what_all_rows_share_is_in_the_heading(tmp_path):
    comparisons = make_comparisons().iloc[[0, 0]].assign(stratum=["all", "area: small"])
    comparisons["baseline_stratum"] = comparisons["stratum"]
    text = save(comparisons, tmp_path)["md"].read_text(encoding="utf-8")
    assert "## Network & box (SAM2 (demo) · box against box itself · box; orchard-sim-test)" in text
    assert "| stratum | metric | clusters | value of candidate |" in text
    assert "| all | IoU ↑ | 60 images |" in text and "| area: small | IoU ↑ | 60 images |" in text
    text = save(comparisons.iloc[1:], tmp_path / "one")["md"].read_text(encoding="utf-8")
    assert "| area: small | IoU ↑ | 60 images |" in text


@pytest.mark.parametrize("table", ["comparisons", "comparisons-all"])
def test_no_block_has_more_than_twelve_columns(tmp_path, table):
    comparisons = make_comparisons()
    comparisons.loc[0, ["margin", "baseline_dataset"]] = 0.02, "other"
    comparisons.loc[1, ["stratum", "baseline_stratum"]] = "area: small"
    text = save(comparisons, tmp_path, table=table)["md"].read_text(encoding="utf-8")
    headings = [line for line in text.splitlines() if re.match(r"\| (data set|candidate) \|", line)]
    assert [heading.count("|") - 1 <= 12 for heading in headings] == [True, True]
