"""Shards whose weights are not available."""

from samgap.io.files import write_json
from samgap.predictions.skipped import find_missing_weights, write_empty_tables
from samgap.tables import parquet
from samgap.tables.predictions import MASKS, TIMING


def test_the_first_card_without_weights_gives_the_reason(tmp_path):
    cards = [tmp_path / f"{name}.json" for name in "abc"]
    write_json(cards[0], {"status": "available"})
    write_json(cards[1], {"status": "unavailable", "why": "no network"})
    write_json(cards[2], {"status": "unavailable", "why": "no access"})
    assert find_missing_weights(cards) == "weights not available (no network)"
    assert find_missing_weights(cards[:1]) is None


def test_the_tables_are_empty_and_have_the_provenance(tmp_path):
    masks, timing = tmp_path / "masks.parquet", tmp_path / "timing.parquet"
    write_empty_tables(masks, timing, {"skipped": "weights not available (no network)"})
    assert len(MASKS.read(masks)) == len(TIMING.read(timing)) == 0
    assert parquet.read_provenance(masks)["skipped"] == "weights not available (no network)"
    assert parquet.read_provenance(timing) == {"device": None}
