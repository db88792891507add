"""The table of effect sizes and uncorrected tests."""

from tests.helpers.paper import SKIPPED, save_table
from tests.helpers.paper_comparisons import comparisons_request, make_comparisons


def save(comparisons, folder, **options):
    return save_table(comparisons_request(comparisons, folder, **options), folder)


def test_effect_sizes_and_other_tests_are_in_a_table_of_their_own(tmp_path):
    text = save(make_comparisons(), tmp_path, table="comparisons-all")["md"].read_text(encoding="utf-8")
    assert "| clusters | instances | difference | p | p (Holm) | p (t-test) | Cohen's d | minimum detectable |" in text
    row = "| SAM2 (demo) · box | box itself · box | IoU ↑ | 60 images | 312 | +0.212 [0.162, 0.262] | 0.004 | 0.008 |"
    assert f"{row} 0.002 | 1.25 [0.90, 1.60] | 0.012 |" in text
    assert "| +0.000 [-0.050, 0.050] | 1.000 | 1.000 | – | – | – |" in text
    assert "| – | skipped (b) | – | – | – | – | – |" in text and SKIPPED in text
