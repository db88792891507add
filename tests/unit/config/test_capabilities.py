"""Kinds of prompts that a model accepts, as its family's module declares them."""

from pathlib import Path

import pytest
import yaml

from samgap.config import capabilities
from samgap.config.catalogs import merge_catalogs
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.prompt_kinds import SCRIBBLE, add_prompt_kind, copy_plugins
from tests.helpers.small_config import CONFIG, change, get_error

ROOT = Path(__file__).parents[3]
FAMILY_FILES = {
    "spatial": "import torch_is_not_imported\nKINDS = ('box', 'point')\n",
    "words": "KINDS: tuple = ('phrases', 'exemplar')\nKINDS_WITH = {'head': ('box', 'clicks')}\n",
    "composed": "KINDS = ('phrases', 'templates')\n",
    "tracker": "KINDS = ('spatial',)\nKINDS_WITHOUT = {'memory': ('sequence',)}\n",
}
MODELS = {
    "spatial": {"family": "spatial"},
    "words": {"family": "words"},
    "words-and-head": {"family": "words", "head": True},
    "tracker": {"family": "tracker"},
    "no-memory": {"family": "tracker", "memory": False},
    "pair": {"family": "composed", "detector": "words", "segmenter": "spatial"},
}
PROMPTS = {kind: {"kind": kind} for kind in ("box", "point", "phrases", "templates", "clicks", "track")}


@pytest.fixture
def root(tmp_path):
    copy_plugins(tmp_path, "prompts")
    (tmp_path / "src/samgap/models").mkdir(parents=True)
    for name, text in FAMILY_FILES.items():
        (tmp_path / "src/samgap/models" / f"{name}.py").write_text(text, encoding="utf-8")
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
        ("tracker", "track"),
        ("no-memory", "point"),
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


def test_an_option_that_is_false_excludes_kinds(root):
    with pytest.raises(UserError, match="'no-memory' with 'track' of kind track.* accepts only box, clicks"):
        validate_cell(root, "no-memory", "track")


def test_the_demos_sam3_refuses_tracks_and_accepts_boxes_points_and_clicks():
    config = merge_catalogs(yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8")), ROOT)
    kinds, _ = capabilities.list_accepted_kinds(config, "sam3-demo", ROOT, "track")
    assert {"phrases", "exemplar", "box", "point", "point-box", "mask", "clicks", "grid"} <= set(kinds)
    assert "track" not in kinds and "track" in capabilities.list_accepted_kinds(config, "sam2-demo", ROOT, "track")[0]


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
        (prompts / f"{name}.py").write_text((prompts / f"{source}.py").read_text(encoding="utf-8"), encoding="utf-8")
    for name, kind in (("reader", "captions"), ("cutter", "frames")):
        (root / f"src/samgap/models/{name}.py").write_text(f"KINDS = ({kind!r},)\n", encoding="utf-8")
    added = {name: {"family": name} for name in ("reader", "cutter")}
    composed = {"family": "text", "detector": "reader", "segmenter": "cutter"}
    (root / "src/samgap/models/text.py").write_text("KINDS = ('text',)\n", encoding="utf-8")
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


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        (
            "experiments/boxes/prompts",
            ["box", "concepts"],
            ["experiments.boxes", "'small'", "'concepts'", "box, point"],
        ),
        (
            "experiments/boxes/prompts",
            ["point"],
            ["experiments.boxes", "'ellipse'", "kind point", "shape accepts only box"],
        ),
        ("figures/sides/spatial/model", "words", ["figures.sides.spatial", "'words'", "kind point", "sam3"]),
    ],
)
def test_a_model_that_does_not_accept_its_prompts_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


def test_a_family_must_declare_the_kinds_that_it_accepts(repository):
    file = repository / "src/samgap/models/sam2.py"
    file.write_text(
        file.read_text(encoding="utf-8").replace("('box', 'point')", "tuple(open('kinds'))"), encoding="utf-8"
    )
    with pytest.raises(UserError, match=r"models/sam2\.py.*KINDS"):
        validate_config(CONFIG, repository)


PHRASES = {"phrases", "templates", "perturbations"}
FAMILIES = {
    **{family: {"family": family} for family in ("sam2", "sam3", "owlv2", "shape")},
    "interactive": {"family": "sam3", "interactive": True},
    "grounded": {"family": "grounded", "detector": "owlv2", "segmenter": "sam2"},
    "grounded-sam3": {"family": "grounded", "detector": "sam3", "segmenter": "sam2"},
}


ONE_INSTANCE = {"box", "point", "point-box", "mask", "clicks", "track"}
ACCEPTED = {
    "sam2": ONE_INSTANCE | {"grid"},
    "sam3": PHRASES | {"exemplar"},
    "interactive": PHRASES | {"exemplar", "grid"} | ONE_INSTANCE,
    "owlv2": PHRASES,
    "grounded": PHRASES,
    "grounded-sam3": PHRASES | {"exemplar"},
    "shape": {"box", "point-box", "track"},
}


def test_a_new_spatial_kind_is_accepted_by_the_families_of_spatial_prompts(plugin_copy):
    add_prompt_kind(plugin_copy, "scribble", SCRIBBLE)
    config = {
        "models": {"a": {"family": "sam2"}, "b": {"family": "sam3", "interactive": True}, "c": {"family": "sam3"}},
        "prompts": {"scribbles": {"kind": "scribble"}},
    }
    accepted = {name: capabilities.list_accepted_kinds(config, name, plugin_copy, "scribble") for name in "abc"}
    assert "scribble" in accepted["a"][0] and "scribble" in accepted["b"][0]
    assert "scribble" not in accepted["c"][0] and "interactive: true" in accepted["c"][1]


def test_a_copy_of_a_kind_is_accepted_by_the_families_of_the_kind(plugin_copy):
    prompts = plugin_copy / "src" / "samgap" / "prompts"
    copies = {id: f"{id}-copy" for id in sorted(PHRASES | ONE_INSTANCE | {"grid", "exemplar"})}
    assert copies.keys() == read_prompt_kinds(plugin_copy).keys()
    for id, copy in copies.items():
        source = (prompts / f"{id.replace('-', '_')}.py").read_text(encoding="utf-8")
        (prompts / f"{copy.replace('-', '_')}.py").write_text(source, encoding="utf-8")
    for model, built_in in ACCEPTED.items():
        accepted, _ = capabilities.list_accepted_kinds({"models": FAMILIES}, model, plugin_copy, "box")
        assert set(accepted) == built_in | {copies[id] for id in built_in}, model
