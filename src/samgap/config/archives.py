"""Archives for data sets whose `path` is an address instead of a local file."""

from collections.abc import Mapping
from typing import Any

from samgap.io.addresses import split_address


def add_url_archives(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration with an archive for each data set whose `path` is an http(s) address.

    Data sets with the same address share one archive. Its id is the data set's, or `<dataset>-data` where that exists.
    """
    archives, datasets = dict(config["archives"]), dict(config["datasets"])
    for name, entry in sorted(datasets.items()):
        url = entry.get("path", "")
        if url.startswith(("http://", "https://")):
            ids_with_url = (archive for archive, source in archives.items() if source["url"] == url)
            archive = next(ids_with_url, name if name not in archives else f"{name}-data")
            archives.setdefault(archive, {"file": split_address(url).file_name or name, "url": url})
            options = {key: value for key, value in entry.items() if key != "path"}
            datasets[name] = {**options, "archives": {"data": archive}}
    return {**config, "archives": archives, "datasets": datasets}
