"""Literals and metrics of modules, read without an import."""

from samgap.config.module_literals import list_metrics, read_literals, to_module_name


def test_literals_are_read_and_other_values_are_not(tmp_path):
    file = tmp_path / "x.py"
    file.write_text("A: int = 3\nB = open('b')\nC = {'d': (1, 2)}\nD = E = 4\n", encoding="utf-8")
    assert read_literals(file, "A", "B", "C", "E", "Z") == {"A": 3, "C": {"d": (1, 2)}, "E": 4}


def test_the_module_of_an_id():
    assert to_module_name("boundary-f-2px") == "boundary_f_2px"


def test_a_module_is_a_metric_if_it_defines_metrics(tmp_path):
    (tmp_path / "one.py").write_text("import a_missing_module\n\nMETRICS = {'': 1}\n", encoding="utf-8")
    (tmp_path / "two_px.py").write_text("VARIANTS = ('', '2px')\nMETRICS: dict = {}\n", encoding="utf-8")
    (tmp_path / "helper.py").write_text("from one import nothing\n\nVARIANTS = ('a',)\n", encoding="utf-8")
    assert list_metrics(tmp_path) == {
        "one": ("one", ""),
        "two-px": ("two_px", ""),
        "two-px-2px": ("two_px", "2px"),
    }
