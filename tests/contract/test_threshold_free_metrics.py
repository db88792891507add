"""Scores of models mean different things, so every cell of phrases has metrics that no score threshold decides."""

from collections import defaultdict

import pytest
import yaml

from samgap.config.catalogs import merge_catalogs
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.statistics.estimates import list_cell_metrics
from tests.helpers.source_files import ROOT

THRESHOLD_FREE = {"map", "f1-sweep-best", "f1-sweep-mean"}


@pytest.mark.parametrize("name", ["demo", "config", "own-data"])
def test_every_cell_of_phrases_has_metrics_without_a_score_threshold(name):
    config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    config, kinds = merge_catalogs(config, ROOT), read_prompt_kinds(ROOT)
    metrics = defaultdict(set)
    for experiment in config["experiments"].values():
        for key, metric in list_cell_metrics(experiment):
            kind = kinds[config["prompts"][key[2]]["kind"]]
            if kind.takes_phrase and not kind.spatial:
                metrics[key].add(metric)
    lacking = {key: THRESHOLD_FREE - found for key, found in metrics.items() if not found >= THRESHOLD_FREE}
    assert metrics and lacking == {}
