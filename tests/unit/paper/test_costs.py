"""Hours, GPU hours, idle share and memory of a run by rule, from benchmark files and the table `timing`."""

import json

import pytest

from samgap.paper.costs import JobCost, build_costs, read_job_costs
from samgap.tables.predictions import TIMING

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def write_benchmark(folder, rule, job, seconds, memory, cpu):
    path = folder / "timings" / rule / f"{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t1\t1\t1\t0\t0\t1\t{cpu}\n", encoding="utf-8")


def write_timing(folder, model, device, n_images):
    path = folder / f"predictions/dataset=a-b/model={model}/prompts=box/shard=000/timing.parquet"
    path.parent.mkdir(parents=True)
    row = {"n_prompts": 3, "read_ms": 500.0, "encode_ms": 7000.0, "decode_ms": 2000.0, "device": device}
    TIMING.write(path, [{"image_id": number, **row} for number in range(n_images)])


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "demo"
    write_benchmark(folder, "predict", "a-b-big-box-000", 360, 9000.5, 400)
    write_timing(folder, "big", "cuda", 10)
    write_benchmark(folder, "predict", "a-b-shape-box-000", 36, 120, 30)
    write_timing(folder, "shape", "cpu", 10)
    write_benchmark(folder, "train", "more", 7200, 20000, 7000)
    card = folder / "training" / "more" / "checkpoint.json"
    card.parent.mkdir(parents=True)
    card.write_text(json.dumps({"device": "cuda"}), encoding="utf-8")
    write_benchmark(folder, "estimate", "estimate", 0.4, "-", "NA")
    return folder


def test_costs_of_jobs_are_read(run):
    assert read_job_costs(run) == [
        JobCost("estimate", 0.4, None, None),
        JobCost("predict", 360, 400, 9000.5, on_gpu=True, gpu_busy_s=90),
        JobCost("predict", 36, 30, 120),
        JobCost("train", 7200, 7000, 20000, on_gpu=True),
    ]


def test_a_row_has_the_sums_of_a_rule(run):
    (block,) = build_costs("demo", read_job_costs(run)).blocks
    rows = {
        row[0].text: dict(zip(block.columns[1:], (cell.text for cell in row[1:]), strict=True)) for row in block.rows
    }
    assert list(rows) == ["estimate", "predict", "train", "all"]
    assert rows["predict"] == {
        "jobs": "2",
        "hours": "0.11",  # 396 s
        "longest job": "0.1",
        "processor hours": "0.119",
        "GPU hours": "0.1",
        "GPU idle": "75%",  # the model computed for 90 of 360 s
        "peak memory": "9,000 MB",
        "median memory": "4,560 MB",
    }
    assert rows["train"]["GPU hours"] == "2" and rows["train"]["GPU idle"] == "not measured"
    assert rows["estimate"]["GPU idle"] == "–" and rows["estimate"]["peak memory"] == "not measured"
    assert rows["all"]["jobs"] == "4" and rows["all"]["GPU hours"] == "2.1" and rows["all"]["GPU idle"] == "75%"


def test_a_run_without_finished_jobs_has_no_costs(tmp_path):
    assert read_job_costs(tmp_path / "demo") == []
