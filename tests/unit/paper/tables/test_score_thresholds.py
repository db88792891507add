"""The table of score thresholds."""

import pandas as pd

from samgap.paper.tables import TableRequest
from samgap.statistics.thresholds import choose_threshold
from samgap.tables.score_thresholds import THRESHOLDS
from tests.helpers.paper import save_table
from tests.unit.statistics.test_thresholds import make_cell

MODELS = {"words": {"label": "Words", "family": "sam3", "demo": True}, "late": {"family": "sam3"}}


def write_thresholds(folder, cells):
    """Write the table of each model: its id -> its cell."""
    paths = []
    for model, cell in cells.items():
        ids = {"dataset": "scenes", "model": model, "prompts": "concepts"}
        paths.append(folder / f"{model}.parquet")
        THRESHOLDS.write(paths[-1], [ids | row for row in choose_threshold(cell, 0.5)])
    return paths


def save(folder, cells):
    inputs = {"score_thresholds": write_thresholds(folder, cells), "datasets": []}
    request = TableRequest("score-thresholds", inputs, {"title": "Score thresholds", "number": "none"}, MODELS, {}, {})
    return save_table(request, folder)


def test_each_model_has_its_official_and_its_chosen_threshold(tmp_path):
    files = save(tmp_path, {"words": make_cell({0.05: (4, 10), 0.3: (4, 4), 0.35: (2, 4)})})
    text = files["md"].read_text(encoding="utf-8")
    assert "| scenes | Words | concepts | 1 | 4 | official | 0.5 | 0.500 | 0.500 | 0.500 |" in text
    assert "| scenes | Words | concepts | 1 | 4 | chosen | 0.3 | 1.000 | 1.000 | 1.000 |" in text
    assert "demo" in text.lower()
    rows = pd.read_csv(files["csv"])
    assert len(rows) == 19 and rows.loc[rows["is_chosen"], "score"].tolist() == [0.3]


def test_a_model_without_a_threshold_has_the_reason(tmp_path):
    text = save(tmp_path, {"late": make_cell({}, skip_reason="no access")})["md"].read_text(encoding="utf-8")
    assert "| late | concepts | 1 | 4 | chosen | skipped (a) | – | – | – |" in text and "(a) skipped: no access" in text


def test_without_a_choice_the_table_says_so(tmp_path):
    assert "The configuration chooses no score threshold." in save(tmp_path, {})["md"].read_text(encoding="utf-8")
