"""Kind `minneapple-layout`: a folder of photographs and a folder of instance masks, as in MinneApple.

In a mask (a PNG of one channel with 8 or 16 bits), 0 is background and every other value is one object, which may
consist of several pieces. A photograph (PNG or JPEG) and its mask have the same name except for the suffix. The two
folders are in one folder or archive (`data`), or in two archives (`images`, `masks`); leading folders may be omitted.

Options: `images` and `masks` (names of the folders; by default the names of the options); `noun` (noun of all
instances; default apple); `files` (a text file with the names to read, one per line); `groups` (a regular expression
whose first group, matched in the name of a photograph, is its source; by default each photograph is a separate group);
`attributes` (attributes of all instances); `absent` (nouns that are in no photograph); `ignore` (a CSV file with the
columns image, instance_id, ignore; instances with ignore 1 count as neither matched nor false positive);
`orientation` (whether masks are for photographs as stored or as shown); `max-gb` (limit of the unpacked size of an
archive).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage
from samgap.datasets.groups import assign_groups
from samgap.datasets.instance_masks import read_image_mask_pairs
from samgap.datasets.names import select_listed
from samgap.datasets.paired_images import ImageFolder

OPTIONS = {
    "oneOf": [{"required": ["path"]}, {"required": ["archives"]}],
    "properties": {
        "path": {"$ref": "#/$defs/data-path"},
        "archives": {
            "description": "Instead of `path`, ids of `archives`, which have checksums; one (`data`) or two.",
            "type": "object",
            "additionalProperties": False,
            "oneOf": [{"required": ["data"]}, {"required": ["images"]}],
            "dependentRequired": {"images": ["masks"], "masks": ["images"]},
            "properties": {
                "data": {"description": "The archive with both folders.", "$ref": "#/$defs/id"},
                "images": {"description": "The archive with the photographs.", "$ref": "#/$defs/id"},
                "masks": {"description": "The archive with the masks.", "$ref": "#/$defs/id"},
            },
        },
        "images": {
            "description": "The folder of the photographs (leading folders may be omitted).",
            "$ref": "#/$defs/text",
            "default": "images",
        },
        "masks": {
            "description": "The folder of the masks (leading folders may be omitted).",
            "$ref": "#/$defs/text",
            "default": "masks",
        },
        "noun": {"description": "The noun of the masked objects.", "$ref": "#/$defs/text", "default": "apple"},
        "files": {"$ref": "#/$defs/files"},
        "groups": {"$ref": "#/$defs/groups"},
        "attributes": {"$ref": "#/$defs/instance-attributes"},
        "absent": {"$ref": "#/$defs/absent"},
        "ignore": {"$ref": "#/$defs/ignore"},
        "orientation": {"$ref": "#/$defs/orientation"},
        "max-gb": {"$ref": "#/$defs/max-gb"},
    },
}


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nouns that are labelled or absent from all images, and the attributes with their values."""
    nouns = [options.get("noun", "apple"), *options.get("absent", [])]
    return {"nouns": nouns, "attributes": {name: [value] for name, value in options.get("attributes", {}).items()}}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the photographs in the order of the source, with an annotation for each object (`seed` is unused).

    Raises:
        UserError: See `samgap.datasets.instance_masks.read_image_mask_pairs`; or the list of files or `groups` does not
            fit the names.
    """
    image_folder, mask_folder = (
        ImageFolder(Path(archives.get(key, archives.get("data", ""))), PurePosixPath(options.get(key, key)).parts)
        for key in ("images", "masks")
    )

    def select_names(names: list[str]) -> set[str]:
        return select_listed(names, options["files"], str(image_folder.source)) if "files" in options else set(names)

    def get_group(name: str) -> str:
        return assign_groups([name], options)[name]  # names are unique without their suffix

    noun = options.get("noun", "apple")
    yield from read_image_mask_pairs(image_folder, mask_folder, select_names, get_group, noun, options)
