"""Make docs/reference/metrics.md of the metrics' docstrings and fields.

PYTHONPATH=src python docs/reference/make_metrics.py > docs/reference/metrics.md
"""

import importlib
import inspect

from samgap.metrics import METRIC_REGISTRY, load_metric

PAGE_HEADER = """# Metrics

Made by `docs/reference/make_metrics.py` from `src/samgap/metrics/`. An id is listed in `experiments.<id>.metrics` of
the configuration. *By phrase*, *by instance*: the strata that a metric has in addition to the whole data set and to
strata of images. A metric that a data set does not support has a row with the reason.

All metrics are computed from the tables of the stage `matching` (columns: `src/samgap/tables/matching.py`), never from
masks. Assignment and matching are one to one unless said otherwise. A match is an assigned pair with IoU 0.5; of
`answered-…` and `area-error`, "matched" is every instance with an assigned prediction.

**Ignored instances.** An instance that is marked `ignore` excuses predictions of its own noun alone, as COCO's crowds
do. A prediction of a phrase without a match is left out if at least half of its mask lies in `ignore` instances of the
phrase's nouns, in their union. Average precision alone leaves out what pycocotools leaves out if these instances are
the crowds of the phrase: the share is that in a single one, and has to reach the IoU threshold. A mask of "leaf" on an
ignored apple is a false positive. Attributes do not matter. In an image whose only instances of a phrase's nouns are
`ignore`, the presence of the phrase is unknown: `presence-accuracy`, `il-mcc`, `cgf1`, `false-alarms`, `count-error`
and `instructions-…` do not count the image for it.

**Operating point.** Each metric states from which *score* a prediction counts, from which *IoU* it matches an instance,
and its rule for `ignore` instances.

| column | entry | meaning |
|---|---|---|
| score | ≥ official | of phrases, from the model's official threshold on; of spatial prompts, the best mask |
| score | ≥ chosen | of phrases, from the threshold on that was chosen for the model on other images (`thresholds`) |
| score | ≥ 0.05 … 0.95 | each of these thresholds, then a summary |
| score | ≥ 0.05 … | from this score on, whatever the setting |
| score | all | every stored prediction; the score ranks or bins it |
| IoU | 0.50 … | a match at this IoU; `0.50–0.95` is the mean over ten thresholds |
| IoU | > 0 | the one-to-one assignment, without a minimum |
| ignore | excused | the rule above |
| ignore | excused, presence unknown | the same, and images whose only instances are `ignore` do not count |
| ignore | crowd | `ignore` instances of the nouns are COCO's crowds |
| ignore | counted | `ignore` instances count like others |
| any | – | the metric does not depend on it |

The official threshold is 0.5 of SAM3 and 0.1 of OWLv2, the defaults of their code, or `score-threshold` of the model in
the configuration. Scores of different models mean different things. So section `thresholds` chooses another one for
each model on a data set for validation, that with the highest F1, before predictions on other images are matched
(`results/<run>/statistics/thresholds/<model>.parquet`). Metrics of all scores need no threshold.

**Exhaustive labels.** A metric with † is wrong where objects have no label: a right detection of one counts as a false
positive. On a data set with `exhaustive: false`, each printed value of such a metric for phrases has a †
([labels](labels.md)).
"""


def render_reference() -> str:
    """Return the page as Markdown."""
    ids_by_file: dict[str, list[str]] = {}
    for metric_id, (file, _) in METRIC_REGISTRY.items():
        ids_by_file.setdefault(file, []).append(metric_id)
    index = "\n".join(_index_row(file, ids) for file, ids in ids_by_file.items())
    sections = [_metric_section(file, ids) for file, ids in ids_by_file.items()]
    return "\n".join([PAGE_HEADER, f"| file | ids |\n|---|---|\n{index}\n", *sections])


def _index_row(file: str, metric_ids: list[str]) -> str:
    return f"| [{file}](#{file.replace('_', '-')}) | {', '.join(f'`{metric_id}`' for metric_id in metric_ids)} |"


def _metric_section(file: str, metric_ids: list[str]) -> str:
    docstring = inspect.getdoc(importlib.import_module(f"samgap.metrics.{file}"))
    sources = "; ".join(dict.fromkeys(load_metric(metric_id).source for metric_id in metric_ids))
    names = ("id", "label", "unit", "range", "best", "score", "IoU", "ignore", "strata", "exhaustive labels")
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}"
    rows = "\n".join(_metric_row(metric_id) for metric_id in metric_ids)
    return f"## {file.replace('_', '-')}\n\n{docstring}\n\nSource: {sources}.\n\n{head}\n{rows}\n"


def _metric_row(metric_id: str) -> str:
    metric = load_metric(metric_id)
    low, high = (f"{limit:g}".replace("inf", "∞").replace("-", "−") for limit in metric.value_range)
    best = {True: "high", False: "low", None: "0"}[metric.higher_is_better]
    strata = [
        name
        for name, is_defined in (("by phrase", metric.by_phrase), ("by instance", metric.by_instance))
        if is_defined
    ]
    point = metric.operating_point
    columns = [metric.label, metric.unit, f"{low} to {high}", best, point.score, point.iou, point.ignore]
    columns.append(", ".join(strata) or "–")
    return f"| `{metric_id}` | {' | '.join(columns)} | {'†' if metric.needs_exhaustive_labels else '–'} |"


if __name__ == "__main__":
    print(render_reference(), end="")
