"""Kinds of prompts that a model accepts, as its family's module declares them."""

from pathlib import Path

import pytest

from samgap.config import capabilities
from samgap.errors import UserError
from tests.helpers.prompt_kinds import copy_plugins

FAMILY_FILES = {
    "spatial": "import torch_is_not_imported\nKINDS = ('box', 'point')\n",
    "words": "KINDS: tuple = ('phrases', 'exemplar')\nKINDS_WITH = {'head': ('box', 'clicks')}\n",
    "composed": "KINDS = ('phrases', 'templates')\n",
}
MODELS = {
    "spatial": {"family": "spatial"},
    "words": {"family": "words"},
    "words-and-head": {"family": "words", "head": True},
    "pair": {"family": "composed", "detector": "words", "segmenter": "spatial"},
}
PROMPTS = {kind: {"kind": kind} for kind in ("box", "point", "phrases", "templates", "clicks")}


@pytest.fixture
def root(tmp_path):
    copy_plugins(tmp_path, "prompts")
    (tmp_path / "src/samgap/models").mkdir(parents=True)
    for name, text in FAMILY_FILES.items():
        (tmp_path / "src/samgap/models" / f"{name}.py").write_text(text)
    return tmp_path


def validate_cell(root, model, kind, **models):
    config = {"models": {**MODELS, **models}, "prompts": PROMPTS}
    capabilities.validate_capabilities(config, [("experiments.x", ("d", model, kind))], root)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("spatial", "point"),
        ("words", "phrases"),
        ("words-and-head", "phrases"),
        ("words-and-head", "clicks"),
        ("pair", "phrases"),
    ],
)
def test_accepted_kinds(root, model, kind):
    validate_cell(root, model, kind)


def test_the_message_names_the_option_that_adds_a_kind(root):
    with pytest.raises(UserError) as error:
        validate_cell(root, "words", "clicks")
    message = str(error.value)
    assert "experiments.x prompts the model 'words' with 'clicks' of kind clicks" in message
    assert "accepts only phrases, exemplar" in message and "`head: true` in models.words" in message
    with pytest.raises(UserError) as error:
        validate_cell(root, "words", "point")
    assert "head" not in str(error.value)


def test_a_composed_model_accepts_only_what_its_detector_accepts(root):
    with pytest.raises(UserError, match="'pair'.* of kind templates.* accepts only phrases"):
        validate_cell(root, "pair", "templates")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"detector": "spatial", "segmenter": "spatial"}, "models.it.detector is 'spatial', which must accept"),
        ({"detector": "words", "segmenter": "words"}, "models.it.segmenter is 'words'.* kind box.*`head: true`"),
        ({"detector": "pair", "segmenter": "spatial"}, "models.it.detector is 'pair', which has components itself"),
    ],
)
def test_components_must_accept_the_kind_of_their_role(root, entry, message):
    with pytest.raises(UserError, match=message):
        validate_cell(root, "words", "phrases", it={"family": "composed", **entry})


def test_a_component_accepts_an_added_kind_in_place_of_a_built_in_one(root):
    prompts = root / "src/samgap/prompts"
    for name, source in (("captions", "phrases"), ("frames", "box")):
        (prompts / f"{name}.py").write_text((prompts / f"{source}.py").read_text())
    for name, kind in (("reader", "captions"), ("cutter", "frames")):
        (root / f"src/samgap/models/{name}.py").write_text(f"KINDS = ({kind!r},)\n")
    added = {name: {"family": name} for name in ("reader", "cutter")}
    composed = {"family": "text", "detector": "reader", "segmenter": "cutter"}
    (root / "src/samgap/models/text.py").write_text("KINDS = ('text',)\n")
    config = {"models": {**added, "it": composed}, "prompts": {"captions": {"kind": "captions"}}}
    capabilities.validate_capabilities(config, [("experiments.x", ("d", "it", "captions"))], root)
    assert capabilities.list_accepted_kinds(config, "it", root, "captions") == (("captions",), "")


def test_sam3_accepts_spatial_prompts_only_with_its_interactive_head():
    root = Path(__file__).parents[3]
    kinds, hint = capabilities.list_accepted_kinds(
        {"models": {"sam3-demo": {"family": "sam3"}}}, "sam3-demo", root, "box"
    )
    assert "box" not in kinds and "phrases" in kinds and "interactive: true" in hint
    kinds, _ = capabilities.list_accepted_kinds(
        {"models": {"sam3": {"family": "sam3", "interactive": True}}}, "sam3", root, "box"
    )
    assert {"box", "point", "point-box", "mask", "clicks", "track", "phrases"} <= set(kinds)
