import pandas as pd
import pytest

from samgap.paper.tables import TableRequest
from samgap.tables.statistics import RANK_CORRELATIONS
from tests.helpers.paper import MODELS, SKIPPED, save_table

ROW = {
    **{"correlation": "order", "dataset": "apples", "model": "sam2-large", "other_model": "sam3", "metric": "iou"},
    **{"prompts": ["box", "point", "clicks", "mask"], "n_prompts": 4, "value": 0.812345678901, "ci_low": 0.4},
    **{"ci_high": 1.0, "stability": 0.93, "clusters": "image", "n_clusters": 58, "n_clusters_total": 60},
    **{"undefined_resamples": 0.0, "warning": None, "note": None},
}
NO_INTERVAL = {"ci_low": None, "ci_high": None, "stability": 0.6, "warning": "no interval: the order is uncertain"}
MISSING = {"value": None, "ci_low": None, "ci_high": None, "stability": None, "prompts": [], "n_prompts": 0}


def save(rows, folder, entries=None):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rank_correlations.parquet"
    sources = [
        f"results/test/matching/dataset=apples/model={model}/prompts={prompts}/shard=000/pairs.parquet"
        for model in ("sam2-large", "sam3", "ellipse")
        for prompts in ("box", "grid")
    ]
    RANK_CORRELATIONS.write(path, rows, {"inputs": dict.fromkeys(sources, "0" * 64)})
    entries = {"order": {"title": "The order of prompts"}} if entries is None else entries
    inputs, entry = {"rank_correlations": str(path)}, {"title": "Ranks", "number": "Table 9"}
    request = TableRequest("rank-correlations", inputs, entry, MODELS, {}, {}, rank_correlations=entries)
    return save_table(request, folder)


def test_a_row_has_the_coefficient_with_its_interval_and_stability(tmp_path):
    text = save([ROW], tmp_path)["md"].read_text(encoding="utf-8")
    assert "## The order of prompts" in text
    keys = "| apples | SAM2.1-L and SAM3 | IoU | 4: box, point, clicks, mask | 58 of 60 images |"
    assert f"{keys} 0.81 [0.40, 1.00] | 0.93 |" in text


def test_missing_intervals_and_values_have_footnotes(tmp_path):
    files = save([ROW | NO_INTERVAL, ROW | MISSING | {"note": SKIPPED}], tmp_path)
    text = files["md"].read_text(encoding="utf-8")
    assert "| 0.81 (a) [no interval] | 0.60 |" in text and "(a) no interval: the order is uncertain" in text
    assert "| skipped (b) | – |" in text
    for file_format in ("md", "tex", "html"):
        assert SKIPPED in files[file_format].read_text(encoding="utf-8")


def test_the_csv_file_has_full_precision_and_the_sources_of_both_models(tmp_path):
    rows = pd.read_csv(save([ROW], tmp_path)["csv"], float_precision="round_trip")
    assert rows["value"][0] == ROW["value"] and rows["prompts"][0] == "box, point, clicks, mask"
    sources = rows["source"][0].split(";")
    assert len(sources) == 3 and sources[0].endswith("rank_correlations.parquet")
    assert all("prompts=box" in source and "ellipse" not in source for source in sources[1:])


@pytest.mark.parametrize("file_format", ["md", "html"])
def test_without_rank_correlations_the_table_says_so(tmp_path, file_format):
    text = save([], tmp_path, {})[file_format].read_text(encoding="utf-8")
    assert "has no rank correlations" in text
