"""Counts and times from the finished part of a run."""

import pytest

from samgap.paper.plan import Rate
from samgap.paper.rates import count_prompts, measure_rates
from samgap.tables.predictions import TIMING

CELLS = [("a", "m", "box"), ("b", "m", "box"), ("a", "n", "box"), ("a", "empty", "box")]


def write_timing(folder, dataset, model, shard, rows):
    path = folder / f"predictions/dataset={dataset}/model={model}/prompts=box/shard={shard}/timing.parquet"
    path.parent.mkdir(parents=True)
    names = ("image_id", "n_prompts", "read_ms", "encode_ms", "decode_ms", "device")
    TIMING.write(path, [dict(zip(names, (number, 5, *row), strict=True)) for number, row in enumerate(rows)])


def test_the_time_of_an_image_is_the_mean_over_data_sets_and_shards_on_one_device(tmp_path):
    write_timing(tmp_path, "a", "m", "000", [(10, 200, 90, "cuda"), (10, 100, 90, "cuda")])
    write_timing(tmp_path, "b", "m", "000", [(10, 80, 10, "cuda"), (1000, 8000, 1000, "cpu")])
    write_timing(tmp_path, "a", "n", "000", [(0, 0, 1, "cpu")])
    write_timing(tmp_path, "a", "empty", "000", [])
    write_timing(tmp_path, "a", "other", "000", [(1, 1, 1, "cpu")])
    rates = measure_rates(tmp_path, CELLS)
    assert rates.keys() == {("m", "box"), ("n", "box")}
    assert rates["m", "box"] == Rate(pytest.approx(0.2), "cuda")  # (300 + 200 + 100) / 3 ms
    assert rates["n", "box"] == Rate(pytest.approx(0.001), "cpu")


def test_nothing_is_known_before_a_run(tmp_path):
    assert measure_rates(tmp_path, CELLS) == {} and count_prompts(tmp_path, CELLS) == {}
