"""The values that tables of the paper show beside its cells: estimates, numbers of the packages, and facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from samgap.claims.architecture import get_value
from samgap.claims.data import ClaimData
from samgap.claims.region import format_number
from samgap.paper import labels
from samgap.paper.csv import iterate_rows
from samgap.paper.estimate_blocks import ABSENT, WHOLE_SET, format_estimate
from samgap.paper.grid import Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.sources import CELL_KEYS, add_sources

NOT_MEASURED = "not measured"
MILLION = 1_000_000
TABLE_NAMES = ("inventory", "probes", "estimates", "comparisons")
"""The input files that values come from."""


@dataclass(frozen=True)
class MeasuredValue:
    """A value as printed, its columns in the CSV file, and the model that an estimate is of."""

    cell: Cell
    columns: Mapping[str, Any]
    model: str | None = None


@dataclass(frozen=True)
class ValueReader:
    """Reads values from the tables of a run, and adds the footnotes that they need.

    Attributes:
        paths: The files of TABLE_NAMES.
        models: All models of the configuration, by id.
        footnotes: The footnotes of the printed table.
    """

    paths: Mapping[str, str]
    models: Mapping[str, Mapping[str, Any]]
    footnotes: Footnotes
    data: ClaimData = field(init=False)
    sourced: Mapping[str, pd.DataFrame] = field(init=False)
    """The tables of statistics with the column `source`."""

    def __post_init__(self) -> None:
        data = ClaimData.read({name: self.paths[name] for name in TABLE_NAMES})
        pairs = CELL_KEYS, ("baseline_dataset", "baseline_model", "baseline_prompts")
        sourced = {
            "estimates": add_sources(data.estimates, self.paths["estimates"]),
            "comparisons": add_sources(data.comparisons, self.paths["comparisons"], pairs),
        }
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "sourced", sourced)

    def read(self, quantity: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        """Return the value of a model, or a cell whose footnote says why there is none.

        Args:
            quantity: An entry of `measured` of a row in config/paper/tables.yaml.
            value: Its entry for the model, with the ids of the run.
        """
        readers: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], MeasuredValue]] = {
            "none": lambda _, value: self._explain(value["none"], ABSENT),
            "fact": self._read_fact,
            "probe": self._read_probe,
            "modules": self._count_parameters,
            "path": self._read_constant,
            "against": self._read_difference,
            "prompts": self._read_estimate,
        }
        return next(read(quantity, value) for key, read in readers.items() if key in value)

    def _explain(self, reason: str, text: str = NOT_MEASURED, **columns: Any) -> MeasuredValue:
        return MeasuredValue(Cell(text, footnote=self.footnotes.add(reason)), {"note": reason, **columns})

    def _read_fact(self, _: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        note = f"as {value['source']} says, which was not measured"
        return MeasuredValue(
            Cell(value["fact"], footnote=self.footnotes.add(note)), {"text": value["fact"], "note": note}
        )

    def _read_probe(self, quantity: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        probes = self.data.probes
        rows = probes[(probes["probe"] == value["probe"]) & (probes["quantity"] == value["quantity"])]
        if rows.empty:
            return self._explain(f"the probe {value['probe']} does not measure {value['quantity']}")
        row: Any = next(iterate_rows(rows))
        columns = {"value": row.value, "unit": row.unit, "note": row.evidence, "source": self.paths["probes"]}
        number = format_number(row.value)
        # The name of the quantity can have the unit: "arguments for places".
        return MeasuredValue(Cell(number if row.unit in quantity["quantity"] else f"{number} {row.unit}"), columns)

    def _count_parameters(self, _: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        items = self.data.get_items(value["published"])
        if missing := [path for path in value["modules"] if path not in items]:
            return self._explain(f"the inventory has no {missing[0]} in {value['published']}")
        count = sum(int(items[path].n_total) for path in value["modules"])
        text = f"{count / MILLION:.1f} M" if count >= MILLION else f"{count:,}"
        columns = {"model": value["published"], "value": count, "unit": "parameters"}
        return MeasuredValue(Cell(text), {**columns, "source": self.paths["inventory"]})

    def _read_constant(self, _: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        items = self.data.get_items(value["published"])
        if value["path"] not in items:
            return self._explain(f"the inventory has no {value['path']} in {value['published']}")
        text = str(get_value(items[value["path"]]))
        columns = {"model": value["published"], "text": text, "source": self.paths["inventory"]}
        return MeasuredValue(Cell(text), columns)

    def _read_estimate(self, quantity: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        metric, stratum = quantity["metric"], value.get("stratum", WHOLE_SET)
        keys = {**{key: value[key] for key in CELL_KEYS}, "metric": metric, "stratum": stratum}
        rows = self.sourced["estimates"]
        for column, wanted in keys.items():
            rows = rows[rows[column] == wanted]
            if rows.empty:
                return self._explain(self._explain_no_estimate(column, keys), **keys)
        row: Any = next(iterate_rows(rows))
        cell = format_estimate(row, metric, self.footnotes)
        shown = quantity.get("show", "value")
        if shown != "value" and pd.notna(row.value):
            count = row.n_images if shown == "images" else row.n_instances
            return MeasuredValue(
                Cell(f"{count:,}"), {**keys, "value": count, "unit": shown, "source": row.source}, value["model"]
            )
        numbers = ("value", "ci_low", "ci_high", "n_images", "n_instances", "note", "source")
        return MeasuredValue(cell, {**keys, **{name: getattr(row, name) for name in numbers}}, value["model"])

    def _explain_no_estimate(self, column: str, keys: Mapping[str, str]) -> str:
        cell = f"{labels.model_label(self.models, keys['model'])} with {keys['prompts']} on {keys['dataset']}"
        if column == "metric":
            return f"no experiment of this run measures {labels.metric_label(keys['metric'])} of {cell}"
        if column == "stratum":
            return f"this run has no stratum “{keys['stratum']}” of {cell}"
        return f"no experiment of this run has {cell}"

    def _read_difference(self, quantity: Mapping[str, Any], value: Mapping[str, Any]) -> MeasuredValue:
        model, metric, prompts = value["model"], quantity["metric"], (value["prompts"], value["against"])
        stratum = value.get("stratum", WHOLE_SET)
        table = self.sourced["comparisons"]
        same = (table["model"] == model) & (table["baseline_model"] == model) & (table["metric"] == metric)
        for column in ("dataset", "baseline_dataset"):
            same &= table[column] == value["dataset"]
        for column in ("stratum", "baseline_stratum"):
            same &= table[column] == stratum
        table = table[same]
        keys = {"dataset": value["dataset"], "model": model, "prompts": " − ".join(prompts), "metric": metric}
        keys["stratum"] = stratum
        for (first, second), sign in ((prompts, 1), (prompts[::-1], -1)):
            rows = table[(table["prompts"] == first) & (table["baseline_prompts"] == second)]
            if not rows.empty:
                return self._format_difference(next(iterate_rows(rows)), sign, keys)
        label = labels.model_label(self.models, model)
        return self._explain(
            f"this run does not compare {prompts[0]} with {prompts[1]} for {label} in {labels.metric_label(metric)} "
            f"on {value['dataset']}{'' if stratum == WHOLE_SET else f', {stratum}'}",
            **keys,
        )

    def _format_difference(self, row: Any, sign: int, keys: Mapping[str, str]) -> MeasuredValue:
        if pd.isna(row.difference):
            return self._explain(str(row.note), note_kind(row.note), **keys)
        difference = sign * row.difference
        low, high = sorted((sign * row.ci_low, sign * row.ci_high)) if pd.notna(row.ci_low) else (None, None)
        decimals = labels.metric_decimals(row.metric)
        interval = labels.NO_INTERVAL if low is None else f"{low:+.{decimals}f}, {high:+.{decimals}f}"
        mark = self.footnotes.add(row.warning) if row.warning else ""
        text = f"{difference:+.{decimals}f}{labels.lacks_labels_mark(row.lacks_labels, row.baseline_lacks_labels)}"
        numbers = {"value": difference, "ci_low": low, "ci_high": high, "source": row.source}
        return MeasuredValue(Cell(text, interval, mark), {**keys, **numbers}, keys["model"])
