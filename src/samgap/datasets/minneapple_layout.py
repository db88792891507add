"""Kind `minneapple-layout`: photographs and their instance masks in two folders, as MinneApple has them.

In a mask (a PNG of one channel with 8 or 16 bits) 0 is background and each other value one object, in one piece or
more. A photograph (PNG or JPEG) and its mask have one name, but for the suffix. Both folders lie in one folder or
archive (`data`), or in an archive each (`images`, `masks`); leading folders may be left out.

Options: `images` and `masks` (the folders' names; those are the default); `noun` (what is masked: apple); `files` (a
text file: the only names that are read, one a line); `groups` (a regular expression whose first group, found in a
photograph's name, is its source; by default each is its own); `attributes` (what holds of all instances); `absent`
(nouns known to be in no photograph); `ignore` (a CSV with the columns image, instance_id, ignore whose rows with
ignore 1 name instances that are neither hit nor false); `max-gb` (how much an archive may hold).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage
from samgap.datasets.instance_masks import ImageFolder, read_image_mask_pairs
from samgap.datasets.names import extract_group, select_listed


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """The nouns that are labelled or known to be absent, and the attributes of the set."""
    nouns = [options.get("noun", "apple"), *options.get("absent", [])]
    return {"nouns": nouns, "attributes": {name: [value] for name, value in options.get("attributes", {}).items()}}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the photographs with a label for each object (`seed` has no use here). Bad input raises UserError."""
    places = {
        key: ImageFolder(Path(archives.get(key, archives.get("data", ""))), PurePosixPath(options.get(key, key)).parts)
        for key in ("images", "masks")
    }

    def choose(names: list[str]) -> set[str]:
        return (
            select_listed(names, options["files"], str(places["images"].source)) if "files" in options else set(names)
        )

    noun = options.get("noun", "apple")
    yield from read_image_mask_pairs(
        places["images"], places["masks"], choose, lambda name: extract_group(name, options), noun, options
    )
