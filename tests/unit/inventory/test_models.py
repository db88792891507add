"""The models of the inventory: the published ones and those of a run."""

import pandas as pd
import pytest
import yaml

from samgap.inventory.models import PUBLISHED, VIDEO_MODEL, build_published, list_rows
from samgap.models.runtime.weights import read_weights
from tests.helpers.claims import ROOT
from tests.helpers.demo_weights import SAM2_OPTIONS, SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS

PARAMETERS = {
    "sam2.1-tiny": 38_962_498,
    "sam2.1-small": 46_060_354,
    "sam2.1-base-plus": 80_850_178,
    "sam2.1-large": 224_446_642,
    "sam3-image": 840_509_750,
    "sam3-interactive": 860_055_224,
    "sam3-video": 860_055_224,
}
"""All parameters, M; the model cards of SAM2.1 say 38.9, 46, 80.8 and 224.4."""


@pytest.fixture(scope="module")
def inventory():
    models = {"sam2-demo": {"family": "sam2", **SAM2_OPTIONS}, "sam3-demo": {"family": "sam3", **SAM3_OPTIONS}}
    models["sam2-large"] = {"family": "sam2", "config": "configs/sam2.1/sam2.1_hiera_l.yaml", "precision": "bf16"}
    models["ellipse"] = {"family": "shape", "shape": "ellipse"}
    return pd.DataFrame(list_rows(models))


def total(inventory, model, path=""):
    (row,) = inventory[(inventory["model"] == model) & (inventory["path"] == path)].itertuples()
    return int(row.n_total)


def test_the_published_models_have_their_parameters(inventory):
    assert {model: total(inventory, model) for model in PUBLISHED} == PARAMETERS


def test_the_size_that_the_model_card_of_sam3_states_is_that_of_the_detector_with_both_necks(inventory):
    assert total(inventory, VIDEO_MODEL, "detector") == pytest.approx(848e6, abs=0.5e6)


def test_the_models_of_the_run_are_listed_under_their_ids(inventory):
    assert set(inventory["model"]) == {*PUBLISHED, "sam2-demo", "sam3-demo", "sam2-large"}


@pytest.mark.parametrize(("model", "weights"), [("sam2-demo", SAM2_WEIGHTS), ("sam3-demo", SAM3_WEIGHTS)])
def test_the_tensors_of_a_demo_model_are_those_of_its_weights(inventory, model, weights):
    content = read_weights(weights)
    state_dict = content.get("model", content)
    rows = inventory[(inventory["model"] == model) & (inventory["trained"] == True)]  # noqa: E712
    assert {row.path: list(row.shape) for row in rows.itertuples()} == {
        path: list(tensor.shape) for path, tensor in state_dict.items() if path in set(rows["path"])
    }
    assert int(rows["n_total"].sum()) == total(inventory, model) > 1e6


def test_a_published_model_of_the_run_has_the_same_rows(inventory):
    columns = [column for column in inventory if column != "model"]
    ours, published = (
        inventory[inventory["model"] == model][columns].reset_index(drop=True)
        for model in ("sam2-large", "sam2.1-large")
    )
    pd.testing.assert_frame_equal(ours, published)


def test_the_demo_architecture_is_what_its_file_says(inventory):
    architecture = yaml.safe_load((ROOT / "config/demo/sam3-demo.architecture.yaml").read_text(encoding="utf-8"))
    values = inventory[inventory["model"] == "sam3-demo"].set_index("path")["value"]
    assert int(values["transformer.decoder.num_queries"]) == architecture["grid"] ** 2
    assert int(values["transformer.encoder.num_layers"]) == architecture["encoder-layers"]
    assert int(values["backbone.language_backbone.context_length"]) == architecture["context"]


def test_a_published_model_takes_no_memory():
    assert {tensor.device.type for tensor in build_published(VIDEO_MODEL).parameters()} == {"meta"}
