"""Model, data sets, prompts and start of a training must fit together."""

import pytest

from samgap.config import trainings
from samgap.errors import UserError
from tests.helpers.small_config import change, get_error


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
        ("trainings/learn/start", "learn", ["trainings.learn.start leads back to 'learn'"]),
    ],
)
def test_parts_of_a_training_that_do_not_fit_are_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("kind", "is_trainable"), [("phrases-copy", True), ("phrases", True), ("perturbations", False)]
)
def test_a_training_uses_the_phrases_of_a_kind_that_declares_them_trainable(plugin_copy, kind, is_trainable):
    prompts = plugin_copy / "src" / "samgap" / "prompts"
    (prompts / "phrases_copy.py").write_text((prompts / "phrases.py").read_text(encoding="utf-8"), encoding="utf-8")
    training = {"family": "sam3", "model": "m", "dataset": "a", "validation": "b", "prompts": "p"}
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
