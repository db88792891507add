"""Tables keep their schema, their nulls and their provenance, and refuse what does not fit."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from samgap import tables
from samgap.errors import UserError

IMAGES = [
    {"image_id": 1, "file": "a.png", "width": 6, "height": 4, "group": "x"},
    {"image_id": 2, "file": "b.png", "width": 6, "height": 4, "group": "y"},
]
PROMPTS = [
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


@pytest.mark.parametrize("name", tables.SCHEMAS)
def test_every_column_is_described_and_an_empty_table_can_be_kept(name, tmp_path):
    for field in tables.SCHEMAS[name]:
        assert field.metadata[b"description"]
        if field.name.endswith(("_px", "_ms", "_mb")):
            assert field.metadata[b"unit"].decode() == field.name.rpartition("_")[2].replace("mb", "MB"), field.name
    tables.write(tmp_path / "a.parquet", name, [])
    read = tables.read(tmp_path / "a.parquet", name)
    assert list(read.columns) == tables.SCHEMAS[name].names == list(tables.empty(name).columns)
    assert len(read) == 0


def test_absent_and_not_evaluable_stay_apart(tmp_path):
    tables.write(tmp_path / "a.parquet", "prompts", PROMPTS)
    truth = tables.read(tmp_path / "a.parquet", "prompts")["truth_ids"]
    assert list(truth[0]) == [7]
    assert list(truth[1]) == []
    assert truth[2] is None
    blank = dict.fromkeys(tables.SCHEMAS["prompts"].names)
    assert pq.read_table(tmp_path / "a.parquet").to_pylist() == [{**blank, **row} for row in PROMPTS]


def test_a_table_from_before_a_nullable_column_can_be_read(tmp_path):
    tables.write(tmp_path / "a.parquet", "prompts", PROMPTS)
    pq.write_table(pq.read_table(tmp_path / "a.parquet").drop_columns(["seen", "points"]), tmp_path / "old.parquet")
    read = tables.read(tmp_path / "old.parquet", "prompts")
    assert list(read.columns) == tables.SCHEMAS["prompts"].names and read["seen"].isna().all()


def test_words_are_kept(tmp_path):
    tagged = {**PROMPTS[1], "nouns": ["pear"], "attributes": [("health", "healthy")], "seen": False}
    tables.write(tmp_path / "a.parquet", "prompts", [tagged])
    row = tables.read(tmp_path / "a.parquet", "prompts").iloc[0]
    assert dict(row["attributes"]) == {"health": "healthy"} and list(row["nouns"]) == ["pear"] and not row["seen"]


def test_a_data_frame_in_any_order_of_columns(tmp_path):
    frame = pd.DataFrame(IMAGES)[["group", "file", "height", "width", "image_id"]]
    tables.write(tmp_path / "a.parquet", "images", frame)
    assert tables.read(tmp_path / "a.parquet", "images")[list(IMAGES[0])].to_dict("records") == IMAGES


def test_the_same_rows_are_the_same_bytes(tmp_path):
    for name in "ab":
        tables.write(tmp_path / name, "images", IMAGES, {"code": "1", "inputs": {}})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_provenance_is_kept_in_the_file(tmp_path):
    made = {"rule": "dataset", "inputs": {"x": "0f"}, "skipped": "weights not available (gated)"}
    tables.write(tmp_path / "a.parquet", "images", IMAGES, made)
    tables.write(tmp_path / "b.parquet", "images", IMAGES)
    assert tables.provenance(tmp_path / "a.parquet") == made
    assert tables.provenance(tmp_path / "b.parquet") == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (pd.DataFrame(IMAGES).drop(columns="group"), "columns"),
        (pd.DataFrame(IMAGES).assign(colour="red"), "columns"),
        (pd.DataFrame(IMAGES).assign(group=None), "group.* null"),
        ([{**IMAGES[0], "file": None}], "nulls in column file"),
        ([{key: IMAGES[0][key] for key in ("image_id", "file", "width", "height")}], "columns"),
        ([IMAGES[0], {**IMAGES[1], "colour": "red"}], "columns"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(rows, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        tables.write(tmp_path / "a.parquet", "images", rows)
    assert list(tmp_path.iterdir()) == []


def test_another_table_or_a_torn_file_is_one_line(tmp_path):
    tables.write(tmp_path / "a.parquet", "images", IMAGES)
    with pytest.raises(UserError, match=r"a\.parquet: not a `prompts` table"):
        tables.read(tmp_path / "a.parquet", "prompts")
    (tmp_path / "b.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(UserError, match=r"b\.parquet: not a readable Parquet file") as error:
        tables.read(tmp_path / "b.parquet", "images")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"c\.parquet"):
        tables.read(tmp_path / "c.parquet", "images")


def test_rows_of_some_images_alone_are_read(tmp_path):
    path = tmp_path / "t.parquet"
    times = {"n_prompts": 1, "read_ms": 1.0, "encode_ms": 1.0, "decode_ms": 1.0, "device": "cpu"}
    tables.write(path, "timing", [{"image_id": n, **times} for n in (3, 1, 4, 1, 5)])
    assert tables.read(path, "timing", [1, 5, 9])["image_id"].tolist() == [1, 1, 5]
    assert tables.read(path, "timing", []).empty
