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
import pyarrow.compute as pc
import pyarrow.parquet as pq

from samgap.errors import UserError
from samgap.files import replacing

TAUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds 0.50, 0.55 … 0.95 at which true positives are counted."""
SCORES = tuple(round(0.15 + 0.05 * step, 2) for step in range(17))
"""Score thresholds 0.15, 0.20 … 0.95 at which phrases are matched again, for a sweep."""

MEASURES = {
    "iou": ("IoU of the two masks", ""),
    "dice": ("Dice of the two masks", ""),
    "boundary_f_1px": ("boundary F at 1 px", ""),
    "boundary_f_2px": ("boundary F at 2 px", ""),
    "boundary_f_3px": ("boundary F at 3 px", ""),
    "boundary_f_5px": ("boundary F at 5 px", ""),
    "boundary_f_davis": ("boundary F as DAVIS has it, at 0.008 of the image's diagonal, rounded up", ""),
    "boundary_f_relative": ("boundary F at 0.05 of the diameter of a disk of the instance's area", ""),
    "boundary_iou": ("IoU of the bands along both boundaries, 0.02 of the image's diagonal wide", ""),
    "boundary_iou_2px": ("IoU of the bands along both boundaries, 2 px wide", ""),
    "box_iou": ("IoU of the two boxes", ""),
}
"""What is measured of an instance and its prediction, 0 to 1; an instance that nothing answers counts 0."""
ERRORS = {
    "hausdorff_95_px": ("95 % Hausdorff distance of both boundaries", "px"),
    "area_error": ("difference of the areas over the instance's", ""),
    "box_error": ("sum of the four edges' distances, x over the image's width, y over its height", ""),
}
"""Errors of an instance's prediction; there is none where nothing answers."""
SIZES = ("small", "medium", "large")
"""COCO's: below 32² px, to 96² px, and above."""
KINDS_OF_HITS = tuple(f"{what}_{size}" for what in ("mask", "box") for size in ("all", *SIZES))
"""What average precision matches, masks or boxes, and of which size."""
UPSTREAM = ("iou", "dice", "boundary_f_2px")
"""What the paper's published code measures of a mask."""

POINT = pa.struct([("x", pa.float32()), ("y", pa.float32()), ("label", pa.int8())])
BOX = pa.struct(
    [("x0", pa.float32()), ("y0", pa.float32()), ("x1", pa.float32()), ("y1", pa.float32()), ("label", pa.int8())]
)


def _column(name: str, kind: pa.DataType, description: str, unit: str = "", nullable: bool = False) -> pa.Field:
    metadata = {"description": description, **({"unit": unit} if unit else {})}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


_prompt_id = _column("prompt_id", pa.string(), "the prompt, unique in its data set and prompt set")
_image_id = _column("image_id", pa.int64(), "the image, as in images.parquet")
_words = pa.map_(pa.string(), pa.string())
_counts = pa.map_(pa.string(), pa.int32())
_at_scores = pa.list_(pa.int32(), len(SCORES))
_strata = _column("strata", _words, "parts of the data set that the image is of, as lighting: dusk", nullable=True)
_tags = [
    _column("nouns", pa.list_(pa.string()), "the nouns whose instances the phrase may cover", nullable=True),
    _column("attributes", _words, "the attributes that the phrase asks for, with their values", nullable=True),
    _column("seen", pa.bool_(), "may a training ask the phrase", nullable=True),
    _column("concept", pa.string(), "what the phrase is one of several paraphrases of", nullable=True),
    _column("level", pa.string(), "of an instruction: concept, simple or complex", nullable=True),
]


def _measures(prefix: str = "") -> list[pa.Field]:
    """Columns of all measures and errors; `sum_` for their sums over a prompt's truth."""
    whole = "sum over the prompt's truth of the " if prefix else ""
    rule = {**dict.fromkeys(MEASURES, "0 when nothing answers"), **dict.fromkeys(ERRORS, "of what is answered")}
    return [
        _column(prefix + name, pa.float64(), f"{whole}{description}; {rule[name]}", unit, nullable=not prefix)
        for name, (description, unit) in {**MEASURES, **ERRORS}.items()
    ]


_STEPS = (
    _column("sequence", pa.string(), "the video that the image is a frame of, if any", nullable=True),
    _column("frame", pa.int32(), "its place in the sequence, from 0", nullable=True),
    _column("track", pa.int64(), "of one object asked for: its number in the sequence", nullable=True),
    _column("track_j", pa.float64(), "of one object: IoU, 1 where there is neither object nor mask", nullable=True),
    _column("track_f", pa.float64(), "of one object: DAVIS's boundary F of whole masks, likewise", nullable=True),
    _column("step_iou", pa.float64(), "IoU of all masks with those of the same prompt a frame before", nullable=True),
    _column("warped_iou", pa.float64(), "the same over pixels that both show, moved by optical flow", nullable=True),
    _column("n_warped", pa.int32(), "is there a mask in either, to compare so"),
    _column("contour_cost", pa.float64(), "of one object: χ² cost of its contour from the one before", nullable=True),
    _column("n_contours", pa.int32(), "is there a mask on both frames, to compare so"),
    _column("n_steps", pa.int32(), "of an object that is followed: was it found here and on a frame before"),
    _column("n_kept", pa.int32(), "and both times by the prompt of the same object"),
    _column("n_lasting", pa.int32(), "tracked instances asked for here and, by the same prompt, a frame before"),
    _column("n_flips", pa.int32(), "of them found at IoU 0.5 on one of both frames alone"),
)

_CLUSTERS = (
    _column("clusters", pa.string(), "what is drawn as one: image, or group (a video, a source photo)"),
    _column("n_clusters", pa.int64(), "how many of them hold anything that it rests on"),
    _column("warning", pa.string(), "what to know before trusting the interval, if anything", nullable=True),
)

SCHEMAS: dict[str, pa.Schema] = {
    "images": pa.schema(
        [
            _image_id,
            _column("file", pa.string(), "file name below images/"),
            _column("width", pa.int32(), "width", "px"),
            _column("height", pa.int32(), "height", "px"),
            _column("group", pa.string(), "what images share a source: the video, the source photo, the scene"),
            _strata,
            _column("sequence", pa.string(), "the video that it is a frame of, if any", nullable=True),
            _column("frame", pa.int32(), "its place in the sequence, from 0", nullable=True),
        ]
    ),
    "prompts": pa.schema(
        [
            _prompt_id,
            _image_id,
            _column(
                "kind", pa.string(), "box, point, point-box, mask, clicks, grid, track, phrase, or other (not labelled)"
            ),
            _column("phrase", pa.string(), "the text asked, if any", nullable=True),
            _column("points", pa.list_(POINT), "points; label 1 is on the object, 0 off it", "px", nullable=True),
            _column(
                "boxes", pa.list_(BOX), "boxes, corners inclusive-exclusive; label 1 positive", "px", nullable=True
            ),
            _column("mask", pa.binary(), "a prior mask, of the image's size, as compressed COCO RLE", nullable=True),
            _column("clicks", pa.int16(), "clicks that may be given in all, `points` included", nullable=True),
            _column(
                "track",
                pa.int64(),
                "the object of a sequence that is followed; a row that shows nothing is answered by propagation",
                nullable=True,
            ),
            _column(
                "truth_ids",
                pa.list_(pa.int64()),
                "instances that a right answer covers; empty: asked and absent; null: not evaluable",
                nullable=True,
            ),
            *_tags,
            _column("without", _words, "the attributes that the phrase rules out, with their values", nullable=True),
            _column("polarity", pa.string(), "positive, or negated where the words rule something out", nullable=True),
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
            _column("clicks", pa.int16(), "clicks given before it; null where a prompt is asked once", nullable=True),
        ]
    ),
    "timing": pa.schema(
        [
            _image_id,
            _column("n_prompts", pa.int32(), "prompts asked of the image"),
            _column("read_ms", pa.float32(), "reading the image", "ms"),
            _column("encode_ms", pa.float32(), "encoding the image", "ms"),
            _column("decode_ms", pa.float32(), "answering all its prompts, but for what workers do meanwhile", "ms"),
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
            *_measures(),
            _column("truth_area_px", pa.int64(), "pixels of the instance, or of its box alone", "px", nullable=True),
            _column("area_px", pa.int64(), "pixels of the prediction", "px", nullable=True),
            _column("attributes", _words, "what the instance is labelled with", nullable=True),
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
            *_measures("sum_"),
            _column("n_answered", pa.int32(), "instances with a prediction assigned, whatever their IoU"),
            _column("boxes_only", pa.bool_(), "is some instance asked for known by its box alone; masks then count 0"),
            _column("box_predicted", pa.int32(), "n_predicted, where boxes are matched"),
            _column("box_tp", pa.list_(pa.int32(), len(TAUS)), "tp, where boxes are matched"),
            _column("covered", pa.int32(), "instances that some prediction has IoU 0.5 with, not one to one"),
            _column("truth_px", pa.int64(), "pixels of all instances together", "px"),
            _column("predicted_px", pa.int64(), "pixels of all predictions together", "px"),
            _column("common_px", pa.int64(), "pixels of both", "px"),
            _column("sum_off", pa.float64(), "sum over predictions of the share off the instances asked for"),
            _column("sum_leak", pa.float64(), "sum over predictions of the share on any labelled instance"),
            *(_column(f"truth_{size}", pa.int32(), f"instances that are {size}") for size in SIZES),
            _column("sweep_tp", _at_scores, "tp at IoU 0.5 at each score threshold, 0.15 … 0.95", nullable=True),
            _column("sweep_predicted", _at_scores, "n_predicted at each score threshold", nullable=True),
            _column("scores", pa.list_(pa.float32()), "all scores of a phrase, best first", nullable=True),
            *(
                _column(f"hits_{kind}", pa.list_(pa.int32()), f"what they hit ({kind}): samgap.ranking", nullable=True)
                for kind in KINDS_OF_HITS
            ),
            _column("claimed", _counts, "of a phrase of one attribute: its truth by the value claimed", nullable=True),
            _column("n_candidates", pa.int32(), "labelled instances of the phrase's nouns"),
            _column("n_decided", pa.int32(), "of them rightly found or rightly left at IoU 0.5"),
            _column("n_paraphrases", pa.int32(), "other phrases of its concept asked of the image"),
            _column("sum_agreement", pa.float64(), "sum over them of the IoU of all masks of both together"),
            _column("click_iou", pa.list_(pa.float64()), "IoU after 1, 2 … clicks", nullable=True),
            _column("upstream_n", pa.int32(), "predictions and instances paired by their place in the list"),
            *(_column(f"upstream_{name}", pa.float64(), f"sum of {name} over them") for name in UPSTREAM),
            *_tags,
            _strata,
            *_STEPS,
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
            *_CLUSTERS,
            _column("note", pa.string(), "why there is no value: `skipped: …` or `not evaluable: …`", nullable=True),
        ]
    ),
    "comparisons": pa.schema(
        [
            _column("comparison", pa.string(), "the family of tests that it is corrected in"),
            _column("dataset", pa.string(), "the dataset"),
            _column("model", pa.string(), "the model"),
            _column("prompts", pa.string(), "the prompts"),
            _column("baseline_model", pa.string(), "the model that it is compared with"),
            _column("baseline_prompts", pa.string(), "the prompts that it is compared with"),
            _column("metric", pa.string(), "the metric"),
            _column("stratum", pa.string(), "the part of the data set; `all` for the whole"),
            _column("value", pa.float64(), "the metric of the model and its prompts", nullable=True),
            _column("baseline_value", pa.float64(), "the metric of the baseline", nullable=True),
            _column("difference", pa.float64(), "value less baseline_value; null as in estimates", nullable=True),
            _column("ci_low", pa.float64(), "lower end of the difference's 95 % interval", nullable=True),
            _column("ci_high", pa.float64(), "upper end of the difference's 95 % interval", nullable=True),
            _column("p_value", pa.float64(), "two-sided p of the paired permutation test", nullable=True),
            _column("p_holm", pa.float64(), "p_value corrected by Holm within the comparison", nullable=True),
            _column("p_bonferroni", pa.float64(), "p_value corrected by Bonferroni, likewise", nullable=True),
            _column("p_t_test", pa.float64(), "two-sided p of the paired t-test, uncorrected", nullable=True),
            _column("effect_size", pa.float64(), "Cohen's d of the paired differences", nullable=True),
            _column("effect_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
            _column("effect_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
            _column(
                "minimum_detectable",
                pa.float64(),
                "the smallest true difference that one such test finds with 80 % power",
                "that of the metric",
                nullable=True,
            ),
            _column("n_tests", pa.int64(), "tests that the p-values are corrected for; 0 where there is none"),
            *_CLUSTERS,
            _column("n_instances", pa.int64(), "ground-truth instances that value rests on"),
            _column("baseline_n_instances", pa.int64(), "ground-truth instances that baseline_value rests on"),
            _column("note", pa.string(), "why there is no difference, as in estimates", nullable=True),
        ]
    ),
    "confusions": pa.schema(
        [
            *(_column(key, pa.string(), f"the {key}") for key in ("dataset", "model", "prompts")),
            _column("attribute", pa.string(), "what phrases of one attribute ask for, as ripeness"),
            _column("value", pa.string(), "its true value, of the instances that are counted"),
            _column("claimed", pa.string(), "the value of the phrase that claims them; empty where none does"),
            _column("n_claimed", pa.int64(), "instances of the true value that it is claimed for"),
            _column("n_instances", pa.int64(), "instances of the true value"),
            _column("share", pa.float64(), "n_claimed over n_instances"),
            _column("ci_low", pa.float64(), "lower end of the share's 95 % interval", nullable=True),
            _column("ci_high", pa.float64(), "upper end of the share's 95 % interval", nullable=True),
            *_CLUSTERS,
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


def complete(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with those columns of table `name` that it lacks and that may be null.

    Where a column holds nothing but nulls these become None: a NaN has no conversion to a list or a map.
    """
    nullable = [field.name for field in SCHEMAS[name] if field.nullable]
    missing = [column for column in nullable if column not in frame or frame[column].isna().all()]
    return frame.assign(**dict.fromkeys(missing, None)) if missing else frame


def write(
    path: str | Path,
    name: str,
    rows: pd.DataFrame | Iterable[Mapping[str, Any]],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write `rows` as table `name` (a key of `SCHEMAS`), whole or not at all.

    Columns are put in the schema's order and cast to its types; a missing column that may be null is null. Another
    missing or an extra column, or a null where none is allowed, raises ValueError. `provenance` is kept as JSON in
    the file.
    """
    schema = SCHEMAS[name]
    if isinstance(rows, pd.DataFrame):
        _check_columns(name, rows.columns)
        table = pa.Table.from_pandas(complete(name, rows)[schema.names], schema=schema, preserve_index=False)
    else:
        rows = list(rows)
        for row in rows:
            _check_columns(name, row)
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


def _check_columns(name: str, given: Iterable[str]) -> None:
    needed = {field.name for field in SCHEMAS[name] if not field.nullable}
    if not needed <= set(given) <= set(SCHEMAS[name].names):
        raise ValueError(f"table {name}: columns {sorted(given)} are not {sorted(SCHEMAS[name].names)}")


def read(path: str | Path, name: str, image_ids: Iterable[int] | None = None) -> pd.DataFrame:
    """Read table `name`; a file that is not such a table raises UserError. A column that may be null may be missing.

    With `image_ids` only the rows of these images are read, and no more of the others held than a batch.
    """
    schema = SCHEMAS[name]
    try:
        file = pq.ParquetFile(path)
        if image_ids is None:
            table = file.read()
        else:
            wanted = pa.array(list(image_ids), pa.int64())
            some = [rows.filter(pc.is_in(rows["image_id"], wanted)) for rows in file.iter_batches()]
            table = pa.Table.from_batches(some, file.schema_arrow)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file ({error}); delete it and run again") from error
    missing = [column for column in schema.names if column not in table.schema.names]
    for column in (column for column in missing if schema.field(column).nullable):
        table = table.append_column(schema.field(column), pa.nulls(len(table), schema.field(column).type))
    if set(table.schema.names) != set(schema.names):
        raise UserError(f"{path}: not a `{name}` table (columns {table.schema.names}); delete it and run again")
    return table.select(schema.names).to_pandas()


def provenance(path: str | Path) -> dict[str, Any]:
    """What a table says of its own making (empty if it says nothing)."""
    metadata = pq.read_schema(path).metadata or {}
    return json.loads(metadata.get(PROVENANCE, b"{}"))
