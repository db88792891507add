"""Random changes of a valid COCO file: the outcome is data of which every annotation is counted, or one clear error."""

import copy
import json
import logging
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samgap.datasets.left_out import IGNORED_IN_BOX
from samgap.errors import UserError
from tests.helpers.coco import (
    HEIGHT,
    WIDTH,
    compress,
    count_runs,
    make_labels,
    read_coco_counts,
    square_mask,
    write_folder,
)

N_FILES = 1000
SQUARE = [5, 4, 11, 4, 11, 10, 5, 10]
OPTIONS: dict[str, Any] = {
    "annotations": ["labels.json"],
    "nouns": {"apple": "apple", "pear": {"noun": "pear", "attributes": {"ripeness": "ripe"}}},
    "attribute-values": {"ripeness": ["ripe", "unripe"]},
}
NUMBERS = [0, 1, -1, 2, 7, 40, 0.5, 1.0, -0.0, 1e-30, 1e300, 10**30, float("nan"), float("inf"), float("-inf")]
TEXTS = ["", " ", "1", "2.0", "a.jpg", "a", "apple", "true", "0", "nan", "x\ny", "\ud800", "ä", "../b.jpg", "9" * 400]
OTHERS = [None, True, False, [], [[]], [[[]]], [1], [1, 2, 3, 4], [["1"] * 6], {}, {"counts": [0], "size": [1, 1]}]
VALUES = [*NUMBERS, *TEXTS, *OTHERS, SQUARE, [SQUARE], compress(square_mask())]


def make_valid_labels() -> dict[str, Any]:
    labels = make_labels(
        {"bbox": [5, 4, 6, 6], "segmentation": [SQUARE], "area": 36, "iscrowd": 0},
        {"bbox": [5, 4, 6, 6], "segmentation": compress(square_mask(left=9)), "attributes": {"ripeness": "ripe"}},
        {"bbox": [1, 1, 2, 2], "ripeness": "unripe", "ignore": 1},
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": count_runs(square_mask(top=9))}, "iscrowd": 1},
        {"bbox": [30, 20, 8, 8], "category_id": 4, "image_id": 2},
        {"bbox": [3, 20, 8, 8], "category_id": 5, "image_id": 2},
        images=("a.jpg", "b.jpg"),
    )
    labels["categories"] += [{"id": 4, "name": "pear"}, {"id": 5, "name": "leaf"}]
    return copy.deepcopy(labels)  # the constants of this file must not change


def list_containers(value: Any) -> Iterator[Any]:
    """Yield all objects and lists in a value that are not empty."""
    if isinstance(value, dict | list) and value:
        yield value
        for part in value.values() if isinstance(value, dict) else value:
            yield from list_containers(part)


def change_labels(labels: dict[str, Any], rng: random.Random) -> None:
    """Set, remove or repeat a random value in place."""
    container = rng.choice(list(list_containers(labels)) or [{"added": 0}])
    key = rng.choice(list(container) if isinstance(container, dict) else range(len(container)))
    action = rng.choice(("set", "set", "set", "remove", "repeat"))
    if action == "set":
        container[key] = copy.deepcopy(rng.choice(VALUES))
    elif action == "remove":
        del container[key]
    elif isinstance(container, list):
        container.insert(key, copy.deepcopy(container[key]))
    else:
        container[rng.choice(("id", "image_id", "bbox", "added"))] = copy.deepcopy(container[key])


def make_text(rng: random.Random) -> tuple[bytes, int | None]:
    """Return the bytes of a changed COCO file, and its number of annotations; None if the text is damaged."""
    labels = make_valid_labels()
    for _ in range(rng.choice((1, 1, 2, 4))):
        change_labels(labels, rng)
    content = json.dumps(labels).encode()
    if rng.random() < 0.9:
        rows = labels.get("annotations")
        return content, len(rows) if isinstance(rows, list) else None
    if rng.random() < 0.5:
        return content[: rng.randrange(len(content))], None
    damaged = bytearray(content)
    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged), None


def test_every_outcome_is_counted_data_or_one_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = write_folder(tmp_path / "d", make_valid_labels())
    outcomes: Counter[str] = Counter()
    messages: list[str] = []
    for seed in range(N_FILES):
        rng = random.Random(seed)
        content, n_annotations = make_text(rng)
        (source / "labels.json").write_bytes(content)
        options = {**OPTIONS, "max-left-out": rng.choice((0.05, 1.0))}
        if rng.random() < 0.5:
            options["crowds"] = rng.choice(("ignore", "instances"))
        try:
            images, counts = read_coco_counts(source, **options)
        except UserError as error:
            messages.append(str(error))
            outcomes["refused"] += 1
            continue
        except Exception as error:
            pytest.fail(f"seed {seed}: {type(error).__name__}: {error}")
        n_in_box = sum(n for reason, n in counts["left_out"].items() if reason.endswith(IGNORED_IN_BOX))
        n_left_out = sum(counts["left_out"].values()) - n_in_box
        n_written = sum(len(image.annotations) for image in images)
        assert counts["n_annotations_read"] == n_written + n_left_out + sum(counts["not_used"].values()), seed
        assert n_annotations in (counts["n_annotations_read"], None), seed
        n_incomplete = sum(bool(image.incomplete) for image in images)
        # A lost annotation marks its image; one of an unknown image may belong to an image that has no other.
        n_unknown_images = counts["left_out"].get("of an unknown image are left out", 0)
        assert n_incomplete or not sum(counts["left_out"].values()) - n_unknown_images, seed
        outcomes["lost" if counts["left_out"] else "whole"] += 1
    assert min(outcomes[outcome] for outcome in ("refused", "lost", "whole")) > N_FILES / 20, outcomes
    messages += [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    # One line each, which a log file in UTF-8 can store.
    assert not [message for message in messages if not message or "\n" in message or not message.encode()]
