"""Average precision of the demo's SAM3 over the lowest score that is stored: docs/reference/statistics.md.

    PYTHONPATH=src python -m benchmarks.lowest_score [--scenes 10]

Predicts masks of any score for the demo's phrases on scenes of its validation data set, and prints AP by pycocotools
of those above each score, as Markdown. Takes a minute on a core.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import yaml
from PIL import Image as PillowImage

from benchmarks.recomputation.cases import Case
from benchmarks.recomputation.raw import Mask, Prediction, read_truth
from benchmarks.recomputation.sample import evaluate_coco, make_case
from samgap.annotations.ground_truth import read_ground_truth
from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset
from samgap.models.runtime import device
from samgap.models.sam3 import image as sam3
from samgap.prompts.language import make_phrase_rows

DEMO = Path(__file__).parents[1] / "config" / "demo"
OPTIONS = {"size": 512, "seed": 6, "density": ["sparse", "medium"]}
"""Those of the data set `orchard-sim-calibration`."""
LOWEST_SCORES = (0.0, 0.01, 0.02, 0.05, 0.1)


def main() -> None:
    """Predict and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=10)
    options = {**OPTIONS, "scenes": parser.parse_args().scenes}
    device.init_torch(1, tf32=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "resources" / "datasets" / "scenes"
        folder.mkdir(parents=True)
        paths = [folder / file for file in ("images", "instances.json", "images.parquet")]
        write_dataset(
            orchard_sim.iter_images(options, {}, options["seed"]),
            orchard_sim.describe_labels(options),
            *paths,
            dataset="scenes",
        )
        cases = list(iter_cases(Path(name)))
    print(f"{len(cases)} image-phrase pairs.\n\n| lowest score | masks | AP | AP at IoU 0.5 |\n|---|---|---|---|")
    for lowest in LOWEST_SCORES:
        kept = [replace(case, predictions=[each for each in case.predictions if each.score > lowest]) for case in cases]
        precisions = evaluate_coco(kept, "segm")[:, :, :, 0, 1]
        values = [part[part > -1].mean() for part in (precisions, precisions[0])]
        n_masks = sum(len(case.predictions) for case in kept)
        print(f"| {lowest:g} | {n_masks:,} | {values[0]:.4f} | {values[1]:.4f} |")


def iter_cases(root: Path) -> Iterator[Case]:
    """Yield each evaluable phrase of each image with all masks of the model."""
    sam3.MIN_SCORE = 0.0
    architecture = yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text(encoding="utf-8"))
    model = sam3.open_model({"architecture": architecture, "nms": 0.5}, DEMO / "sam3-demo.pt", "cpu")
    phrases = yaml.safe_load((DEMO / "concepts.yaml").read_text(encoding="utf-8"))
    folder = root / "resources" / "datasets" / "scenes"
    rows = list(make_phrase_rows(read_ground_truth(folder / "instances.json"), phrases))
    for image in read_truth(root, "scenes").values():
        model.set_image(PillowImage.open(folder / "images" / image.file_name).convert("RGB"))
        prompts = [row for row in rows if row["image_id"] == image.id and row["truth_ids"] is not None]
        for prompt, predictions in zip(prompts, model.predict(prompts), strict=True):
            masks = [
                Prediction(number, float(each.score), None, Mask(each.rle, image.size, each.area), each.box)
                for number, each in enumerate(predictions)
            ]
            named = SimpleNamespace(**prompt, prompt_id=f"{image.id} {prompt['phrase']}")
            yield make_case(named, masks, image, 0.1)


if __name__ == "__main__":
    main()
