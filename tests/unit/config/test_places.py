"""The file and the line of a key that a message names."""

import pytest

from samgap.config.places import add_place

FIRST = """run: demo
models:
  sam2: {family: sam2, weights: {path: a.pt}}
statistics:
  resamples: 10
checks:
- a
- b
"""
SECOND = """# own values
statistics:
  resamples: 1e4
"""


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ("config: statistics.resamples is '1e4'", "b.yaml, line 3"),  # the last file that has the key
        ("config: run is 5", "a.yaml, line 1"),
        ("config: models.sam2.weights.path is a.pt, which does not exist", "a.yaml, line 3"),
        ("config: models.sam2 lacks the key 'label'", "a.yaml, line 3"),
        ("config: models.sam2.weights.url.0 is wrong", "a.yaml, line 3"),  # the deepest key that is there
        ("config: unknown key 'resamples' in statistics; did you mean 'x'?", "b.yaml, line 3"),
        ("config: checks.1 is 'b'", "a.yaml, line 8"),
    ],
)
def test_the_place_of_a_key_is_at_the_end_of_its_message(tmp_path, message, place):
    (tmp_path / "a.yaml").write_text(FIRST, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(SECOND, encoding="utf-8")
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    assert add_place(message, files) == f"{message} ({tmp_path}/{place})"


@pytest.mark.parametrize(
    "message",
    [
        "config: models.sam9 is not there",  # of a catalog
        "config: unknown.key is 5",
        "labels.json: image 3 is missing",
        "config: a.yaml, line 3: the key 'a' is in line 2 and again; join the two",
    ],
)
def test_a_message_on_no_key_of_a_file_is_unchanged(tmp_path, message):
    (tmp_path / "a.yaml").write_text(FIRST, encoding="utf-8")
    assert add_place(message, [tmp_path / "a.yaml", tmp_path / "missing.yaml"]) == message
