"""Every Parquet table of the workflow: its columns, their types, meaning and unit.

Keys that stand in a hive path (`dataset=…/model=…/prompts=…/shard=…`) are not repeated as columns.
Tables are written atomically and carry their provenance (the code and the sha256 of what they were
made from) in the file's own metadata.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from samgap.errors import UserError
from samgap.files import replacing

TAUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds 0.50, 0.55 … 0.95 at which true positives are counted."""

POINT = pa.struct([("x", pa.float32()), ("y", pa.float32()), ("label", pa.int8())])
BOX = pa.struct(
    [("x0", pa.float32()), ("y0", pa.float32()), ("x1", pa.float32()), ("y1", pa.float32()), ("label", pa.int8())]
)


def _column(name: str, kind: pa.DataType, description: str, unit: str = "", nullable: bool = False) -> pa.Field:
    metadata = {"description": description, **({"unit": unit} if unit else {})}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


_prompt_id = _column("prompt_id", pa.string(), "the prompt, unique in its data set and prompt set")
_image_id = _column("image_id", pa.int64(), "the image, as in images.parquet")

SCHEMAS: dict[str, pa.Schema] = {
    "images": pa.schema(
        [
            _image_id,
            _column("file", pa.string(), "file name below images/"),
            _column("width", pa.int32(), "width", "px"),
            _column("height", pa.int32(), "height", "px"),
            _column("group", pa.string(), "what images share a source: the video, the source photo, the scene"),
        ]
    ),
    "prompts": pa.schema(
        [
            _prompt_id,
            _image_id,
            _column("kind", pa.string(), "box, point, point-box, phrase, or other (present but not labelled)"),
            _column("phrase", pa.string(), "the text asked, if any", nullable=True),
            _column("points", pa.list_(POINT), "points; label 1 is on the object, 0 off it", "px", nullable=True),
            _column(
                "boxes", pa.list_(BOX), "boxes, corners inclusive-exclusive; label 1 positive", "px", nullable=True
            ),
            _column("mask", pa.binary(), "a prior mask as compressed COCO RLE", nullable=True),
            _column(
                "truth_ids",
                pa.list_(pa.int64()),
                "instances that a right answer covers; empty: asked and absent; null: not evaluable",
                nullable=True,
            ),
        ]
    ),
    "masks": pa.schema(
        [
            _prompt_id,
            _column("prediction_id", pa.int64(), "the prediction, unique in its prompt, best score first"),
            _image_id,
            _column("score", pa.float32(), "the model's own confidence, 0 to 1"),
            _column("x0", pa.float32(), "left edge of the predicted box", "px"),
            _column("y0", pa.float32(), "top edge of the predicted box", "px"),
            _column("x1", pa.float32(), "right edge of the predicted box", "px"),
            _column("y1", pa.float32(), "bottom edge of the predicted box", "px"),
            _column("height", pa.int32(), "height of the mask, that of the image", "px"),
            _column("width", pa.int32(), "width of the mask, that of the image", "px"),
            _column("area_px", pa.int64(), "pixels of the mask", "px"),
            _column("rle", pa.binary(), "the mask as compressed COCO RLE counts"),
        ]
    ),
    "timing": pa.schema(
        [
            _image_id,
            _column("n_prompts", pa.int32(), "prompts asked of the image"),
            _column("read_ms", pa.float32(), "reading the image", "ms"),
            _column("encode_ms", pa.float32(), "encoding the image", "ms"),
            _column("decode_ms", pa.float32(), "answering all its prompts, masks to RLE included", "ms"),
            _column("device", pa.string(), "cpu or cuda"),
        ]
    ),
    "overlaps": pa.schema(
        [
            _prompt_id,
            _column("prediction_id", pa.int64(), "the prediction within its prompt"),
            _column("truth_id", pa.int64(), "an instance of the image that it touches"),
            _column("intersection_px", pa.int64(), "pixels that both hold", "px"),
            _column("iou", pa.float64(), "intersection over union of the two masks"),
            _column("ioa", pa.float64(), "intersection over the prediction's area"),
            _column("target", pa.bool_(), "is the instance one of the prompt's truth_ids"),
            _column("ignore", pa.bool_(), "is the instance marked ignore"),
        ]
    ),
    "instances": pa.schema(
        [
            _prompt_id,
            _image_id,
            _column("truth_id", pa.int64(), "the instance; null for a false mask", nullable=True),
            _column("prediction_id", pa.int64(), "its prediction; null when nothing answers it", nullable=True),
            _column("outcome", pa.string(), "matched (IoU at least 0.5), missed or false"),
            _column("score", pa.float32(), "the prediction's score", nullable=True),
            _column(
                "iou", pa.float64(), "IoU of the two; 0 when nothing answers; null for a false mask", nullable=True
            ),
            _column("dice", pa.float64(), "Dice of the two; same rule", nullable=True),
            _column("boundary_f_2px", pa.float64(), "boundary F at 2 px of the two; same rule", nullable=True),
            _column("truth_area_px", pa.int64(), "pixels of the instance", "px", nullable=True),
        ]
    ),
    "pairs": pa.schema(
        [
            _prompt_id,
            _image_id,
            _column("group", pa.string(), "the image's group"),
            _column("kind", pa.string(), "the prompt's kind"),
            _column("phrase", pa.string(), "the text asked, if any", nullable=True),
            _column("evaluable", pa.bool_(), "does the data set know the answer"),
            _column("n_truth", pa.int32(), "instances that a right answer covers"),
            _column("n_predicted", pa.int32(), "predictions kept at the score threshold, ignored ones left out"),
            _column("tp", pa.list_(pa.int32(), len(TAUS)), "one-to-one matches at IoU 0.50, 0.55 … 0.95"),
            _column("sum_iou", pa.float64(), "sum of IoU over the prompt's truth, a missed one counts 0"),
            _column("sum_dice", pa.float64(), "sum of Dice, same rule"),
            _column("sum_boundary_f_2px", pa.float64(), "sum of boundary F at 2 px, same rule"),
        ]
    ),
    "estimates": pa.schema(
        [
            *(
                _column(key, pa.string(), f"the {key}")
                for key in ("experiment", "dataset", "model", "prompts", "metric")
            ),
            _column("stratum", pa.string(), "the part of the data set; `all` for the whole"),
            _column("value", pa.float64(), "the estimate; null when skipped or not evaluable", nullable=True),
            _column("ci_low", pa.float64(), "lower end of the 95 % interval", nullable=True),
            _column("ci_high", pa.float64(), "upper end of the 95 % interval", nullable=True),
            _column("n_images", pa.int64(), "images that the estimate rests on"),
            _column("n_instances", pa.int64(), "ground-truth instances asked for in them"),
            _column("note", pa.string(), "why there is no value: `skipped: …` or `not evaluable: …`", nullable=True),
        ]
    ),
    "history": pa.schema(
        [
            _column("step", pa.int64(), "optimiser step"),
            _column("term", pa.string(), "loss term, `total`, or a validation metric"),
            _column("value", pa.float64(), "mean since the last row of this term"),
            _column("learning_rate", pa.float64(), "learning rate at that step"),
        ]
    ),
}

PROVENANCE = b"samgap"


def empty(name: str) -> pd.DataFrame:
    """A data frame with the columns of table `name` and no row."""
    return SCHEMAS[name].empty_table().to_pandas()


def write(
    path: str | Path,
    name: str,
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write `rows` as table `name` (a key of `SCHEMAS`), whole or not at all.

    Columns are put in the schema's order and cast to its types; a missing or an extra column,
    or a null where none is allowed, raises ValueError. `provenance` is kept as JSON in the file.
    """
    schema = SCHEMAS[name]
    if isinstance(rows, pd.DataFrame):
        if set(rows.columns) != set(schema.names):
            raise ValueError(f"table {name}: columns {sorted(rows.columns)} are not {sorted(schema.names)}")
        table = pa.Table.from_pandas(rows[schema.names], schema=schema, preserve_index=False)
    else:
        rows = list(rows)
        for row in rows:
            if row.keys() != set(schema.names):
                raise ValueError(f"table {name}: columns {sorted(row)} are not {sorted(schema.names)}")
        table = pa.Table.from_pylist(rows, schema=schema)
    for field in schema:
        if not field.nullable and table[field.name].null_count:
            raise ValueError(f"table {name}: nulls in column {field.name}")
    metadata = {b"table": name.encode()}
    if provenance is not None:
        metadata[PROVENANCE] = json.dumps(provenance, sort_keys=True).encode()
    table = table.replace_schema_metadata(metadata)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read(path: str | Path, name: str) -> pd.DataFrame:
    """Read table `name`; a file that is not such a table raises UserError."""
    schema = SCHEMAS[name]
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from error
    if table.schema.names != schema.names:
        raise UserError(f"{path}: not a `{name}` table (columns {table.schema.names}); delete it and run again")
    return table.to_pandas()


def provenance(path: str | Path) -> dict[str, Any]:
    """What a table says of its own making (empty if it says nothing)."""
    metadata = pq.read_schema(path).metadata or {}
    return json.loads(metadata.get(PROVENANCE, b"{}"))
