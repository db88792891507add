"""What each model is said to answer, before a plan is made."""

from pathlib import Path

import pytest

from samgap.config import capabilities
from samgap.errors import UserError

FILES = {
    "places": "import torch_is_not_imported\nKINDS = ('box', 'point')\n",
    "words": "KINDS: tuple = ('phrases', 'exemplar')\nKINDS_WITH = {'head': ('box', 'clicks')}\n",
    "both-parts": "KINDS = ('phrases', 'templates')\n",
}
MODELS = {
    "places": {"family": "places"},
    "words": {"family": "words"},
    "all": {"family": "words", "head": True},
    "made": {"family": "both-parts", "detector": "words", "segmenter": "places"},
}
PROMPTS = {kind: {"kind": kind} for kind in ("box", "point", "phrases", "templates", "clicks")}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "src/samgap/models").mkdir(parents=True)
    for name, text in FILES.items():
        (tmp_path / "src/samgap/models" / f"{name.replace('-', '_')}.py").write_text(text)
    return tmp_path


def _check(root, model, kind, **more):
    config = {"models": {**MODELS, **more}, "prompts": PROMPTS}
    capabilities.validate_capabilities(config, [("experiments.x", ("d", model, kind))], root)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("places", "point"), ("words", "phrases"), ("all", "phrases"), ("all", "clicks"), ("made", "phrases")],
)
def test_what_a_model_answers_may_be_asked(root, model, kind):
    _check(root, model, kind)


def test_an_option_that_would_make_it_answer_is_named(root):
    with pytest.raises(UserError) as caught:
        _check(root, "words", "clicks")
    message = str(caught.value)
    assert "experiments.x asks the model 'words' the prompts 'clicks' of kind clicks" in message
    assert "answers phrases, exemplar alone" in message and "`head: true` in models.words" in message
    with pytest.raises(UserError) as caught:
        _check(root, "words", "point")
    assert "head" not in str(caught.value)


def test_a_model_made_of_parts_answers_no_more_than_its_detector(root):
    with pytest.raises(UserError, match="'made'.* of kind templates.* answers phrases alone"):
        _check(root, "made", "templates")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"detector": "places", "segmenter": "places"},
            "models.it.detector is 'places', which must answer",
        ),
        ({"detector": "words", "segmenter": "words"}, "models.it.segmenter is 'words'.* kind box.*`head: true`"),
        ({"detector": "made", "segmenter": "places"}, "models.it.detector is 'made', which has parts itself"),
    ],
)
def test_parts_must_answer_their_part(root, entry, message):
    with pytest.raises(UserError, match=message):
        _check(root, "words", "phrases", it={"family": "both-parts", **entry})


def test_the_demo_model_without_the_head_says_so():
    root = Path(__file__).parents[3]
    kinds, hint = capabilities.accepted_kinds({"models": {"sam3-demo": {"family": "sam3"}}}, "sam3-demo", root, "box")
    assert "box" not in kinds and "phrases" in kinds and "interactive: true" in hint
    kinds, _ = capabilities.accepted_kinds(
        {"models": {"sam3": {"family": "sam3", "interactive": True}}}, "sam3", root, "box"
    )
    assert {"box", "point", "point-box", "mask", "clicks", "track", "phrases"} <= set(kinds)
