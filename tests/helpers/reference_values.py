"""A reference implementation of all metrics but those of rankings and sequences, on decoded masks with plain loops."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torchmetrics.functional.classification import binary_calibration_error, binary_matthews_corrcoef

from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers import reference
from tests.helpers.reference import iou

QUALITY_WEIGHTS = {"iou": 0.5, "boundary_f_2px": 0.3, "dice": 0.2}


class ReferenceValues:
    """The values of the metrics of a shard at the official score threshold, by metric id."""

    def __init__(self, shard):
        self.shard = shard
        self.results = list(shard.iter_results("phrase", "clicks"))
        self.phrases = [result for result in self.results if result.prompt.kind == "phrase"]
        self.values = {}
        for compute in (self.measures, self.counts, self.boxes, self.presence, self.unions, self.concepts):
            self.values |= compute()
        for compute in (self.attributes, self.clicks, self.upstream, self.paraphrases):
            self.values |= compute()

    def measures(self):
        """Compute means over all instances, with 0 for unassigned ones, and over the matched instances."""
        by_measure, n_instances, size = defaultdict(list), 0, np.array([380, 300, 380, 300])
        for result in self.results:
            n_instances += len(result.instances)
            for row, column, value in result.match_one_to_one():
                mask, truth, instance = result.masks[row], result.truth_masks[column], result.instances[column]
                measures = {"iou": value, "dice": 2 * (mask & truth).sum() / (mask.sum() + truth.sum())}
                measures |= reference.compute_boundary_measures(mask, truth)
                measures["area_error"] = abs(int(mask.sum()) - int(truth.sum())) / truth.sum()
                measures["box_iou"] = result.box_ious[row, column]
                if result.prompt.kind == "phrase":
                    measures["box_error"] = (np.abs(result.boxes[row] - instance.box) / size).sum()
                for name, measure in measures.items():
                    by_measure[name].append(measure)
        values = {}
        for name, column in by_measure.items():
            values[name.replace("_", "-")] = sum(column) / n_instances
            values[f"answered-{name.replace('_', '-')}"] = np.mean(column)
        errors = {"hausdorff-95": "hausdorff_95_px", "area-error": "area_error", "grounding-error-box": "box_error"}
        values |= {metric: np.mean(by_measure[name]) for metric, name in errors.items()}
        for threshold in (50, 75, 90, 95):
            values[f"success-{threshold}"] = (np.array(by_measure["iou"]) >= threshold / 100).sum() / n_instances
        quality = sum(weight * sum(by_measure[name]) for name, weight in QUALITY_WEIGHTS.items())
        return values | {"quality": quality / n_instances}

    def counts(self):
        values = {}
        for threshold in IOU_THRESHOLDS:
            ratios = compute_ratios([count(result, threshold) for result in self.results])
            if threshold == 0.5:
                values |= {"precision": ratios["precision"], "recall": ratios["recall"], "f1-50": ratios["f1"]}
            else:
                values |= {f"{name}-iou-{round(100 * threshold)}": value for name, value in ratios.items()}
        near = compute_ratios([self.count_near_labels(result) for result in self.results])
        values |= {"precision-near-labels": near["precision"], "f1-50-near-labels": near["f1"]}
        return values | {"concept-recall": compute_ratios([count(result) for result in self.phrases])["recall"]}

    def count_near_labels(self, result):
        """Return the counts without the masks of phrases farther than 0.1 image heights from each labelled instance."""
        n_correct, n_predicted, n_truth = count(result)
        if result.prompt.kind == "phrase":
            instances = self.shard.truth.instances_of(result.prompt.image_id)
            labelled = _union([item.decode_mask() for item in instances if item.noun in result.prompt.nouns])
            distance_px = distance_transform_edt(~labelled) if labelled.any() else np.full(labelled.shape, np.inf)
            n_predicted = sum(distance_px[mask].min() <= 0.1 * labelled.shape[0] for mask in result.masks)
        return n_correct, n_predicted, n_truth

    def boxes(self):
        ratios = compute_ratios([count(result, ious=result.box_ious) for result in self.results])
        return {"box-precision": ratios["precision"], "box-recall": ratios["recall"], "box-f1-50": ratios["f1"]}

    def presence(self):
        is_present = np.array([len(result.instances) > 0 for result in self.phrases])
        is_predicted = np.array([len(result.masks) > 0 for result in self.phrases])
        count_errors = np.array([len(result.masks) - len(result.instances) for result in self.phrases])
        n_instances = sum(len(result.instances) for result in self.phrases)
        return {
            "presence-accuracy": (is_predicted == is_present).mean(),
            "false-alarms": is_predicted[~is_present].mean(),
            "false-alarms-masks": count_errors[~is_present].mean(),
            "il-mcc": float(binary_matthews_corrcoef(torch.tensor(is_predicted), torch.tensor(is_present))),
            "count-error": np.abs(count_errors).mean(),
            "count-error-bias": count_errors.mean(),
            "count-error-relative": np.abs(count_errors).sum() / n_instances,
            "prompts-per-image": self.prompts_per_image(),
            "calibration": self.calibration(),
        }

    def prompts_per_image(self):
        results = list(self.shard.iter_results("phrase", "clicks", "other"))
        n_prompts = sum(
            len(self.shard.rows_by_prompt[result.prompt.prompt_id]) if result.prompt.kind == "clicks" else 1
            for result in results
        )
        return n_prompts / len({result.prompt.image_id for result in results})

    def calibration(self):
        scores, is_correct = [], []
        for result in self.shard.iter_results("phrase", min_score=0.0):
            matched = _match_greedily(result)
            scores += result.scores.tolist()
            is_correct += [row in matched for row in range(len(result.masks))]
        return float(
            binary_calibration_error(
                torch.tensor(scores, dtype=torch.float64), torch.tensor(is_correct).int(), n_bins=10
            )
        )

    def unions(self):
        intersection_px, union_px, by_instruction, off_concept, leakage = 0, 0, [], [], []
        for result in self.phrases:
            predicted, truth = _union(result.masks), _union(result.truth_masks)
            pixels = (predicted & truth).sum(), (predicted | truth).sum()
            if result.prompt.level is not None:
                by_instruction.append((iou(predicted, truth), *pixels))
            intersection_px, union_px = intersection_px + pixels[0], union_px + pixels[1]
            off_concept += [(mask & ~truth).sum() / mask.sum() for mask in result.masks]
        for result in self.shard.iter_results("other"):
            annotated = _union([item.decode_mask() for item in self.shard.truth.instances_of(result.prompt.image_id)])
            leakage += [(mask & annotated).sum() / mask.sum() for mask in result.masks]
        ious, intersections_px, unions_px = np.array(by_instruction).T
        return {
            "coverage": intersection_px / union_px,
            "grounding-error-off-concept": np.mean(off_concept),
            "leakage": np.mean(leakage),
            "instructions-giou": ious.mean(),
            "instructions-ciou": intersections_px.sum() / unions_px.sum(),
            "instructions-p50": (ious > 0.5).mean(),
        }

    def concepts(self):
        pmf1 = compute_pmf1(self.phrases)
        f1 = {
            is_seen: compute_ratios([count(result) for result in self.phrases if result.prompt.seen is is_seen])["f1"]
            for is_seen in (True, False)
        }
        return {
            "pmf1": pmf1,
            "cgf1": 100 * pmf1 * self.values["il-mcc"],
            "open-vocabulary-f1-seen": f1[True],
            "open-vocabulary-f1-unseen": f1[False],
            "open-vocabulary-f1-gap": f1[True] - f1[False],
        }

    def attributes(self):
        is_correct, predicted_values, true_values = defaultdict(list), {}, []
        for result in self.phrases:
            attributes, targets = result.prompt.attributes, {instance.id for instance in result.instances}
            candidates = [
                instance
                for instance in self.shard.truth.instances_of(result.prompt.image_id)
                if instance.noun in result.prompt.nouns
            ]
            matches = self.shard.match_masks(result.masks, candidates)
            scores = {candidates[column].id: result.scores[row] for row, column, value in matches if value >= 0.5}
            is_correct[len(attributes)] += [
                (instance.id in scores) == (instance.id in targets) for instance in candidates
            ]
            if len(attributes) == 1:
                true_values += [(key, attributes[0][1]) for key in targets]
                for key, score in scores.items():
                    predicted_values[key] = max(predicted_values.get(key, (0.0, "")), (score, attributes[0][1]))
        n_correct = sum(predicted_values.get(key, (0, ""))[1] == value for key, value in true_values)
        n_predicted = sum(key in predicted_values for key, _ in true_values)
        values = {f"compositional-accuracy-{number}": np.mean(column) for number, column in is_correct.items()}
        values["attribute-accuracy"] = n_correct / n_predicted
        values["attribute-accuracy-strict"] = n_correct / len(true_values)
        return values | {"attribute-accuracy-found": n_predicted / len(true_values)}

    def clicks(self):
        series = []
        for result in self.shard.iter_results("clicks"):
            masks = [self.shard.decode_mask(row) for row in self.shard.rows_by_prompt[result.prompt.prompt_id]]
            series.append([iou(mask, result.truth_masks[0]) for mask in masks])
        values = {}
        for n_clicks in (1, 2, 3, 5, 10, 20):
            values[f"iou-after-clicks-{n_clicks}"] = np.mean([ious[:n_clicks][-1] for ious in series])
        for target in (80, 85, 90):
            first = [next((k + 1 for k, value in enumerate(ious) if value >= target / 100), None) for ious in series]
            values[f"noc-{target}"] = np.mean([20 if clicks is None else clicks for clicks in first])
            values[f"noc-{target}-failures"] = np.mean([clicks is None for clicks in first])
            means = [np.mean([ious[: k + 1][-1] for ious in series]) for k in range(20)]
            reached = [k + 1 for k, mean in enumerate(means) if mean >= target / 100]
            values[f"upstream-clicks-{target}"] = (reached or [20])[0]
        return values

    def upstream(self):
        index_paired = defaultdict(list)
        for result in self.results:
            for mask, truth in zip(result.masks, result.truth_masks, strict=False):
                index_paired["iou"].append(iou(mask, truth))
                index_paired["dice"].append(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
                index_paired["boundary_f_2px"].append(reference.boundary_f(mask, truth, 2))
        means = {name: np.mean(column) for name, column in index_paired.items()}
        values = {
            "upstream-iou": means["iou"],
            "upstream-dice": means["dice"],
            "upstream-boundary-f1": means["boundary_f_2px"],
            "upstream-quality": sum(weight * means[name] for name, weight in QUALITY_WEIGHTS.items()),
            "upstream-attribute-accuracy": 1.0,
            "upstream-grounding-accuracy": 1.0,
        }
        sizes = [(len(result.masks), len(result.instances)) for result in self.results]
        without_threshold = [(min(size), *size) for size in sizes]
        pooled_size = np.sum(sizes, axis=0)
        greedy = [(len(_match_greedily(result)), *count(result)[1:]) for result in self.phrases]
        for prefix, counts in (
            ("", without_threshold),
            ("pooled-", [(min(pooled_size), *pooled_size)]),
            ("greedy-", greedy),
        ):
            values |= {f"upstream-{prefix}{name}": value for name, value in compute_ratios(counts).items()}
        return values | self.upstream_recall()

    def upstream_recall(self):
        covered = [
            (int((result.ious >= 0.5).any(axis=0).sum()) if result.masks else 0, len(result.instances))
            for result in self.phrases
        ]
        unseen = [counts for counts, result in zip(covered, self.phrases, strict=True) if result.prompt.seen is False]
        unseen_recall = np.divide(*np.sum(unseen, axis=0))
        return {
            "upstream-concept-recall": np.divide(*np.sum(covered, axis=0)),
            "upstream-open-vocabulary-f1": 2 * unseen_recall / (1 + unseen_recall),
        }

    def paraphrases(self):
        concepts, unions = defaultdict(lambda: defaultdict(list)), defaultdict(list)
        for result in self.phrases:
            if result.prompt.concept is not None:
                concepts[result.prompt.concept][result.prompt.phrase].append(result)
                unions[result.prompt.image_id, result.prompt.concept].append(_union(result.masks))
        scores_by_concept = []
        for phrases in concepts.values():
            scores = [compute_pmf1(results) for results in phrases.values()]
            scores_by_concept.append([score for score in scores if not np.isnan(score)])
        summaries = {"mean": np.mean, "worst": np.min, "sd": np.std}
        values = {
            name: np.mean([summarize(scores) for scores in scores_by_concept if len(scores) > 1])
            for name, summarize in summaries.items()
        }
        values["agreement"] = np.mean([iou(*pair) for masks in unions.values() for pair in combinations(masks, 2)])
        return {f"prompt-sensitivity-{name}": value for name, value in values.items()}


def _union(masks):
    return np.logical_or.reduce([np.zeros((300, 380), bool), *masks])


def count(result, iou_threshold=0.5, ious=None):
    """Return the numbers of true positives, predictions and instances."""
    n_correct = sum(value >= iou_threshold for *_, value in result.match_one_to_one(ious))
    return n_correct, len(result.masks), len(result.instances)


def compute_ratios(counts):
    n_correct, n_predicted, n_truth = np.sum(counts, axis=0)
    return {
        "precision": n_correct / n_predicted,
        "recall": n_correct / n_truth,
        "f1": 2 * n_correct / (n_predicted + n_truth),
    }


def compute_pmf1(results):
    """Return the micro F1 of the present phrases, averaged over thresholds, without sam3's ε."""
    present = [result for result in results if result.instances]
    if not present:
        return np.nan
    by_threshold = [[count(result, threshold) for result in present] for threshold in IOU_THRESHOLDS]
    return np.mean([compute_ratios(counts)["f1"] for counts in by_threshold])


def _match_greedily(result):
    """Return the predictions that are matched, best score first, to an unmatched instance at an IoU of 0.5."""
    unmatched, matched = set(range(len(result.instances))), set()
    for row in np.argsort(-result.scores, kind="stable"):
        candidates = [column for column in unmatched if result.ious[row, column] >= 0.5]
        if candidates:
            unmatched.remove(max(candidates, key=lambda column: result.ious[row, column]))
            matched.add(int(row))
    return matched
