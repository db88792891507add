"""Where a file has the weights of a model: the entry with its state dict, and a prefix of its keys.

Trainings write a state dict alone or among other entries (`model`, `state_dict`, `ema`), and wrappers add to the keys:
DistributedDataParallel `module.`, torch.compile `_orig_mod.`, Lightning the name of an attribute. An entry and a prefix
are accepted only if they have every key of the model and if no other entry or prefix has.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from samgap.errors import UserError

MAX_DEPTH = 2
"""A state dict may be this many entries below the top level."""
WRAPPER_SEGMENTS = frozenset(("_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
"""Parts of keys that wrappers of single modules add; they are removed in any place unless the model has them too."""
MAX_LISTED_KEYS = 3
"""Maximum number of unused keys that a log line lists."""
STANDARD_ENTRIES = ((), ("model",))
"""Paths of the state dict in published files."""


@dataclass(frozen=True)
class KeyLayout:
    """How the keys of a file differ from those of a model.

    Attributes:
        file_prefixes: the prefix of a key in the model -> its prefix in the file; the longest that matches applies.
        name: the file with such keys, for log lines.
    """

    file_prefixes: Mapping[str, str] = field(default_factory=lambda: {"": ""})
    name: str = "the model itself"

    def to_file_key(self, key: str) -> str:
        """Return the key in the file for a key of the model."""
        prefix = max((prefix for prefix in self.file_prefixes if key.startswith(prefix)), key=len)
        return self.file_prefixes[prefix] + key.removeprefix(prefix)

    def to_model_key(self, file_key: str) -> str | None:
        """Return the key of the model for a key in the file; None for a key that no model of this layout has."""
        matching = [(new, old) for old, new in self.file_prefixes.items() if file_key.startswith(new)]
        if not matching:
            return None
        file_prefix, model_prefix = max(matching, key=lambda pair: len(pair[0]))
        return model_prefix + file_key.removeprefix(file_prefix)


SAME_KEYS = KeyLayout()


@dataclass(frozen=True)
class Selection:
    """The part of a file that is loaded.

    Attributes:
        state_dict: the values by the keys of the model, for all of its keys that the file has.
        unexpected: keys of tensors beside them, with the same prefix, that the model does not have.
        is_complete: whether all required keys are there.
        candidate: the state dict in the file, with its own keys (without the parts that wrappers add).
        layout: how its keys differ from the model's, after `prefix`.
        prefix: what its keys have in front.
        notes: what was assumed, for the log.
    """

    state_dict: dict[str, Any]
    unexpected: list[str]
    is_complete: bool
    candidate: Mapping[str, Any]
    layout: KeyLayout
    prefix: str
    notes: list[str]


@dataclass(frozen=True)
class _Location:
    """A state dict in a file with a prefix of its keys, and the number of the model's keys that it has."""

    path: tuple[str, ...]
    candidate: Mapping[str, Any]
    layout: KeyLayout
    prefix: str
    removed_segments: tuple[str, ...]
    n_found: int

    def describe(self) -> str:
        """Return the entry and the prefix as messages name them."""
        entry = f"entry '{'.'.join(self.path)}'" if self.path else "top level"
        return f"{entry}, prefix '{self.prefix}'" if self.prefix else entry


def select_weights(
    content: Mapping[Any, Any], model_keys: Sequence[str], required: Sequence[str], layouts: Sequence[KeyLayout]
) -> Selection | None:
    """Return the part of a file that has the weights of a model, or the most of them; None if it holds no tensors.

    Args:
        content: the content of the file.
        model_keys: all keys of the model.
        required: those of them that a file must have.
        layouts: how the keys of the file may differ from those of the model; the first is the published one.

    Raises:
        UserError: several parts of the file have all the required keys.
    """
    candidates = list(iter_state_dicts(content))
    if not candidates:
        return None
    segments = _list_wrapper_segments(model_keys)
    locations = _list_locations(candidates, required, layouts)
    if not any(location.n_found == len(required) for location in locations):
        unwrapped = [(path, *_remove_segments(candidate, segments)) for path, candidate in candidates]
        changed = [(path, candidate) for path, candidate, removed in unwrapped if removed]
        removed_by_path = {path: removed for path, _, removed in unwrapped}
        locations += _list_locations(changed, required, layouts, removed_by_path)
    complete = _drop_repetitions([location for location in locations if location.n_found == len(required)], required)
    if len(complete) > 1:
        parts = "; ".join(location.describe() for location in complete)
        raise UserError(
            f"several parts have all weights of the model ({parts}); save one of them alone: "
            "torch.save(model.state_dict(), path)"
        )
    best = complete[0] if complete else max(locations, key=lambda location: (location.n_found, -len(location.prefix)))
    return _make_selection(best, model_keys, layouts, is_complete=bool(complete))


def remove_wrapper_segments(candidate: Mapping[str, Any], model_keys: Sequence[str]) -> Mapping[str, Any]:
    """Return a state dict without the parts that wrappers add to its keys, unless two keys would become one."""
    shortened, removed = _remove_segments(candidate, _list_wrapper_segments(model_keys))
    return shortened if removed else candidate


def iter_state_dicts(
    content: Mapping[Any, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the path and the entries of each dictionary with tensors in a file, the top level first."""
    entries = {key: value for key, value in content.items() if isinstance(key, str)}
    if any(isinstance(value, torch.Tensor) for value in entries.values()):
        yield path, entries
    if len(path) < MAX_DEPTH:
        for key, value in entries.items():
            if isinstance(value, Mapping):
                yield from iter_state_dicts(value, (*path, key))


def _list_locations(
    candidates: Sequence[tuple[tuple[str, ...], Mapping[str, Any]]],
    required: Sequence[str],
    layouts: Sequence[KeyLayout],
    removed_by_path: Mapping[tuple[str, ...], tuple[str, ...]] | None = None,
) -> list[_Location]:
    """Return each state dict with each prefix after which it has keys of the model, and otherwise with none."""
    locations = []
    for path, candidate in candidates:
        removed = (removed_by_path or {}).get(path, ())
        for layout in layouts:
            file_keys = {layout.to_file_key(key) for key in required}
            counts = Counter({"": 0})
            for key in candidate:
                parts = key.split(".")
                for start in range(len(parts)):
                    if ".".join(parts[start:]) in file_keys:
                        counts["".join(f"{part}." for part in parts[:start])] += 1
            locations += [
                _Location(path, candidate, layout, prefix, removed, n_found) for prefix, n_found in counts.items()
            ]
    return locations


def _list_wrapper_segments(model_keys: Sequence[str]) -> list[str]:
    return sorted(WRAPPER_SEGMENTS - {part for key in model_keys for part in key.split(".")})


def _remove_segments(candidate: Mapping[str, Any], segments: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a state dict with shorter keys, and the removed segments; none if two keys would become one."""
    removed = {part for key in candidate for part in key.split(".") if part in segments}
    shortened = {
        ".".join(part for part in key.split(".") if part not in segments): value for key, value in candidate.items()
    }
    return shortened, tuple(sorted(removed)) if len(shortened) == len(candidate) else ()


def _drop_repetitions(locations: Sequence[_Location], required: Sequence[str]) -> list[_Location]:
    """Return the locations without those that refer to the same values as an earlier one."""
    by_values: dict[tuple[int, ...], _Location] = {}
    for location in locations:
        values = tuple(id(location.candidate[location.prefix + location.layout.to_file_key(key)]) for key in required)
        by_values.setdefault(values, location)
    return list(by_values.values())


def _make_selection(
    location: _Location, model_keys: Sequence[str], layouts: Sequence[KeyLayout], is_complete: bool
) -> Selection:
    file_keys = {key: location.prefix + location.layout.to_file_key(key) for key in model_keys}
    state_dict = {key: location.candidate[name] for key, name in file_keys.items() if name in location.candidate}
    used = set(file_keys.values())
    others = [
        name for name, value in location.candidate.items() if name not in used and isinstance(value, torch.Tensor)
    ]
    notes = []
    if location.path not in STANDARD_ENTRIES:
        notes.append(f"weights taken from the entry '{'.'.join(location.path)}' of the file")
    if location.removed_segments:
        notes.append(f"{' and '.join(location.removed_segments)} removed from the keys")
    if location.prefix:
        notes.append(f"prefix '{location.prefix}' removed from the keys")
    if location.layout is not layouts[0]:
        notes.append(f"keys read as those of {location.layout.name}")
    if outside := [name for name in others if not name.startswith(location.prefix)]:
        more = ", …" if len(outside) > MAX_LISTED_KEYS else ""
        notes.append(f"tensors without this prefix not used ({', '.join(outside[:MAX_LISTED_KEYS])}{more})")
    unexpected = [name for name in others if name.startswith(location.prefix)]
    return Selection(state_dict, unexpected, is_complete, location.candidate, location.layout, location.prefix, notes)
