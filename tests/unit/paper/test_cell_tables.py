import pandas as pd

from samgap.paper.cell_tables import CELL, add_skipped_cells, list_skips, read_shards
from samgap.tables.predictions import TIMING
from tests.helpers.cell_files import write_cell


def test_rows_have_the_cell_of_their_path_and_skipped_cells_a_reason(tmp_path):
    full = write_cell(TIMING, tmp_path, ("discs", "sam3", "concepts"), [{"image_id": 3, "n_prompts": 2}])
    empty = write_cell(TIMING, tmp_path, ("discs", "sam2", "box"), [], "weights not available")
    (row,) = read_shards(TIMING, [empty, full]).to_dict("records")
    assert [row[name] for name in CELL] == ["discs", "sam3", "concepts"]
    assert (row["image_id"], row["n_prompts"], row["source"]) == (3, 2, str(full))
    assert list_skips([empty, full]) == {("discs", "sam2", "box"): "skipped: weights not available"}


def test_without_rows_the_columns_are_there(tmp_path):
    empty = write_cell(TIMING, tmp_path, ("discs", "sam2", "box"), [])
    for paths in ([], [empty]):
        assert list(read_shards(TIMING, paths).columns) == [*TIMING.columns, *CELL, "source"]


def test_a_skipped_cell_is_a_row_with_its_note_and_numbers_remain_whole():
    columns = [*CELL, "image_id", "note"]
    rows = pd.DataFrame([{"dataset": "discs", "model": "sam3", "prompts": "concepts", "image_id": 3}])
    assert add_skipped_cells(rows, {}, columns)["image_id"].tolist() == [3]
    added = add_skipped_cells(rows, {("discs", "sam2", "box"): "skipped: x"}, columns)
    assert added.to_csv(index=False) == (
        "dataset,model,prompts,image_id,note\ndiscs,sam3,concepts,3,\ndiscs,sam2,box,,skipped: x\n"
    )
    assert len(add_skipped_cells(rows[:0], {("discs", "sam2", "box"): "skipped: x"}, columns)) == 1
