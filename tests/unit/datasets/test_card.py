"""The card of a data set."""

from samgap.datasets.card import describe_dataset, describe_source, find_receipt, make_card
from samgap.datasets.read_log import ReadLog
from samgap.io.files import sha256, write_json


def test_the_card_of_a_simulated_data_set_has_its_seed(tmp_path):
    output = {"instances": str(tmp_path / "instances.json"), "table": str(tmp_path / "images.parquet")}
    for path in output.values():
        write_json(path, {})
    card = make_card("orchard", {"kind": "orchard-sim"}, {"n_images": 3}, {}, output, 7)
    assert card["sources"] == {"seed": 7} and card["n_images"] == 3
    assert card["instances_sha256"] == sha256(output["instances"])


def test_a_source_is_a_file_or_a_folder_with_its_checksum_or_a_receipt(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "orchard" / "labels.json"
    file.parent.mkdir()
    file.write_text("{}", encoding="utf-8")
    reads = ReadLog()
    assert describe_source(file, reads) == {"source": str(file), "sha256": sha256(file)}
    # A file that is hashed as an input is not read again.
    hashed = ReadLog({str(file): "0" * 64})
    monkeypatch.setattr("samgap.datasets.read_log.sha256", None)
    assert describe_source(file, hashed) == {"source": str(file), "sha256": "0" * 64}
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    expected = {"source": str(file.parent), **reads.summarize(file.parent)}
    assert describe_source(file.parent, reads) == expected and expected["n_files"] == 1
    archive = tmp_path.joinpath("resources/archives/photographs").relative_to(tmp_path)
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert find_receipt(archive) is None
    write_json(f"{archive}.json", {"source": "https://example.org/x"})
    assert describe_source(archive, reads) == {"source": "https://example.org/x"}


def test_the_source_of_a_data_set_is_another_one_with_its_checksums(tmp_path):
    card = {"dataset": "scenes", "kind": "orchard-sim", "images_sha256": "0", "instances_sha256": "1", "n_images": 3}
    write_json(tmp_path / "dataset.json", card)
    expected = {"dataset": "scenes", "images_sha256": "0", "instances_sha256": "1"}
    assert describe_dataset(tmp_path / "dataset.json") == expected
