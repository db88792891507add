"""Tables keep their schema, nulls and provenance, and refuse rows that do not fit."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from samgap.errors import UserError
from samgap.tables import parquet
from samgap.tables.catalog import TABLES
from samgap.tables.images import IMAGES
from samgap.tables.predictions import TIMING
from samgap.tables.prompts import PROMPTS

IMAGE_ROWS = [
    {"image_id": 1, "file": "a.png", "width": 6, "height": 4, "group": "x"},
    {"image_id": 2, "file": "b.png", "width": 6, "height": 4, "group": "y"},
]
PROMPT_ROWS = [
    {
        "prompt_id": "p1",
        "image_id": 1,
        "kind": "point-box",
        "phrase": None,
        "points": [{"x": 1.5, "y": 2.5, "label": 1}],
        "boxes": [{"x0": 0.0, "y0": 0.0, "x1": 3.0, "y1": 3.0, "label": 1}],
        "mask": b"04",
        "truth_ids": [7],
    },
    {
        "prompt_id": "p2",
        "image_id": 1,
        "kind": "phrase",
        "phrase": "pear",
        "points": None,
        "boxes": None,
        "mask": None,
        "truth_ids": [],
    },
    {
        "prompt_id": "p3",
        "image_id": 1,
        "kind": "other",
        "phrase": "leaf",
        "points": None,
        "boxes": None,
        "mask": None,
        "truth_ids": None,
    },
]


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_described_and_an_empty_table_reads_back(name, tmp_path):
    for field in TABLES[name].schema:
        assert field.metadata[b"description"]
        if field.name.endswith(("_px", "_ms", "_mb")):
            assert field.metadata[b"unit"].decode() == field.name.rpartition("_")[2].replace("mb", "MB"), field.name
    TABLES[name].write(tmp_path / "a.parquet", [])
    table = TABLES[name].read(tmp_path / "a.parquet")
    assert list(table.columns) == TABLES[name].schema.names == list(TABLES[name].empty_frame().columns)
    assert len(table) == 0


def test_empty_and_null_truth_ids_are_distinct(tmp_path):
    PROMPTS.write(tmp_path / "a.parquet", PROMPT_ROWS)
    truth = PROMPTS.read(tmp_path / "a.parquet")["truth_ids"]
    assert list(truth[0]) == [7]
    assert list(truth[1]) == []
    assert truth[2] is None
    null_row = dict.fromkeys(PROMPTS.schema.names)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [{**null_row, **row} for row in PROMPT_ROWS]


def test_table_without_a_nullable_column_is_read(tmp_path):
    PROMPTS.write(tmp_path / "a.parquet", PROMPT_ROWS)
    old = pq.read_table(tmp_path / "a.parquet").drop_columns(["seen", "points"])
    pq.write_table(old.replace_schema_metadata(None), tmp_path / "old.parquet")
    table = PROMPTS.read(tmp_path / "old.parquet")
    assert list(table.columns) == PROMPTS.schema.names and table["seen"].isna().all()


def test_nouns_and_attributes_of_prompts_read_back(tmp_path):
    row_with_words = {**PROMPT_ROWS[1], "nouns": ["pear"], "attributes": [("health", "healthy")], "seen": False}
    PROMPTS.write(tmp_path / "a.parquet", [row_with_words])
    row = PROMPTS.read(tmp_path / "a.parquet").iloc[0]
    assert dict(row["attributes"]) == {"health": "healthy"} and list(row["nouns"]) == ["pear"] and not row["seen"]


def test_order_of_data_frame_columns_does_not_matter(tmp_path):
    frame = pd.DataFrame(IMAGE_ROWS)[["group", "file", "height", "width", "image_id"]]
    IMAGES.write(tmp_path / "a.parquet", frame)
    assert IMAGES.read(tmp_path / "a.parquet")[list(IMAGE_ROWS[0])].to_dict("records") == IMAGE_ROWS


def test_same_rows_give_the_same_bytes(tmp_path):
    for name in "ab":
        IMAGES.write(tmp_path / name, IMAGE_ROWS, {"code": "1", "inputs": {}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_provenance_reads_back(tmp_path):
    provenance = {"rule": "dataset", "inputs": {"x": "0f"}, "skipped": "weights not available (gated)"}
    IMAGES.write(tmp_path / "a.parquet", IMAGE_ROWS, provenance)
    IMAGES.write(tmp_path / "b.parquet", IMAGE_ROWS)
    assert parquet.read_provenance(tmp_path / "a.parquet") == provenance
    assert parquet.read_provenance(tmp_path / "b.parquet") == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame(IMAGE_ROWS).drop(columns="group"), "columns"),
        (pd.DataFrame(IMAGE_ROWS).assign(colour="red"), "columns"),
        (pd.DataFrame(IMAGE_ROWS).assign(group=None), "group.* null"),
        ([{**IMAGE_ROWS[0], "file": None}], "nulls in column file"),
        ([{key: IMAGE_ROWS[0][key] for key in ("image_id", "file", "width", "height")}], "columns"),
        ([IMAGE_ROWS[0], {**IMAGE_ROWS[1], "colour": "red"}], "columns"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_is_written(rows, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        IMAGES.write(tmp_path / "a.parquet", rows)
    assert list(tmp_path.iterdir()) == []


def test_other_table_or_damaged_file_is_an_error_of_one_line(tmp_path):
    IMAGES.write(tmp_path / "a.parquet", IMAGE_ROWS)
    with pytest.raises(UserError, match=r"a\.parquet: not a `prompts` table"):
        PROMPTS.read(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(UserError, match=r"b\.parquet: damaged \(the end of a Parquet file is missing\)") as error:
        IMAGES.read(tmp_path / "b.parquet")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"c\.parquet"):
        IMAGES.read(tmp_path / "c.parquet")


def test_rows_of_selected_images_are_read(tmp_path):
    path = tmp_path / "t.parquet"
    timing = {"n_prompts": 1, "read_ms": 1.0, "encode_ms": 1.0, "decode_ms": 1.0, "device": "cpu"}
    TIMING.write(path, [{"image_id": n, **timing} for n in (3, 1, 4, 1, 5)])
    assert TIMING.read(path, [1, 5, 9])["image_id"].tolist() == [1, 1, 5]
    assert TIMING.read(path, []).empty
