"""Links of a run into the cache."""

from samgap.download.entries import remove_dead_links


def test_links_to_deleted_or_damaged_files_are_removed(tmp_path):
    resources, cache = tmp_path / "resources", tmp_path / "cache"
    for folder in (cache, resources / "archives", resources / "checkpoints/a", resources / "checkpoints/b"):
        folder.mkdir(parents=True)
    for name in ("kept", "bad.damaged"):
        (cache / name).touch()
    destinations = {
        "archives/kept": "kept",
        "archives/deleted": "deleted",
        "archives/bad": "bad.damaged",
        "checkpoints/a/weights.pt": "deleted",
        "checkpoints/b/weights.pt": "kept",
    }
    for link, name in destinations.items():
        (resources / link).symlink_to(cache / name)
    (resources / "archives/kept.json").touch()
    (resources / "checkpoints/a/checkpoint.json").touch()
    removed = remove_dead_links(resources)
    assert {path.relative_to(resources).as_posix() for path in removed} == {
        "archives/deleted",
        "archives/bad",
        "checkpoints/a/weights.pt",
    }
    left = {path.relative_to(resources).as_posix() for path in resources.rglob("*") if not path.is_dir()}
    assert left == {"archives/kept", "archives/kept.json", "checkpoints/a/checkpoint.json", "checkpoints/b/weights.pt"}
    assert remove_dead_links(tmp_path / "missing") == []
