"""The file with the assumptions of the plan."""

import pytest

from samgap.config.costs import load_costs
from samgap.errors import UserError
from tests.helpers.claims import ROOT

TEXT = """
gpu: {name: G, peak-tflops: {fp32: 1, tf32: 2, bf16: 4}, source: N p. 1}
utilisation: 0.5
models: {m: {image: 1, prompt: 0.1}}
datasets: {a: {images: 10, instances: 20, source: M}}
"""


def load(tmp_path, text):
    (tmp_path / "costs.yaml").write_text(text, encoding="utf-8")
    return load_costs({"run": "try", "costs": str(tmp_path / "costs.yaml")}, ROOT)


def test_the_content_replaces_the_name_of_the_file(tmp_path):
    costs = load(tmp_path, TEXT)["costs"]
    assert (costs["utilisation"], costs["models"]["m"]["prompt"], costs["datasets"]["a"]["images"]) == (0.5, 0.1, 10)
    assert load_costs({"run": "try"}, ROOT) == {"run": "try"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("utilisation: 0.5", "utilisation: 25", "utilisation is 25"),
        ("bf16: 4", "bf16: 0", "gpu.peak-tflops.bf16 is 0"),
        ("image: 1,", "images: 1,", "unknown key 'images' in models.m; did you mean 'image'?"),
        (", source: M}", "}", "datasets.a lacks the key 'source'"),
        ("source: N p. 1", "source: the web", "gpu.source is 'the web'"),
    ],
)
def test_a_wrong_content_is_one_line(tmp_path, old, new, message):
    with pytest.raises(UserError) as raised:
        load(tmp_path, TEXT.replace(old, new))
    assert message in str(raised.value) and "\n" not in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "costs.yaml"))


def test_a_missing_file_is_one_line():
    with pytest.raises(UserError, match=r"costs names the file config/none\.yaml, which cannot be read"):
        load_costs({"costs": "config/none.yaml"}, ROOT)
