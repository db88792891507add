"""Metrics of what masks cover, of the values that phrases predict, and of phrases with the same meaning."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.recomputation.cases import Case
from benchmarks.recomputation.counting import average, compute_pmf1, divide
from benchmarks.recomputation.sample import Sample, match_nouns

Value = Callable[[Sample], float]


def cover(case: Case, score: float) -> tuple[int, int]:
    """Return the pixels of the intersection and of the union of all masks and all instances."""
    masks, truth = case.merge(case.count(score).masks), case.merge(case.truth)
    return int((masks & truth).sum()), int((masks | truth).sum())


def compute_coverage(cases: list[Case], score: float) -> float:
    """Return Σ intersection / Σ union."""
    common, union = np.sum([cover(case, score) for case in cases], axis=0) if cases else (0, 0)
    return divide(float(common), float(union))


def measure_off_concept(sample: Sample) -> float:
    """Return the mean share of a mask outside the prompted instances."""
    shares = [share for case in sample.phrases for share in case.count(sample.official).shares_on_truth]
    return 1 - average(shares)


def measure_leakage(sample: Sample) -> float:
    """Return the mean share on annotated instances of the masks of things without labels."""
    cases = [case for case in sample.cases if case.prompt.kind == "other" and not case.prompt.lost_labels]
    return average([share for case in cases for share in case.count(sample.official).shares_on_labels])


def list_instructions(sample: Sample) -> list[tuple[int, int]]:
    """Return intersection and union of each instruction."""
    return [cover(case, sample.official) for case in sample.known if isinstance(case.prompt.level, str)]


def list_instruction_ious(sample: Sample) -> list[float]:
    """Return the IoU of each instruction; 1 of two empty unions."""
    return [common / union if union else 1.0 for common, union in list_instructions(sample)]


def compute_instructions_ciou(sample: Sample) -> float:
    """Return Σ intersection / Σ union of instructions."""
    pairs = list_instructions(sample)
    return divide(sum(common for common, _ in pairs), sum(union for _, union in pairs))


def count_assigned(sample: Sample) -> tuple[float, float, int]:
    """Return the instances with the right value, with any value, and all, of phrases with one attribute."""
    right = assigned = 0.0
    n_instances = 0
    for case in sample.phrases:
        if case.prompt.prompt_id in sample.assigned_values:
            counts = sample.assigned_values[case.prompt.prompt_id]
            ((_, value),) = dict(case.prompt.attributes).items()
            right += counts.get(value, 0)
            assigned += len(case.truth) - counts.get("", 0)
            n_instances += len(case.truth)
    return right, assigned, n_instances


def decide(sample: Sample, n_attributes: int) -> float:
    """Return the share of the instances of the nouns that are rightly matched or rightly left out."""
    n_right = n_all = 0
    for case in sample.phrases:
        n_named = 0 if case.prompt.attributes is None else len(case.prompt.attributes)
        if case.prompt.nouns is not None and n_named == n_attributes:
            matched, targets = match_nouns(case, sample.official), {item.id for item in case.truth}
            named = [item for item in case.image.instances if item.noun in case.prompt.nouns and not item.is_ignored]
            n_all += len(named)
            n_right += sum((item.id in matched) == (item.id in targets) for item in named)
    return divide(n_right, n_all)


def group_paraphrases(sample: Sample) -> dict[str, dict[str, list[Case]]]:
    """Return concept -> phrase -> cases, of concepts with two phrases or more."""
    concepts: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in sample.cases:
        if isinstance(case.prompt.concept, str):
            concepts[case.prompt.concept][case.prompt.phrase].append(case)
    return {concept: phrases for concept, phrases in concepts.items() if len(phrases) > 1}


def summarize_paraphrases(sample: Sample, summarize: Callable[[list[float]], float]) -> float:
    """Return the mean over concepts of a summary of the pmF1 of their phrases."""
    values = []
    for phrases in group_paraphrases(sample).values():
        scores = [
            compute_pmf1([case for case in cases if case.is_phrase], sample.official) for cases in phrases.values()
        ]
        scores = [score for score in scores if not np.isnan(score)]
        if len(scores) > 1:
            values.append(float(summarize(scores)))
    return average(values)


def measure_agreement(sample: Sample) -> float:
    """Return the mean IoU of the unions of two phrases of a concept."""
    concepts = group_paraphrases(sample).values()
    cases = [case for phrases in concepts for group in phrases.values() for case in group if case.is_phrase]
    return average([iou for case in cases for iou in sample.agreements.get(case.prompt.prompt_id, [])])


AGREEMENT_VALUES: dict[str, Value] = {
    "coverage": lambda sample: compute_coverage(sample.phrases, sample.official),
    "grounding-error-off-concept": measure_off_concept,
    "leakage": measure_leakage,
    "instructions-giou": lambda sample: average(list_instruction_ious(sample)),
    "instructions-ciou": compute_instructions_ciou,
    "instructions-p50": lambda sample: average([iou > 0.5 for iou in list_instruction_ious(sample)]),
    "attribute-accuracy": lambda sample: divide(*count_assigned(sample)[:2]),
    "attribute-accuracy-strict": lambda sample: divide(*count_assigned(sample)[::2]),
    "attribute-accuracy-found": lambda sample: divide(*count_assigned(sample)[1:]),
    **{f"compositional-accuracy-{number}": partial(decide, n_attributes=number) for number in range(5)},
    "prompt-sensitivity-mean": partial(summarize_paraphrases, summarize=np.mean),
    "prompt-sensitivity-worst": partial(summarize_paraphrases, summarize=np.min),
    "prompt-sensitivity-sd": partial(summarize_paraphrases, summarize=np.std),
    "prompt-sensitivity-agreement": measure_agreement,
}
