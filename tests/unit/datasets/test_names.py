"""Names of files: lists of them, parts of paths, and groups."""

from pathlib import Path

import pytest

from samgap.datasets.names import extract_group, select_listed, split_path, summarize_names
from samgap.errors import UserError

NAMES = ("a.jpg", "day/b.jpg", "c.jpg")


def select(tmp_path: Path, text: str) -> set[str]:
    file_list = tmp_path / "list.txt"
    file_list.write_text(text, encoding="utf-8")
    return select_listed(NAMES, str(file_list), "the data")


def test_listed_names_are_paths_or_file_names(tmp_path):
    assert select(tmp_path, "# a comment\na.jpg\n\n") == {"a.jpg"}
    assert select(tmp_path, "b.jpg\n") == select(tmp_path, "day/b.jpg\n") == {"day/b.jpg"}


def test_a_list_that_cannot_be_used_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"list\.txt: lists z\.jpg, not labelled in the data$"):
        select(tmp_path, "a.jpg\nz.jpg\n")
    with pytest.raises(UserError, match=r"\(`files`\) is empty"):
        select(tmp_path, "# a comment\n")
    with pytest.raises(UserError, match="cannot be read"):
        select_listed(NAMES, str(tmp_path / "none.txt"), "the data")


def test_the_group_of_a_name():
    assert extract_group("DSC_1_17.jpg", {"groups": r"^(.+)_\d+\.jpg$"}) == "DSC_1"
    assert extract_group("DSC_1_17.jpg", {}) == "DSC_1_17"


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (r"^(\d+)\.jpg$", "DSC_1.jpg: `groups` .* does not match this name"),
        ("DSC", "not a regular expression with a group"),
        ("(", "not a regular expression with a group"),
    ],
)
def test_an_expression_without_a_group_for_the_name_is_one_line(groups, message):
    with pytest.raises(UserError, match=message):
        extract_group("DSC_1.jpg", {"groups": groups})


def test_roots_drives_and_parents_are_no_parts_of_a_path():
    assert (
        split_path("/data/a.jpg") == split_path("C:\\data\\a.jpg") == split_path("../data/a.jpg") == ("data", "a.jpg")
    )


def test_a_summary_lists_three_names():
    assert summarize_names("abc") == "a, b, c"
    assert summarize_names("abcde") == "a, b, c and 2 more"
