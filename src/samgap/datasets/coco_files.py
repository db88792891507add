"""Parse COCO files: match their annotations to their images, and record invalid annotations by problem."""

import json
import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from samgap.datasets.names import split_path, summarize_names
from samgap.errors import UserError

logger = logging.getLogger("samgap")


@dataclass(frozen=True)
class CocoImage:
    """An image of a COCO file with its annotations.

    Attributes:
        file_name: File name as in the COCO file.
        size: Width and height in px; None if the COCO file does not state them.
        annotations: Id for messages, and the annotation with the name of its category as `category`.
    """

    file_name: str
    size: tuple[int, int] | None
    annotations: list[tuple[str, dict[str, Any]]]


@dataclass
class AnnotationProblems:
    """Problems of annotations.

    Attributes:
        ids_by_problem: Problem -> ids of the annotations that have it.
        n_annotations: Number of annotations that were read.
    """

    ids_by_problem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    n_annotations: int = 0

    def add(self, problem: str, annotation_id: str) -> None:
        """Record a problem of an annotation."""
        self.ids_by_problem[problem].append(annotation_id)

    def log_warning(self, source_name: str) -> None:
        """Log one warning with the number of annotations and the first ids of each problem, if there is any."""
        if self.ids_by_problem:
            counts = "; ".join(
                f"{len(ids)} {problem} (id {summarize_names(ids)})"
                for problem, ids in sorted(self.ids_by_problem.items())
            )
            logger.warning("warning: %s: of %d annotations, %s", source_name, self.n_annotations, counts)


def parse_coco_file(
    source_name: str, id_prefix: str, json_bytes: bytes, nouns: Mapping[str, Any], problems: AnnotationProblems
) -> Iterator[CocoImage]:
    """Yield the images of one COCO file, each with its annotations of known categories, without duplicates.

    Args:
        source_name: Name of the file for messages.
        id_prefix: Prefix of the ids of annotations in messages; empty if there is one COCO file.
        json_bytes: Content of the file.
        nouns: Option `nouns` of the data set; annotations of other categories are left out.
        problems: Records the annotations that are left out.

    Raises:
        UserError: The file is not a COCO file, an id is not unique, or no category of the file is in `nouns`.
    """
    images, categories, annotations = _load(source_name, json_bytes)
    names = set(categories.values())
    unknown = sorted(names - set(nouns))
    if unknown and len(unknown) == len(names):
        raise UserError(
            f"{source_name}: its categories are {summarize_names(unknown)}; map each of them to a noun in `nouns`"
        )
    by_image: dict[Any, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    contents: set[str] = set()
    for annotation in annotations:
        annotation_id = f"{id_prefix}:{annotation['id']}" if id_prefix else str(annotation["id"])
        problems.n_annotations += 1
        category = categories.get(annotation.get("category_id"))
        content = json.dumps([annotation.get(key) for key in ("image_id", "category_id", "bbox", "segmentation")])
        if annotation.get("image_id") not in images:
            problems.add("of an unknown image are left out", annotation_id)
        elif category is None:
            problems.add("of an unknown category are left out", annotation_id)
        elif category not in nouns:
            problems.add(f"of the category {category}, not in `nouns`, are left out", annotation_id)
        elif content in contents:
            problems.add("that repeat another are left out", annotation_id)
        else:
            by_image[annotation["image_id"]].append((annotation_id, {**annotation, "category": category}))
        contents.add(content)
    for image_id, image in images.items():
        yield CocoImage(image["file_name"], _read_size(image), by_image[image_id])


def _read_size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return None


def _load(
    source_name: str, json_bytes: bytes
) -> tuple[dict[Any, dict[str, Any]], dict[Any, str], list[dict[str, Any]]]:
    """Return the images by id, the names of the categories by id, and the annotations.

    Raises:
        UserError: The file is not a COCO file, an id is not unique, or an image has no file name.
    """
    try:
        data = json.loads(json_bytes)
        images = {row["id"]: row for row in data["images"]}
        categories = {row["id"]: str(row["name"]) for row in data["categories"]}
        annotations = data["annotations"]
        ids = {
            "image": [row["id"] for row in data["images"]],
            "category": [row["id"] for row in data["categories"]],
            "annotation": [row["id"] for row in annotations],
        }
        has_duplicates = {entity: len(set(values)) != len(values) for entity, values in ids.items()}
        names = [row["file_name"] for row in images.values()]
        for row in annotations:  # raises TypeError for ids that cannot be dictionary keys
            hash((row.get("image_id"), row.get("category_id")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{source_name}: not a COCO file of instances ({type(error).__name__}: {error})") from error
    for entity, values in ids.items():
        if has_duplicates[entity]:
            raise UserError(f"{source_name}: the {entity} id {_find_duplicate(values)} is not unique")
    if not all(isinstance(name, str) and split_path(name) for name in names):
        raise UserError(f"{source_name}: an image without a file name")
    return images, categories, annotations


def _find_duplicate(values: Iterable[Any]) -> Any:
    return next(value for value, count in Counter(values).items() if count > 1)
