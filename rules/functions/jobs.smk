# GPUs, run time and servers of jobs.smk.
from urllib.parse import urlsplit


def site_gpus(wildcards):
    """Return the number of GPUs of a job of the check: 1 for that of kind gpu, unless the run uses none."""
    return int(wildcards.kind == "gpu" and config["device"] != "cpu")


def site_minutes(wildcards, attempt):
    return 10 * attempt


def download_hosts():
    """Return the servers that the run downloads from: those of its archives and weights, and the hub's if it uses it."""
    sources = [*config["archives"].values(), *(entry.get("weights") or {} for entry in config["models"].values())]
    addresses = [source["url"] for source in sources if "url" in source]
    if any("hub" in source for source in sources):
        addresses.append(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    return sorted({host for address in addresses if (host := urlsplit(address).hostname)})
