"""Declarations of the kinds of prompts: complete, free of contradictions, and equal for equal rows."""

import pytest

from samgap.config import capabilities
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError
from tests.helpers.prompt_kinds import SCRIBBLE, add_prompt_kind

PHRASE_ROW = 'ROW_KINDS = ("scribble",)\nSPATIAL = False\nINPUTS = ("phrase",)\n\ndef generate_prompts(): ...\n'


@pytest.mark.parametrize("name", ["ROW_KINDS", "SPATIAL", "INPUTS"])
def test_a_kind_without_a_declaration_is_an_error_before_the_plan(plugin_copy, name):
    source = "\n".join(line for line in SCRIBBLE.splitlines() if not line.startswith(name))
    add_prompt_kind(plugin_copy, "scribble", source)
    message = rf"scribble\.py: the kind of prompts 'scribble' does not declare {name}"
    with pytest.raises(UserError, match=message):
        capabilities.validate_capabilities({"models": {}, "prompts": {}}, [], plugin_copy)


def test_an_input_that_is_not_a_column_is_an_error(plugin_copy):
    add_prompt_kind(plugin_copy, "scribble", SCRIBBLE.replace('("points",)', '("lines",)'))
    with pytest.raises(UserError, match="INPUTS names 'lines', which is not one of points, boxes, mask, phrase"):
        read_prompt_kinds(plugin_copy)


def test_two_kinds_must_declare_a_common_row_kind_alike(plugin_copy):
    add_prompt_kind(plugin_copy, "scribble", SCRIBBLE)
    add_prompt_kind(plugin_copy, "words", PHRASE_ROW)
    message = r"'words' and 'scribble' declare the row kind 'scribble' with different SPATIAL, INPUTS \(phrase\); give"
    with pytest.raises(UserError, match=message):
        read_prompt_kinds(plugin_copy)


@pytest.mark.parametrize(
    ("row_kind", "declaration", "differing"),
    [
        ("box", 'SPATIAL = True\nINPUTS = ("phrase", "boxes")', r"INPUTS \(phrase\)"),
        ("clicks", 'SPATIAL = True\nINPUTS = ("points",)', "INTERACTIVE"),
        ("grid", 'SPATIAL = False\nINPUTS = ("points",)', "AUTOMATIC"),
        ("track", 'SPATIAL = True\nINPUTS = ("boxes",)', "SEQUENCE"),
        ("other", 'SPATIAL = False\nINPUTS = ("phrase",)', "UNLABELLED"),
    ],
)
def test_rows_of_a_kind_are_handled_alike_whatever_module_makes_them(plugin_copy, row_kind, declaration, differing):
    source = f'ROW_KINDS = ("{row_kind}",)\n{declaration}\n\ndef generate_prompts(): ...\n'
    add_prompt_kind(plugin_copy, "added", source)
    # Before the plan.
    with pytest.raises(
        UserError, match=rf"declare the row kind '{row_kind}' with different {differing}; give"
    ) as error:
        capabilities.validate_capabilities({"models": {}, "prompts": {}}, [], plugin_copy)
    assert "'added'" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("SEQUENCE = True\nSPATIAL = False", "SEQUENCE is True, so SPATIAL must be True"),
        ("INTERACTIVE = True\nSPATIAL = False", "INTERACTIVE is True, so SPATIAL must be True"),
        ('INTERACTIVE = True\nINPUTS = ("boxes",)', "and INPUTS have points and no phrase"),
        ("AUTOMATIC = True", "AUTOMATIC is True, so SPATIAL must be False"),
        ('UNLABELLED = ("leaf",)', "UNLABELLED names a row kind that is not in ROW_KINDS"),
        ('UNLABELLED = ("scribble",)', "UNLABELLED names row kinds, so SPATIAL must be False"),
        ("TRAINABLE = True", "TRAINABLE is True, so SPATIAL must be False"),
        ("AUTOMATIC = bool(0)", "does not declare AUTOMATIC; add it as a literal"),
    ],
)
def test_declarations_that_do_not_fit_together_are_errors(plugin_copy, declaration, message):
    add_prompt_kind(plugin_copy, "scribble", f"{SCRIBBLE}\n{declaration}\n")
    with pytest.raises(UserError, match=f"scribble.py: .*{message}"):
        read_prompt_kinds(plugin_copy)


def test_a_kind_is_not_named_like_a_property(plugin_copy):
    add_prompt_kind(plugin_copy, "boxes", SCRIBBLE)
    with pytest.raises(UserError, match="'boxes' stands for several kinds in KINDS of a family; choose another name"):
        read_prompt_kinds(plugin_copy)
