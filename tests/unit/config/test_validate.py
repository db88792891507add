"""Validation of a whole configuration."""

import copy

from samgap.config.validate import validate_config
from tests.helpers.small_config import CONFIG


def test_validation_changes_neither_its_argument_nor_a_valid_configuration(repository):
    before = copy.deepcopy(CONFIG)
    config = validate_config(CONFIG, repository)
    assert before == CONFIG
    assert validate_config(config, repository) == config
