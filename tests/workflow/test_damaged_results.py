"""A changed bit of a result is found when it is read or verified, and the same command then makes the result again."""

import hashlib
import os

import pytest

pytestmark = pytest.mark.workflow

CELL = "dataset=orchard/model=filled-box/prompts=box/shard=001"


def hash_tables(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
        if path.name != "timing.parquet"
    }


def flip_bit(path, at):
    """Change a bit of a file, which keeps its time, as a faulty disk does."""
    content, times = bytearray(path.read_bytes()), path.stat()
    content[at] ^= 8
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_damaged_table_is_made_again_and_the_numbers_are_the_same(finished_run, tmp_path):
    checkout = finished_run.copy(tmp_path / "samgap")
    results = checkout.folder / "results" / "demo"
    expected = hash_tables(results)
    pairs, estimates = results / "matching" / CELL / "pairs.parquet", results / "statistics" / "estimates.parquet"

    output = checkout.run("verify")
    assert "ok       results/demo/statistics/estimates.parquet  sha256" in output and "differs" not in output
    flip_bit(pairs, at=300)
    flip_bit(results / "paper" / "figures" / "estimates.svg", at=200)
    output = checkout.run("verify", succeeds=False)
    name = f"results/demo/matching/{CELL}/pairs.parquet"
    assert f"differs  {name}  damaged (its content has changed since it was written)" in output
    assert "rule: match_predictions" in output and "rule: figure" in output
    assert "2 of" in output and "results differ or are missing (rules: figure, match_predictions)" in output

    estimates.unlink()
    output = checkout.run(str(estimates.relative_to(checkout.folder)), succeeds=False)
    assert (
        f"error: {name}: damaged" in output and f"it is moved to {name}.damaged; run the same command again" in output
    )
    assert not pairs.exists() and not estimates.exists()
    output = checkout.run(str(estimates.relative_to(checkout.folder)))
    assert "localrule match_predictions:" in output or "rule match_predictions:" in output
    assert "rule predict:" not in output
    pairs.with_name("pairs.parquet.damaged").unlink()
    assert hash_tables(results) == expected
