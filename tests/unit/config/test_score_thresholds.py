"""The official score threshold of a model, and the cells whose predictions are matched at a chosen one."""

import pytest

from samgap.config.score_thresholds import get_official_score, get_validation_cell, uses_chosen_score
from samgap.config.selection import restrict
from samgap.config.validate import validate_config
from tests.helpers.small_config import CONFIG, change, get_error

CHOICE = {"dataset": "third", "prompts": "concepts", "models": ["words"]}


@pytest.mark.parametrize(
    ("family", "entry", "setting", "score"),
    [
        ("", {}, None, 0.5),
        ("SCORE_THRESHOLD = 0.1\n", {}, None, 0.1),
        ("SCORE_THRESHOLD = 0.1\n", {"score-threshold": 0.3}, None, 0.3),
        ("SCORE_THRESHOLD = 0.1\n", {"score-threshold": 0.3}, 0.0, 0.0),
    ],
)
def test_the_official_score_is_that_of_the_family_unless_the_configuration_has_one(
    repository, family, entry, setting, score
):
    file = repository / "src/samgap/models/sam3.py"
    file.write_text(file.read_text(encoding="utf-8") + family, encoding="utf-8")
    config = validate_config(CONFIG, repository)
    config["models"]["words"] |= entry
    if setting is not None:
        config["statistics"]["score-threshold"] = setting
    assert get_official_score(config, "words", repository) == score


def test_a_composed_model_has_the_official_score_of_its_detector(repository):
    config = validate_config(CONFIG, repository)
    config["models"]["words"]["score-threshold"] = 0.2
    config["models"]["both"] = {"family": "grounded", "detector": "words", "segmenter": "small"}
    assert get_official_score(config, "both", repository) == 0.2


def test_phrases_on_other_images_are_matched_at_the_chosen_score(repository):
    config = validate_config({**CONFIG, "thresholds": CHOICE}, repository)
    assert get_validation_cell(config, "words") == ("third", "words", "concepts")
    assert uses_chosen_score(config, ("orchard", "words", "concepts"), repository)
    # The images of the choice, spatial prompts, and models without a choice.
    assert not uses_chosen_score(config, ("third", "words", "concepts"), repository)
    assert not uses_chosen_score(config, ("orchard", "words", "box"), repository)
    assert not uses_chosen_score(config, ("orchard", "small", "concepts"), repository)
    assert get_validation_cell(validate_config(CONFIG, repository), "words") is None


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("dataset", "thrid", ["thresholds.dataset names 'thrid'", "did you mean 'third'?"]),
        ("models", ["word"], ["thresholds.models names 'word'", "did you mean 'words'?"]),
        ("prompts", "box", ["thresholds.prompts is 'box' of kind box, which has no phrases"]),
        ("models", ["small"], ["thresholds prompts the model 'small' with 'concepts'"]),
    ],
)
def test_a_wrong_choice_is_one_line(repository, key, value, parts):
    message = get_error(change("thresholds", {**CHOICE, key: value}), repository)
    assert all(part in message for part in parts), message


def test_a_selection_of_models_chooses_their_thresholds_alone(repository):
    config = validate_config({**CONFIG, "thresholds": CHOICE}, repository)
    assert restrict(config, {"models": ("small",)})["thresholds"]["models"] == []
    assert restrict(config, {})["thresholds"]["models"] == ["words"]
