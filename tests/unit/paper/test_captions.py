import pytest

from samgap.errors import UserError
from samgap.paper.captions import read_caption


def test_the_caption_is_the_docstring_of_a_module_that_is_not_imported(tmp_path):
    module = tmp_path / "figure.py"
    module.write_text('"""What is drawn.\n\nMore.\n"""\nimport nothing_at_all\n', encoding="utf-8")
    assert read_caption(module) == "What is drawn.\n\nMore."


def test_a_module_without_a_docstring_is_an_error(tmp_path):
    module = tmp_path / "figure.py"
    module.write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(UserError, match="no docstring"):
        read_caption(module)
