"""The groups of images: confidence intervals resample whole groups."""

import contextlib
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from samgap.datasets.names import compose
from samgap.datasets.warning_log import warn
from samgap.errors import UserError

MATCH_SECONDS = 2.0
"""Processor time after which a regular expression that does not match a name yet is refused: it may take years."""


def assign_groups(file_names: Iterable[str], options: Mapping[str, Any]) -> dict[str, str]:
    """Return the group of each image, by its name: what the option `groups` matches, or a group of its own.

    A group of its own is the name without suffix, or with it if another image has the same name except for the suffix.

    Raises:
        UserError: See `extract_group`.
    """
    names = list(file_names)
    if "groups" in options:
        return {name: extract_group(name, options["groups"]) for name in names}
    stems = {name: PurePosixPath(name).stem for name in names}
    counts = Counter([*stems.values(), *names])
    return {name: stem if counts[stem] == 1 else name for name, stem in stems.items()}


def extract_group(file_name: str, pattern: str) -> str:
    """Return the group of an image: the first group of a regular expression, matched in its name.

    Raises:
        UserError: `pattern` is not a regular expression with a group, or does not match the name.
    """
    try:
        with _limit_processor_time(MATCH_SECONDS):
            match = re.search(compose(pattern), compose(file_name))
        group = match and match[1]
    except (re.error, IndexError) as error:
        raise UserError(f"`groups` is {pattern!r}: not a regular expression with a group in (…) ({error})") from error
    except TimeoutError:
        raise UserError(
            f"{file_name}: `groups` ({pattern}) tries too many ways to match this name; write it without repetitions "
            "of repetitions, as in (a+)+, and with fewer .*"
        ) from None
    if not group:
        raise UserError(f"{file_name}: `groups` ({pattern}) does not match this name")
    return group


@contextlib.contextmanager
def _limit_processor_time(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after some processor time of the process; in the main thread alone.

    The module `re` has no limit of its own, but looks for signals while it matches.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signal_number: int, frame: Any) -> None:
        raise TimeoutError

    previous = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, previous)


def warn_of_useless_groups(dataset: str, options: Mapping[str, Any], n_groups: int, n_images: int) -> None:
    """Warn if the option `groups` puts each image into its own group, or all images into one.

    The first is the default without the option, so a regular expression that does it matches too much of the names. The
    second leaves nothing to resample: there are neither intervals nor tests.

    Args:
        dataset: Id of the data set for messages.
        options: Options of the data set.
        n_groups: Number of different groups.
        n_images: Number of images.
    """
    if "groups" not in options or n_images < 2:
        return
    if n_groups == n_images:
        effect = f"gives each of the {n_images} images its own group"
        remedy = "must match what images of one source share"
    elif n_groups == 1:
        effect, remedy = f"puts all {n_images} images into one group", "must match what differs between sources"
    else:
        return
    warn(dataset, f"`groups` ({options['groups']}) {effect}; its first (…) {remedy}", [f"`groups` {effect}"])
