"""The tables that the rows of a printed table come from."""

import pandas as pd

from samgap.paper.sources import add_sources
from samgap.tables.statistics import ESTIMATES
from tests.helpers.paper import make_estimate


def test_a_row_comes_from_the_tables_of_its_cell(tmp_path):
    cells = ["dataset=orchard-sim-test/model=sam2/prompts=box", "dataset=orchard-sim-test/model=sam2/prompts=box-1"]
    inputs = {f"results/r/matching/{cell}/shard={n}/pairs.parquet": "0" for cell in cells for n in "10"}
    path = tmp_path / "estimates.parquet"
    rows = pd.DataFrame([make_estimate("e", "sam2", prompts, "iou", 0.5) for prompts in ("box", "point")])
    ESTIMATES.write(path, rows, {"inputs": {**inputs, "resources/datasets/d/images.parquet": "1"}})
    box, point = add_sources(rows, path)["source"]
    assert box == ";".join([str(path), *(f"results/r/matching/{cells[0]}/shard={n}/pairs.parquet" for n in "01")])
    assert point == str(path)


def test_a_row_of_two_cells_comes_from_the_tables_of_both(tmp_path):
    inputs = {f"results/r/matching/dataset=d/model={model}/prompts=box/pairs.parquet": "0" for model in "abc"}
    path = tmp_path / "estimates.parquet"
    ESTIMATES.write(path, [], {"inputs": inputs})
    rows = pd.DataFrame([{"dataset": "d", "model": "a", "prompts": "box", "other": "c"}])
    (source,) = add_sources(rows, path, [("dataset", "model", "prompts"), ("dataset", "other", "prompts")])["source"]
    assert source.split(";")[1:] == [path for path in inputs if "model=b" not in path]
