"""Kinds of failures of noun phrases, and the worst cases of each.

A case is a row of table `instances` that is missed or a false positive, or a matched one with leakage, of an evaluable
phrase. The kinds exclude each other; the first that applies counts.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from samgap.metrics.row_masks import is_evaluable_phrase
from samgap.paper.cell_tables import CELL
from samgap.paper.csv import iterate_rows

KINDS: Mapping[str, str] = {
    "missed": "no mask with IoU ≥ 0.5; largest object first",
    "merged": "one mask over half or more of each of several objects; most objects first",
    "wrong attribute": "a mask with IoU ≥ 0.5 on an object of the noun that has another attribute; highest score first",
    "leakage": "a quarter or more of the mask on labelled objects that the phrase does not name; largest share first",
    "false positive": "any other mask without an object of the phrase at IoU ≥ 0.5; highest score first",
}
"""Kind -> what it is, and which case is the worst."""
LEAK_SHARE = 0.25
COVERED_SHARE = 0.5

PREDICTION = [*CELL, "prompt_id", "prediction_id"]


def find_cases(
    pairs: pd.DataFrame, instances: pd.DataFrame, overlaps: pd.DataFrame, nouns: Mapping[int, str]
) -> pd.DataFrame:
    """Return all failures with their kind, `severity` (higher is worse) and `others`, the objects a mask is on.

    Args:
        pairs: Table `pairs` with the columns of CELL.
        instances: Table `instances` likewise.
        overlaps: Table `overlaps` likewise.
        nouns: Noun of each labelled object, by its id.

    Returns:
        Rows of `instances` with the columns phrase, kind, severity, n_covered, leak, others.
    """
    phrases = pairs[is_evaluable_phrase(pairs)]
    keys = [*CELL, "prompt_id"]
    phrases = phrases[[*keys, "phrase", "nouns", "attributes"]].rename(columns={"attributes": "asked"})
    # A column with nulls alone has no numeric type.
    rows = instances.astype({"prediction_id": float, "score": float}).merge(phrases, on=keys)
    rows = rows.merge(describe_masks(overlaps), on=PREDICTION, how="left")
    is_false, is_matched = rows["outcome"] == "false", rows["outcome"] == "matched"
    n_covered, leak = rows["n_covered"].fillna(0), rows["leak"].fillna(0.0)
    is_wrong_attribute = [
        asked is not None
        and len(asked) > 0
        and isinstance(ids, list)
        and any(nouns.get(id) in asked_nouns for id in ids)
        for asked, asked_nouns, ids in zip(rows["asked"], rows["nouns"], rows["on_other"], strict=True)
    ]
    conditions = {
        "missed": rows["outcome"] == "missed",
        "merged": (is_false | is_matched) & (n_covered >= 2),
        "wrong attribute": is_false & np.array(is_wrong_attribute, bool),
        "leakage": (is_false | is_matched) & (leak >= LEAK_SHARE),
        "false positive": is_false,
    }
    score = rows["score"].fillna(0.0)
    severities = {
        "missed": rows["truth_area_px"],
        "merged": n_covered + score / 10,
        "wrong attribute": score,
        "leakage": leak,
        "false positive": score,
    }
    kind = pd.Series(np.select(list(conditions.values()), list(conditions), default=""), rows.index)
    severity = pd.Series(np.nan, rows.index)
    for name in KINDS:
        severity = severity.where(kind != name, severities[name].astype(float))
    return rows.assign(kind=kind, severity=severity)[kind != ""].reset_index(drop=True)


def describe_masks(overlaps: pd.DataFrame) -> pd.DataFrame:
    """Return for each mask how many of its phrase's objects it covers, and on which other objects it is.

    Returns:
        The columns of PREDICTION, n_covered (objects of which at least half is covered), leak (share of the mask on
        labelled objects that the phrase does not name), on_other (ids of those with IoU ≥ 0.5), others (ids of
        those on which 5 % of the mask are, and of the phrase's objects that it touches).
    """
    rows = overlaps[~overlaps["ignore"].astype(bool) & (overlaps["intersection_px"] > 0)]
    mask_area = rows["intersection_px"] / rows["ioa"]
    truth_area = rows["intersection_px"] / rows["iou"] - mask_area + rows["intersection_px"]
    is_target = rows["target"].astype(bool)
    rows = rows.assign(
        n_covered=(is_target & (rows["intersection_px"] / truth_area >= COVERED_SHARE)).astype(int),
        leak=rows["ioa"].where(~is_target, 0.0),
        on_other=rows["truth_id"].where(~is_target & (rows["iou"] >= COVERED_SHARE)),
        others=rows["truth_id"].where((~is_target & (rows["ioa"] >= 0.05)) | (is_target & (rows["ioa"] > 0))),
    )
    groups = rows.groupby(PREDICTION, sort=False)
    return groups.agg(
        n_covered=("n_covered", "sum"),
        leak=("leak", "sum"),
        on_other=("on_other", _list_ids),
        others=("others", _list_ids),
    ).reset_index()


def _list_ids(ids: pd.Series) -> list[int]:
    return [int(each) for each in ids.dropna()]


def select_worst(cases: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return the `count` worst cases of each kind, worst first; an object or a region of an image is there once.

    Cases of equal severity are in the order of image, prompt and prediction.
    """
    ranked = cases.sort_values(
        ["severity", "image_id", "prompt_id", "prediction_id"], ascending=[False, True, True, True], kind="stable"
    )
    chosen = [_drop_repetitions(ranked[ranked["kind"] == kind]).head(count) for kind in KINDS]
    return pd.concat(chosen, ignore_index=True)


def _drop_repetitions(cases: pd.DataFrame) -> pd.DataFrame:
    """Drop cases on an object of which a worse case is there, so that the cases of one object are drawn once."""
    seen: set[tuple[str, int, int]] = set()
    kept = []
    for row in iterate_rows(cases):
        ids = [] if row.truth_id is None or pd.isna(row.truth_id) else [int(row.truth_id)]
        ids += row.others if isinstance(row.others, list) else []
        keys = {(row.model, row.image_id, id) for id in ids}
        if not keys & seen:
            kept.append(row.Index)
        seen |= keys
    return cases.loc[kept]
