"""Rule fetch_archive: one published archive, checked, beside its receipt."""

from samgap.cache import fetched, settings
from samgap.files import write_json
from samgap.job import job

with job(snakemake):
    source = snakemake.params.source
    receipt = fetched(
        source["url"],
        snakemake.output.archive,
        settings(snakemake.config),
        sha256=source.get("sha256"),
        md5=source.get("md5"),
        size=source.get("size"),
        second_hand=source.get("second-hand", False),
    )
    write_json(snakemake.output.receipt, {"file": source["file"], **receipt})
