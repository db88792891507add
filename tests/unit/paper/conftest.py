"""A small run on disk: pictures with discs, prompts, masks and estimates, as the earlier stages leave them."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from samgap.tables.statistics import COMPARISONS, ESTIMATES

ROOT = Path(__file__).parents[3]
SIZE = 96
COUNTS = {0: 4, 1: 1, 2: 0, 3: 2, 4: 3, 5: 2, 6: 6}  # image id -> discs in it; two of them tie

MODELS = {
    "sam2-demo": {"label": "SAM2 (demo)", "family": "sam2", "demo": True},
    "sam3-demo": {"label": "SAM3 (demo)", "family": "sam3", "demo": True},
    "sam2-large": {"label": "SAM2.1-L", "family": "sam2"},
    "sam3": {"label": "SAM3", "family": "sam3"},
    "filled-box": {"label": "box itself", "family": "shape"},
    "ellipse": {"label": "ellipse in box", "family": "shape"},
}
PUBLISHED = {"spatial": "sam2-large", "concept": "sam3"}
DEMO = {"spatial": "sam2-demo", "concept": "sam3-demo"}


def run_script(name, folder, inputs, params, wildcards, forms):
    """Run scripts/paper/<name>.py as Snakemake would; gives the outputs by name. A failed job raises SystemExit."""
    outputs = {form: str(folder / f"out.{'csv' if form == 'rows' else form}") for form in forms}
    snakemake = SimpleNamespace(
        input=InputFiles(fromdict=dict(inputs.items())),
        output=OutputFiles(fromdict=outputs),
        params=Params(fromdict=params),
        wildcards=Wildcards(fromdict=wildcards),
        log=Log(toclone=[str(folder / "log")]),
        rule="test",
    )
    runpy.run_path(str(ROOT / f"scripts/paper/{name}.py"), init_globals={"snakemake": snakemake})
    return {form: Path(path) for form, path in outputs.items()}


class Scene:
    """`folder` filled with a data set of seven pictures, box prompts, three phrases and two shards of masks a model."""

    def __init__(self, folder, skipped=None):
        self.folder, self.skipped = folder, skipped
        (folder / "images").mkdir(parents=True)
        rng = np.random.default_rng(0)
        ys, xs = np.mgrid[:SIZE, :SIZE]
        self.discs = {}
        for image_id, number in COUNTS.items():
            pixels = (np.array([60, 110, 45]) + rng.normal(0, 18, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)
            self.discs[image_id] = []
            for disc in range(number):
                cx, cy = 16 + 30 * (disc % 3), 20 + 40 * (disc // 3)
                mask = (xs - cx) ** 2 + (ys - cy) ** 2 <= 12**2
                pixels[mask] = [190, 40, 35] if disc % 2 else [150, 190, 70]
                self.discs[image_id].append(mask)
            Image.fromarray(pixels).save(folder / "images" / f"tree-{image_id}.png")
        self.images = folder / "images.parquet"
        rows = [
            {"image_id": i, "file": f"tree-{i}.png", "width": SIZE, "height": SIZE, "group": str(i)} for i in COUNTS
        ]
        IMAGES.write(self.images, rows)
        self.boxes = self.prompts("box", [self.box(i, k) for i, n in COUNTS.items() for k in range(n)])
        self.concepts = self.prompts(
            "concepts",
            [
                self.phrase(i, name, truth)
                for i, n in COUNTS.items()
                for name, truth in (("apple", [10 * i + k for k in range(n)]), ("pear", []), ("ripe apple", None))
            ],
        )
        spatial = [self.mask(f"{i}-{k}", i, 0, 0.3, self.discs[i][k]) for i, n in COUNTS.items() for k in range(n)]
        self.spatial_masks = self.masks("spatial", spatial)
        found = []
        for i in COUNTS:
            for k, mask in enumerate(self.discs[i]):
                found.append(self.mask(f"{i}-apple", i, k, 0.9 - 0.1 * k, np.roll(mask, 3, axis=1)))
            found.append(self.mask(f"{i}-pear", i, 0, 0.99, np.ones((SIZE, SIZE), bool)))
        self.concept_masks = self.masks("concept", found)

    def prompts(self, name, rows):
        path = self.folder / f"prompts={name}" / "prompts.parquet"
        blank = {"phrase": None, "points": None, "boxes": None, "mask": None}
        PROMPTS.write(path, [{**blank, **row} for row in rows])
        return path

    def box(self, image_id, disc):
        ys, xs = np.nonzero(self.discs[image_id][disc])
        corners = {"x0": xs.min(), "y0": ys.min(), "x1": xs.max() + 1, "y1": ys.max() + 1}
        box = {**{key: float(value) for key, value in corners.items()}, "label": 1}
        row = {"prompt_id": f"{image_id}-{disc}", "image_id": image_id, "kind": "box"}
        return {**row, "boxes": [box], "truth_ids": [10 * image_id + disc]}

    @staticmethod
    def phrase(image_id, phrase, truth):
        row = {"prompt_id": f"{image_id}-{phrase.replace(' ', '-')}", "image_id": image_id, "kind": "phrase"}
        return {**row, "phrase": phrase, "truth_ids": truth}

    @staticmethod
    def mask(prompt_id, image_id, prediction_id, score, mask):
        rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        row = {"prompt_id": prompt_id, "prediction_id": prediction_id, "image_id": image_id, "score": score}
        box = {"x0": 0.0, "y0": 0.0, "x1": float(SIZE), "y1": float(SIZE), "height": SIZE, "width": SIZE}
        return {**row, **box, "area_px": int(mask.sum()), "rle": rle["counts"]}

    def masks(self, name, rows):
        paths = []
        for shard in range(2):
            path = self.folder / name / f"shard={shard:03d}" / "masks.parquet"
            kept = [] if self.skipped else [row for row in rows if list(COUNTS).index(row["image_id"]) % 2 == shard]
            MASKS.write(path, kept, {"skipped": self.skipped} if self.skipped else {})
            paths.append(str(path))
        return paths

    def draw(self, out, phrase="apple", images=3, models=DEMO):
        """The figure prompt-or-concept of this run."""
        inputs = {
            "images": str(self.folder / "images"),
            "image_table": str(self.images),
            "spatial_prompts": str(self.boxes),
            "concept_prompts": str(self.concepts),
            "spatial_masks": self.spatial_masks,
            "concept_masks": self.concept_masks,
        }
        entry = {
            "dataset": "discs",
            "spatial": {"model": models["spatial"], "prompts": "box"},
            "concept": {"model": models["concept"], "prompts": "concepts", "phrase": phrase},
            "images": images,
        }
        params = {"entry": entry, "models": MODELS, "score_threshold": 0.5}
        out.mkdir(parents=True, exist_ok=True)
        wildcards = {"figure": "prompt-or-concept", "run": "test"}
        return run_script("figures/prompt-or-concept", out, inputs, params, wildcards, ["pdf", "svg", "png", "rows"])


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    return Scene(tmp_path_factory.mktemp("scene"))


def estimate(
    experiment, model, prompts, metric, value, stratum="all", note=None, images=60, instances=312, warning=None
):
    low, high = (None, None) if value is None else (value - 0.03, value + 0.02)
    return {
        **{"experiment": experiment, "dataset": "orchard-sim-test", "model": model, "prompts": prompts},
        **{"metric": metric, "stratum": stratum, "value": value, "ci_low": low, "ci_high": high},
        **{"n_images": images, "n_instances": instances, "clusters": "image", "n_clusters": images},
        **{"warning": warning, "note": note},
    }


EXPERIMENTS = {
    "spatial-prompts": {"title": "Spatial prompts & boxes", "metrics": ["iou", "boundary-f-2px", "recall"]},
    "box-baselines": {"title": "What the box gives away", "metrics": ["iou", "boundary-f-2px", "recall"]},
    "concept-prompts": {"title": "Noun phrases", "metrics": ["iou", "boundary-f-2px", "recall", "pmf1", "il-mcc"]},
}
SKIPPED = "skipped: weights not available (facebook/sam3 is gated: ask for access)"
NOT_EVALUABLE = "not evaluable: no attribute labels in this data set"


def estimates(names=DEMO, skip_concept=False):
    """A table `estimates`: SAM2 with three prompts, two baselines, SAM3 with phrases (or skipped), and strata."""
    rows, value = [], iter(np.linspace(0.91234567890123, 0.2, 40).tolist())
    for prompts in ("box", "point", "point-box"):
        for metric in EXPERIMENTS["spatial-prompts"]["metrics"]:
            rows.append(estimate("spatial-prompts", names["spatial"], prompts, metric, next(value)))
    for model in ("filled-box", "ellipse"):
        for metric in EXPERIMENTS["box-baselines"]["metrics"]:
            rows.append(estimate("box-baselines", model, "box", metric, next(value)))
    for metric in EXPERIMENTS["concept-prompts"]["metrics"]:
        given, why = (None, SKIPPED) if skip_concept else (next(value), None)
        if metric == "il-mcc" and not skip_concept:
            given, why = None, NOT_EVALUABLE
        images = 55 if metric == "pmf1" else 60
        rows.append(estimate("concept-prompts", names["concept"], "concepts", metric, given, note=why, images=images))
    for phrase in ("apple", "50%_ripe|apple"):
        given, why = (None, SKIPPED) if skip_concept else (next(value), None)
        stratum = f"phrase={phrase}"
        rows.append(estimate("concept-prompts", names["concept"], "concepts", "pmf1", given, stratum, why))
    return pd.DataFrame(rows)


@pytest.fixture
def estimates_path(tmp_path):
    """Writes an estimates.parquet and gives its path."""

    def write(frame):
        path = tmp_path / "estimates.parquet"
        ESTIMATES.write(path, frame)
        return path

    return write


def draw_estimates(path, out, metrics=("iou", "boundary-f-2px", "pmf1", "il-mcc")):
    entry = {"experiments": list(EXPERIMENTS), "metrics": list(metrics)}
    params = {"entry": entry, "models": MODELS}
    out.mkdir(parents=True, exist_ok=True)
    wildcards = {"figure": "estimates", "run": "test"}
    forms = ["pdf", "svg", "png", "rows"]
    return run_script("figures/estimates", out, {"estimates": str(path)}, params, wildcards, forms)


FAMILIES = {"skill": {"title": "Network & box"}, "same": {"title": "Point or box"}}
WARNING = "drawn by image, as the data set has only 4 groups (fewer than 10)"


def comparison(family, model, metric, value, p=0.004, **changed):
    """A row of table `comparisons` with the filled box as the baseline."""
    known = {"value": value, "baseline_value": 0.7, "difference": value - 0.7, "ci_low": value - 0.75}
    known |= {"ci_high": value - 0.65, "p_value": p, "p_holm": min(2 * p, 1), "p_bonferroni": min(2 * p, 1)}
    known |= {"p_t_test": p / 2, "effect_size": 1.25, "effect_low": 0.9, "effect_high": 1.6}
    known |= {"minimum_detectable": 0.0123, "n_tests": 2, "warning": None, "note": None}
    cell = {"comparison": family, "dataset": "orchard-sim-test", "model": model, "prompts": "box"}
    cell |= {"baseline_model": "filled-box", "baseline_prompts": "box", "metric": metric, "stratum": "all"}
    counts = {"clusters": "image", "n_clusters": 60, "n_instances": 312, "baseline_n_instances": 312}
    return cell | counts | known | changed


def comparisons(model="sam2-demo"):
    """A table `comparisons`: differences, one of them warned of; one without spread; one skipped."""
    blank = ("baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni")
    tests = ("p_t_test", "effect_size", "effect_low", "effect_high", "minimum_detectable")
    return pd.DataFrame(
        [
            comparison("skill", model, "iou", 0.91234567890123),
            comparison("skill", "ellipse", "dice", 0.81, p=0.0001, warning=WARNING),
            comparison("same", model, "iou", 0.7, p=1.0, **dict.fromkeys(tests)),
            {**comparison("same", "sam3", "iou", 0.7), "n_tests": 0, "note": SKIPPED, **dict.fromkeys(blank + tests)},
        ]
    )


def make_comparisons(frame, out, declared=FAMILIES):
    """The table comparisons of `frame`, with the pairs that its provenance names."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "comparisons.parquet"
    cells = [f"dataset=orchard-sim-test/model={model}/prompts=box" for model in ("sam2-demo", "ellipse", "filled-box")]
    inputs = {f"results/test/matching/{cell}/shard=000/pairs.parquet": "0" * 64 for cell in cells}
    COMPARISONS.write(path, frame, {"inputs": {**inputs, "resources/datasets/d/images.parquet": "1" * 64}})
    entry = {"title": "Paired & compared", "number": "Table 2"}
    params = {"entry": entry, "models": MODELS, "experiments": EXPERIMENTS, "comparisons": declared}
    wildcards = {"table": "comparisons", "run": "test"}
    forms = ["csv", "md", "tex", "html"]
    return run_script("tables/comparisons", out, {"comparisons": str(path)}, params, wildcards, forms)


def make_table(path, out, experiments=tuple(EXPERIMENTS)):
    entry = {"title": "Results & more", "number": "Table 1", "experiments": list(experiments)}
    params = {"entry": entry, "models": MODELS, "experiments": EXPERIMENTS}
    out.mkdir(parents=True, exist_ok=True)
    wildcards = {"table": "results", "run": "test"}
    return run_script("tables/results", out, {"estimates": str(path)}, params, wildcards, ["csv", "md", "tex", "html"])


@pytest.fixture(scope="session")
def paper():
    """What the tests of this folder call, by name."""
    return SimpleNamespace(**{name: value for name, value in globals().items() if not name.startswith("_")})
