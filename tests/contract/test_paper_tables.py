"""Tables 1 to 4 of the paper: all rows of the paper, and nothing that the installed packages do not have."""

import copy
import shutil

import pandas as pd
import pytest
import yaml

from samgap.claims.data import TABLES
from samgap.claims.decide import decide_claims
from samgap.config.table_rows import SIDES
from samgap.config.validate import validate_config
from samgap.paper.tables import TableRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.claims import PATHS, ROOT, make_package_data
from tests.helpers.paper import save_table
from tests.helpers.table_rows import BOX, make_row
from tests.helpers.tex import compile_tex, needs_tex

N_ROWS = {"training-data": 13, "architecture": 7, "evaluation": 8, "objectives": 9}
"""Table -> rows of the paper's table."""
CONFIGS = {
    name: validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), ROOT)
    for name in ("config", "demo")
}


def list_rows(name="demo"):
    return [(table, row) for table in N_ROWS for row in CONFIGS[name]["tables"][table]["rows"]]


@pytest.mark.parametrize("name", CONFIGS)
def test_every_row_of_the_paper_is_there_in_its_order(name):
    for number, (table, n_rows) in enumerate(N_ROWS.items(), 1):
        entry = CONFIGS[name]["tables"][table]
        assert entry["number"] == f"Table {number}"
        assert [row["place"] for row in entry["rows"]] == [f"Table {number}, row {row}" for row in range(1, n_rows + 1)]


def test_the_packages_have_what_rows_name():
    data = make_package_data()
    measured = {(row.probe, row.quantity) for row in data.probes.itertuples()}
    n_values = 0
    for table, row in list_rows():
        for value in (quantity[side] for quantity in row["measured"] for side in SIDES):
            if "probe" in value:
                assert (value["probe"], value["quantity"]) in measured, (table, row["id"])
            for path in value.get("modules", [value["path"]] if "path" in value else []):
                assert path in data.get_items(value["published"]), (table, row["id"], path)
            n_values += "probe" in value or "published" in value
    assert n_values >= 30


def test_each_cell_is_decided_or_says_why_not():
    cells = [row[side] for _, row in list_rows() for side in SIDES]
    assert sum("claims" in cell for cell in cells) >= 0.9 * len(cells)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """The tables of a run without estimates, by name: what the packages and sources alone decide."""
    folder, data = tmp_path_factory.mktemp("run"), make_package_data()
    files = {name: str(folder / f"{name}.parquet") for name in (*TABLES, "claims")}
    for name, table in TABLES.items():
        table.write(files[name], getattr(data, name))
    statements = CONFIGS["demo"]["claims"]["statements"]
    CLAIMS.write(files["claims"], decide_claims(statements, data, PATHS, "demo"))
    return files


@needs_tex
@pytest.mark.parametrize("table", N_ROWS)
def test_the_table_has_its_rows_and_fits_on_a_page(table, paths, tmp_path):
    config = CONFIGS["demo"]
    request = TableRequest(table, paths, config["tables"][table], config["models"], {}, {})
    files = save_table(request, tmp_path / "out")
    text = files["md"].read_text(encoding="utf-8")
    for row in config["tables"][table]["rows"]:
        assert f"| {row['title']} | {row['sam2']['paper']} | " in text
    assert pd.read_csv(files["csv"])["row"].nunique() == N_ROWS[table]
    compile_tex(files["tex"], tmp_path)


def test_a_new_row_is_one_entry(tmp_path):
    for folder in ("config", "src"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    file = tmp_path / "config/paper/tables.yaml"
    rows = yaml.safe_load(file.read_text(encoding="utf-8"))
    measured = [{"metric": "dice", "sam2": {**BOX, "dataset": "main", "model": "sam2"}, "sam3": {"none": "why"}}]
    cells = {side: {"paper": "so", "claims": ["sam2-takes-no-text"]} for side in SIDES}
    rows["architecture"].append(make_row("added", **cells, measured=measured))
    file.write_text(yaml.safe_dump(rows), encoding="utf-8")
    config = yaml.safe_load((tmp_path / "config/demo.yaml").read_text(encoding="utf-8"))
    added = validate_config(copy.deepcopy(config), tmp_path)["tables"]["architecture"]["rows"][-1]
    assert added["id"] == "added" and added["measured"][0]["sam2"]["model"] == "sam2-demo"
