"""Download to figures on real orchard photographs, served as MinneApple's archives by a server on this machine.

The run has the baselines alone: only their scores are properties of the photographs, whatever the models do.
"""

import pyarrow.parquet as pq
import pytest

from tests.helpers.archives import find_real_data, pack_minneapple
from tests.helpers.server import Server

from .conftest import baseline_config

pytestmark = [pytest.mark.workflow, pytest.mark.real]


def test_a_run_on_real_photographs(checkout, tmp_path):
    real = find_real_data()
    archives = pack_minneapple(real, tmp_path / "served")
    with Server(tmp_path / "served") as server:
        sections = baseline_config(
            {
                "kind": "minneapple",
                "shards": 1,
                "archives": {"images": "photographs", "truth": "truth"},
                "part": "test",
                "absent": ["orange", "pear"],
                "ignore": str(real / "instances.csv"),
            }
        )
        names = {"photographs": archives["images"].name, "truth": archives["truth"].name}
        sections["archives"] = {key: {"file": name, "url": f"{server.base_url}/{name}"} for key, name in names.items()}
        checkout.write_config(**sections)
        checkout.run()
    results = checkout.folder / "results" / "demo"
    estimates = pq.read_table(results / "statistics" / "estimates.parquet").to_pandas()
    overall = estimates[estimates["stratum"] == "all"].set_index(["model", "prompts", "metric"])
    boxes = overall.xs("iou", level="metric").xs("box", level="prompts")
    assert (boxes["n_images"] == 35).all() and (boxes["n_instances"] == 261).all()
    # The IoU of the baselines is a property of the photographs' masks and does not depend on the models.
    assert boxes.loc["filled-box", "value"] == pytest.approx(0.68, abs=0.02)
    assert boxes.loc["ellipse", "value"] == pytest.approx(0.78, abs=0.02)
    assert (results / "paper" / "figures" / "estimates.png").stat().st_size > 0
