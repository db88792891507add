"""Credentials in all forms of an address are sent to servers, and are in no file, path or output of a run."""

import base64
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from samgap.io.files import read_json, sha256
from tests.helpers.server import Server

from .conftest import SCENES, Checkout, baseline_config
from .test_own_data import write_orchard

pytestmark = pytest.mark.workflow

NAMES = ("VIEW_LINK", "BARE", "SEGMENT", "PASSWORD", "WHOLE", "MIRROR", "SIGNED", "ECHO", "PROXY_PASSWORD", "HF_TOKEN")
SECRETS = {name: f"{name.lower()}-Zk{number}7q" for number, name in enumerate(NAMES)}
"""Variable -> its value, which is nowhere else."""


class CredentialServer(Server):
    """A server that records paths and headers, redirects to a signed address, and is busy there."""

    def special_response(self, request) -> tuple[int, dict[str, str]] | None:
        path, request.path = request.path, request.path.split(";")[0]
        request.responses = dict.fromkeys(request.responses, (path, ""))
        if "/redirect" in path:
            return 302, {"Location": f"/busy?Expires=1&x={SECRETS['SIGNED']}"}
        if "/busy" in path:
            return 503, {"Retry-After": "0"}
        return (403, {"X-Error-Message": path}) if "/refuse" in path else None


class SecretCheckout(Checkout):
    """A checkout whose runs have all secrets in their environment."""

    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Return the environment variables of Snakemake."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING_FACE"))}
        return {**inherited, "OMP_NUM_THREADS": "1", **SECRETS, **self.variables}


def list_forms(secret: str) -> set[bytes]:
    """Return a secret as it is, encoded for an address, and the middle of its three forms in base 64."""
    encoded = {base64.b64encode(b"x" * n + secret.encode()).rstrip(b"=")[4:-4] for n in range(3)}
    return {secret.encode(), quote(secret, safe="").encode()} | encoded | {form.replace(b"/", b"_") for form in encoded}


def find_secrets(content: bytes) -> list[str]:
    return [name for name, secret in SECRETS.items() if any(form in content for form in list_forms(secret))]


def find_secrets_in_files(folder: Path) -> dict[str, list[str]]:
    """Return path -> variables of secrets in its name or content. Snakemake's records have names in base 64."""
    found = {}
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        if secrets := find_secrets(bytes(path.relative_to(folder)) + b" " + content):
            found[str(path)] = secrets
    return found


def test_no_file_of_a_run_has_a_credential(tmp_path):
    checkout = SecretCheckout(tmp_path / "samgap")
    served = write_orchard(tmp_path / "served") / "orchard.tar.gz"
    entry = {"kind": "coco", "annotations": ["labels.json"], "nouns": {"apple": "apple"}, "max-left-out": 0.5}
    with CredentialServer(served.parent) as server:
        host = server.base_url.removeprefix("http://")
        checkout.variables = {
            "WHOLE_URL": server.url_of(f"orchard.tar.gz?k={SECRETS['WHOLE']}"),
            "ftp_proxy": f"me:{SECRETS['PROXY_PASSWORD']}@127.0.0.1:9",
            "HF_ENDPOINT": server.base_url,
            "HF_HOME": str(tmp_path / "hub"),
        }
        checksum = sha256(served)
        sources = {
            "link": f"http://{host}/orchard.tar.gz?view_only=${{VIEW_LINK}}&raw=true",
            "bare": f"http://{host}/orchard.tar.gz?${{BARE}}",
            "segment": f"http://{host}/orchard.tar.gz;token=${{SEGMENT}}?raw=true",
            "user": f"http://me:${{PASSWORD}}@{host}/orchard.tar.gz",
            "whole": "${WHOLE_URL}",
        }
        sections = baseline_config({**entry, "archives": {"data": "link"}})
        archives = {
            id: {"file": "a.tar.gz", "url": url, **({"sha256": checksum} if id == "whole" else {})}
            for id, url in sources.items()
        }
        weights = {
            "sam2-demo": {"url": f"http://{host}/redirect/a.pt?code=${{ECHO}}"},
            "sam3-demo": {"hub": "maker/refuse", "file": "b.pt"},
        }
        mirrors = {f"http://{host}/redirect": "http://127.0.0.1:9/m?token=${MIRROR}&file="}
        checkout.write_config(weights=weights, archives=archives, mirrors=mirrors, **sections)
        targets = [f"resources/checkpoints/{model}/checkpoint.json" for model in weights]
        all_targets = ["results/demo/manifest.json", *targets, *(f"resources/archives/{id}" for id in sources)]
        output = checkout.run(*all_targets, "--verbose", "--printshellcmds", cores=2)
        output += checkout.run("--report", "report.html")
        output += checkout.run("verify")
        sent = " ".join(request["path"] + request["headers"].get("Authorization", "") for request in server.requests)
    for name in ("VIEW_LINK", "BARE", "SEGMENT", "WHOLE", "SIGNED", "ECHO", "HF_TOKEN"):
        assert SECRETS[name] in sent, name
    assert base64.b64encode(f"me:{SECRETS['PASSWORD']}".encode()).decode() in sent
    for id in sources:
        receipt = read_json(checkout.folder / f"resources/archives/{id}.json")
        assert (receipt["source"], receipt["sha256"]) == (
            "${WHOLE_URL}" if id == "whole" else server.url_of("orchard.tar.gz"),
            checksum,
        )
    manifest = (checkout.folder / "results/demo/manifest.json").read_text(encoding="utf-8")
    assert "view_only=${VIEW_LINK}" in manifest
    reasons = [read_json(checkout.folder / target)["why"] for target in targets]
    assert "/redirect/a.pt: the server responds 503 Service Unavailable" in reasons[0]
    assert "the token in use has no access" in reasons[1]
    assert find_secrets(output.encode()) == []
    assert find_secrets_in_files(checkout.folder) == {}


def test_a_credential_on_the_command_line_is_in_no_log(tmp_path):
    checkout = Checkout(tmp_path / "samgap")
    checkout.write_config(**baseline_config(SCENES))
    secret = f"{SECRETS['BARE']}01234567"
    for arguments in (
        ["--config", f"cache=https://host/a?{secret}"],
        ["--config", f"models=https://host/a?token={secret}"],
        [f"https://host/a?token={secret}"],
    ):
        assert secret not in checkout.run(*arguments, succeeds=False)
    logs = [file.read_text(encoding="utf-8") for file in (checkout.folder / ".snakemake/log").iterdir()]
    assert any("token=(hidden) --cores 1" in log for log in logs)
    assert find_secrets_in_files(checkout.folder) == {}
