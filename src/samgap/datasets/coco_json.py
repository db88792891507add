"""Read the JSON text of a COCO file, and recognise files of other formats by their structure.

The messages name the likely cause, because the files come from many tools: a results file, a panoptic file or a file
without labels has the same suffix as a COCO file of instances.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from samgap.errors import UserError

SECTIONS = ("images", "categories", "annotations")
"""Lists that a COCO file of instances has."""
OTHER_FORMATS = (
    ({"_via_img_metadata"}, "a project of the VGG Image Annotator"),
    ({"shapes", "imagePath"}, "a LabelMe file"),
    ({"videos"}, "a file of video instances"),
    ({"items", "categories"}, "a Datumaro file"),
    ({"samples"}, "a FiftyOne data set"),
    ({"features"}, "a GeoJSON file"),
)
"""Keys of other formats, and the name of the format."""


def load_coco_json(source_name: str, json_bytes: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the lists `images`, `categories` and `annotations` of a COCO file; their rows are not validated.

    The text may be UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Args:
        source_name: Name of the file for messages.
        json_bytes: Content of the file.

    Raises:
        UserError: The text is not JSON, or is truncated, or has a key twice; or it is not a COCO file of instances.
    """
    data = _parse_json(source_name, json_bytes)
    _raise_if_other_format(source_name, data)
    for section in SECTIONS:
        rows = data[section]
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise UserError(f"{source_name}: not a COCO file of instances: `{section}` is not a list of objects")
    return {section: data[section] for section in SECTIONS}


def _parse_json(source_name: str, json_bytes: bytes) -> Any:
    def refuse_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        values = dict(pairs)
        if len(values) != len(pairs):
            keys = [key for key, _ in pairs]
            key = next(key for key in keys if keys.count(key) > 1)
            raise UserError(f"{source_name}: an object has the key {key!a} twice, so one value is lost; correct it")
        return values

    try:
        return json.loads(json_bytes, object_pairs_hook=refuse_duplicates)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{source_name}: not a COCO file: its text is not UTF-8 ({error.reason}); save it so"
        ) from error
    except json.JSONDecodeError as error:
        raise UserError(f"{source_name}: not a COCO file: {_explain_json_error(error)}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{source_name}: not a COCO file ({type(error).__name__}: {error})") from error


def _explain_json_error(error: json.JSONDecodeError) -> str:
    where = f"{error.msg}, line {error.lineno}, column {error.colno}"
    text = error.doc.strip()
    if not text:
        return "it is empty"
    if error.msg == "Extra data" and len(text.splitlines()) > 1:
        return f"JSON Lines, one value a line ({where}); export one COCO object"
    if error.pos >= len(error.doc.rstrip()) - 1 or error.msg.startswith("Unterminated"):
        return f"the JSON text ends too early ({where}); copy or export it again"
    return f"not JSON ({where})"


def _raise_if_other_format(source_name: str, data: Any) -> None:
    """Raise UserError if the data are not an object with the sections of a COCO file of instances."""
    prefix = f"{source_name}: not a COCO file of instances"
    if isinstance(data, list):
        first = data[0] if data and isinstance(data[0], dict) else {}
        if "score" in first:
            raise UserError(f"{prefix}: a results file, a list of predictions with scores; name the file of the labels")
        if first.keys() & {"annotations", "completions"}:
            raise UserError(f"{prefix}: a list of tasks or images, as of Label Studio or CreateML; export it as COCO")
        raise UserError(f"{prefix}: a list; a COCO file is an object with images, categories and annotations")
    if not isinstance(data, dict):
        raise UserError(f"{prefix}: {type(data).__name__} instead of an object")
    if missing := [section for section in SECTIONS if section not in data]:
        raise UserError(f"{prefix}: {_explain_missing(data, missing)}")
    rows = data["annotations"]
    first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    has_geometry = bool(first.keys() & {"bbox", "segmentation"})
    if "segments_info" in first and not has_geometry:
        raise UserError(f"{prefix}: a panoptic file, whose masks are in PNG files; convert it to instances")
    if "caption" in first and not has_geometry:
        raise UserError(f"{prefix}: a file of captions; name the file of the instances")


def _explain_missing(data: Mapping[str, Any], missing: Sequence[str]) -> str:
    name = next((name for keys, name in OTHER_FORMATS if keys <= data.keys()), None)
    if name:
        return f"{name}; export it as COCO"
    if missing == ["annotations"]:
        return (
            "it has images and no `annotations`, as the files of test sets without labels; name the file of the labels"
        )
    keys = ", ".join(f"{key!a}" for key in list(data)[:5]) or "no key"
    return f"no `{missing[0]}` (its keys are {keys}); export it as COCO"
