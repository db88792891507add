"""Rule `fetch_archive`: fetch and verify one archive, with a receipt."""

from samgap.download.cache import fetch_cached, read_settings
from samgap.io.files import write_json
from samgap.jobs.script import job_context

with job_context(snakemake):
    source = snakemake.params.source
    receipt = fetch_cached(
        source["url"],
        snakemake.output.archive,
        read_settings(snakemake.config),
        sha256=source.get("sha256"),
        md5=source.get("md5"),
        size=source.get("size"),
        second_hand=source.get("second-hand", False),
    )
    write_json(snakemake.output.receipt, {"file": source["file"], **receipt})
