"""Check the groups that the option `groups` makes: confidence intervals resample whole groups."""

import logging
from collections.abc import Mapping
from typing import Any

logger = logging.getLogger("samgap")


def warn_of_useless_groups(dataset: str, options: Mapping[str, Any], n_groups: int, n_images: int) -> None:
    """Warn if the option `groups` puts each image into its own group, or all images into one.

    The first is the default without the option, so a regular expression that does it matches too much of the names. The
    second leaves nothing to resample, and images are resampled.

    Args:
        dataset: Id of the data set for messages.
        options: Options of the data set.
        n_groups: Number of different groups.
        n_images: Number of images.
    """
    if "groups" not in options or n_images < 2:
        return
    prefix = f"warning: {dataset}: `groups` ({options['groups']})"
    if n_groups == n_images:
        logger.warning(
            "%s gives each of the %d images its own group; its first (…) must match what images of one source share",
            *(prefix, n_images),
        )
    elif n_groups == 1:
        logger.warning(
            "%s puts all %d images into one group; its first (…) must match what differs between sources",
            *(prefix, n_images),
        )
