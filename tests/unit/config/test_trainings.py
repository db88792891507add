"""Model, data sets, prompts and start of a training must fit together."""

import pytest

from samgap.config import trainings
from samgap.errors import UserError
from tests.helpers.small_config import CONFIG, change, get_error


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        ("trainings/learn/model", "small", ["trainings.learn.family is 'sam3'", "'small'", "'sam2'"]),
        ("trainings/learn/validation", "orchard", ["trainings.learn.validation", "'orchard'"]),
        ("trainings/learn/prompts", "box", ["trainings.learn.prompts", "'box'", "phrases"]),
        ("trainings/learn/mix", [{"dataset": "orchard", "share": 0.3}], ["trainings.learn.mix", "'orchard'", "once"]),
        ("trainings/learn/mix", [{"dataset": "apples"}], ["trainings.learn.mix.0", "lacks the key 'share'"]),
        ("trainings/learn/mix", [{"dataset": "apples", "share": 1}], ["trainings.learn.mix.0.share is 1"]),
        (
            "trainings/learn/mix",
            [{"dataset": "apples", "share": 0.6}, {"dataset": "third", "share": 0.4}],
            ["trainings.learn.mix", "shares with the sum 1", "'orchard'"],
        ),
        ("trainings/learn/start", "learn", ["trainings.learn.start leads back to 'learn'", "start: scratch"]),
        (
            "trainings/learn/start",
            ...,
            ["trainings.learn starts from the weights of its model 'words', which the training 'learn' makes"],
        ),
        ("trainings/scratch", CONFIG["trainings"]["learn"], ["trainings has the id 'scratch'"]),
        (
            "trainings/learn",
            {**CONFIG["trainings"]["learn"], "frozen": ["backbone"], "adapters": {"rank": 2, "parts": ["trunk"]}},
            ["trainings.learn has both adapters and frozen parts (backbone)"],
        ),
        ("trainings/learn/adapters", {"rank": 0, "parts": ["trunk"]}, ["trainings.learn.adapters.rank is 0"]),
        ("trainings/learn/adapters", {"rank": 4}, ["trainings.learn.adapters lacks the key 'parts'"]),
    ],
)
def test_parts_of_a_training_that_do_not_fit_are_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


def validate(trainings_section, repository, **models):
    """Check the trainings of a configuration of SAM3 models."""
    entries = {name: {"family": "sam3", "model": "m", "dataset": "a", "validation": "b"} for name in trainings_section}
    config = {
        "models": {"m": {"family": "sam3"}, **models},
        "trainings": {name: entries[name] | entry for name, entry in trainings_section.items()},
    }
    trainings.validate_trainings(config, repository)


def test_a_training_of_a_model_without_weights_says_that_it_starts_from_scratch(repository):
    with pytest.raises(
        UserError, match=r"trainings\.t starts from the weights of its model 'm', which has none; .*scr"
    ):
        validate({"t": {}}, repository)
    validate({"t": {"start": "scratch"}}, repository)
    validate({"t": {"model": "n"}}, repository, n={"family": "sam3", "weights": {"url": "http://x"}})


def test_trainings_in_a_row_may_use_models_made_of_trainings(repository):
    tuned = {"family": "sam3", "weights": {"training": "first"}}
    validate({"first": {"start": "scratch"}, "second": {"model": "tuned"}}, repository, tuned=tuned)
    with pytest.raises(UserError, match=r"trainings\.second starts from .* 'tuned', which the training 'first' makes"):
        validate(
            {"first": {"start": "second", "model": "tuned"}, "second": {"model": "tuned"}}, repository, tuned=tuned
        )


def test_a_method_of_the_demo_trains_small_models_alone(repository):
    with pytest.raises(UserError, match=r"trainings\.t\.method is 'sam3-match', which trains small models"):
        validate({"t": {"start": "scratch", "method": "sam3-match"}}, repository)
    small = {"family": "sam3", "architecture": "config/small.yaml"}
    entry = {"start": "scratch", "method": "sam3-match", "model": "s"}
    validate({"t": entry}, repository, s=small)
    with pytest.raises(UserError, match=r"trainings\.t\.augmentation has no effect with `method: sam3-match`"):
        validate({"t": {**entry, "augmentation": []}}, repository, s=small)


@pytest.mark.parametrize(
    ("kind", "is_trainable"), [("phrases-copy", True), ("phrases", True), ("perturbations", False)]
)
def test_a_training_uses_the_phrases_of_a_kind_that_declares_them_trainable(plugin_copy, kind, is_trainable):
    prompts = plugin_copy / "src" / "samgap" / "prompts"
    (prompts / "phrases_copy.py").write_text((prompts / "phrases.py").read_text(encoding="utf-8"), encoding="utf-8")
    training = {"family": "sam3", "model": "m", "start": "scratch", "dataset": "a", "validation": "b", "prompts": "p"}
    config = {
        "models": {"m": {"family": "sam3"}},
        "trainings": {"t": training},
        "prompts": {"p": {"kind": kind, "phrases": [{"phrase": "apple", "noun": "apple"}]}},
    }
    if is_trainable:
        trainings.validate_trainings(config, plugin_copy)
    else:
        with pytest.raises(
            UserError, match=r"trainings\.t\.prompts names 'p', which is not of kind phrases or phrases-"
        ):
            trainings.validate_trainings(config, plugin_copy)
