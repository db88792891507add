"""Whether a cached file is still the file on the server."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from requests.auth import AuthBase

from samgap.download.errors import Unavailable
from samgap.download.fetch import list_mirror_urls, parse_local_path
from samgap.download.http import open_session
from samgap.download.remote_file import RemoteFile

OFFLINE_VARIABLE = "HF_HUB_OFFLINE"
"""The environment variable of the hub's client: if it is true, no cached file causes a request."""

logger = logging.getLogger("samgap")


def is_current(url: str, validators: Mapping[str, Any], mirrors: Mapping[str, str], auth: AuthBase | None) -> bool:
    """Return whether the cached file of an address is of the version that the server has now.

    The first of the mirrors and the address itself that answers is the server. If none does, the cached file is used:
    this is logged as a warning. A file without `etag` and `modified` is never current.

    Args:
        url: The address (http or https).
        validators: `etag` and `modified` of the cached file; missing or None: unknown.
        mirrors: Prefix of an address -> its replacement.
        auth: Authentication at `url`; it is not sent to mirrors.
    """
    if os.environ.get(OFFLINE_VARIABLE, "").upper() in ("1", "ON", "YES", "TRUE"):
        logger.info("%s is set: the cache is used as it is", OFFLINE_VARIABLE)
        return True
    reasons = []
    with open_session(connections=1, max_retries=0, backoff_s=0) as session:
        for candidate in [*list_mirror_urls(url, mirrors), url]:
            path = parse_local_path(candidate)
            if path is not None:
                if path.is_file():
                    return False
                continue
            try:
                remote = RemoteFile(session, candidate, auth=auth if candidate == url else None)
                return remote.has_version(validators)
            except Unavailable as error:
                reasons.append(str(error))
    logger.warning("warning: the file in the cache is used, which may not be the newest (%s)", "; ".join(reasons))
    return True
