import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.io.files import write_json
from samgap.paper.figures import FigureRequest
from samgap.paper.figures.failure_gallery import crop_square
from samgap.tables.matching import INSTANCES, OVERLAPS, PAIRS
from samgap.tables.predictions import MASKS
from samgap.tables.statistics import ESTIMATES
from tests.helpers.cell_files import write_cell, write_pairs
from tests.helpers.drawn_figures import check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, SKIPPED, draw, list_texts, make_estimate, save_figure

CELL = "orchard-sim-test", "sam3-demo", "concepts"
SIZE = 128


def make_disc(x, y, radius=10):
    ys, xs = np.mgrid[:SIZE, :SIZE]
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


def encode(mask):
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))


def write_run(folder, skipped=None, lacks_labels=False, n_missed=1, images=3):
    """Image 1: an apple at (30, 30) that is missed, one at (90, 90) with a correct mask, and a mask on nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "tree.png")
    annotations = []
    missed_ids = [1, *range(3, 2 + n_missed)]
    discs = {
        1: make_disc(30, 30),
        2: make_disc(90, 90),
        **{id: make_disc(20 * id - 40, 60, 6) for id in missed_ids[1:]},
    }
    for id, mask in discs.items():
        rle = encode(mask)
        segmentation = {"size": rle["size"], "counts": rle["counts"].decode()}
        box = [float(each) for each in coco_mask.toBbox(rle)]
        annotations.append(
            {"id": id, "image_id": 1, "category_id": 1, "bbox": box, "area": int(mask.sum()),
             "segmentation": segmentation, "iscrowd": 0, "ignore": 0}
        )  # fmt: skip
    image = {"id": 1, "file_name": "tree.png", "width": SIZE, "height": SIZE, "group": "1"}
    truth = {"images": [image], "annotations": annotations, "categories": [{"id": 1, "name": "apple"}]}
    write_json(folder / "instances.json", {**truth, "info": {"nouns": ["apple"], "attributes": {}}})
    masks = []
    for id, (score, mask) in enumerate(((0.9, make_disc(90, 90)), (0.8, make_disc(60, 20)))):
        masks.append(
            {"prompt_id": "a", "prediction_id": id, "image_id": 1, "score": score, "height": SIZE, "width": SIZE,
             "area_px": int(mask.sum()), "rle": encode(mask)["counts"]}
        )  # fmt: skip
    instances = [
        *(
            {
                "prompt_id": "a",
                "image_id": 1,
                "outcome": "missed",
                "truth_id": id,
                "truth_area_px": int(discs[id].sum()),
            }
            for id in missed_ids
        ),
        {"prompt_id": "a", "image_id": 1, "outcome": "matched", "truth_id": 2, "prediction_id": 0, "score": 0.9},
        {"prompt_id": "a", "image_id": 1, "outcome": "false", "prediction_id": 1, "score": 0.8},
    ]
    overlap = {"prompt_id": "a", "prediction_id": 0, "truth_id": 2, "intersection_px": 317, "iou": 1.0, "ioa": 1.0}
    phrase = {"prompt_id": "a", "image_id": 1, "phrase": "apple", "nouns": ["apple"]}
    estimate = make_estimate("concept-prompts", "sam3-demo", "concepts", "precision", 0.5)
    ESTIMATES.write(folder / "estimates.parquet", pd.DataFrame([{**estimate, "lacks_labels": lacks_labels}]))
    inputs = {"estimates": folder / "estimates.parquet", "images": folder, "truth": folder / "instances.json"}
    tables = {"instances": (INSTANCES, instances), "overlaps": (OVERLAPS, [{**overlap, "target": True}])}
    for name, (table, rows) in {**tables, "masks": (MASKS, masks)}.items():
        inputs[name] = [str(write_cell(table, folder, CELL, [] if skipped else rows, skipped))]
    is_skipped = skipped is not None
    pairs = write_cell(PAIRS, folder, CELL, [], skipped) if is_skipped else write_pairs(folder, *CELL, [phrase])
    entry = {"experiments": ["concept-prompts"], "dataset": "orchard-sim-test", "images": images}
    paths = {name: str(path) if not isinstance(path, list) else path for name, path in inputs.items()}
    return FigureRequest("failure-gallery", {**paths, "pairs": [str(pairs)]}, entry, MODELS)


def test_csv_has_the_cases_drawn_with_their_image_and_numbers(tmp_path):
    rows = pd.read_csv(save_figure(write_run(tmp_path), tmp_path / "out")["rows"])
    assert rows["kind"].tolist() == ["missed", "false positive"]
    assert rows["severity"].tolist() == pytest.approx([317, 0.8]) and rows["n_cases"].tolist() == [1, 1]
    assert set(rows["file"]) == {"tree.png"} and set(rows["phrase"]) == {"apple"}
    assert rows["truth_id"].tolist()[0] == 1 and rows["prediction_id"].tolist()[1] == 1
    assert all(source.endswith("instances.parquet") for source in rows["source"])


def test_each_case_is_a_crop_with_its_phrase_score_and_image(tmp_path):
    figure = draw(write_run(tmp_path)).figure
    missed, false = figure.axes
    assert missed.get_xlim() == (-0.5, 63.5) and missed.get_ylim() == (63.5, -0.5)  # 64 px around (30, 30)
    assert false.get_xlim() == (27.5, 91.5) and false.get_ylim() == (63.5, -0.5)  # around (60, 20), inside the image
    texts = list_texts(figure)
    assert "“apple” no mask, 317 px image 1 · SAM3 (demo)" in texts
    assert "“apple” score 0.80 image 1 · SAM3 (demo)" in texts
    assert any(text.startswith("merged (n = 0): ") for text in texts)
    check_texts(figure)


def test_texts_of_full_rows_neither_overlap_nor_are_cut(tmp_path):
    figure = draw(write_run(tmp_path, n_missed=6, images=5)).figure
    assert len(figure.axes) == 5 + 1
    assert any(text.startswith("missed (n = 6)") for text in list_texts(figure))
    check_texts(figure)


def test_false_positives_are_marked_where_labels_are_not_exhaustive(tmp_path):
    figure = draw(write_run(tmp_path, lacks_labels=True)).figure
    texts = list_texts(figure)
    assert any(text.startswith("false positive † (n = 1)") for text in texts)
    assert "† labels are not exhaustive: the object may be there without a label." in texts
    assert any(text.startswith("missed (n = 1)") for text in texts)
    check_texts(figure)


def test_a_skipped_model_has_its_reason_below_the_cases_of_others(tmp_path):
    request = write_run(tmp_path)
    for name, table in (("pairs", PAIRS), ("instances", INSTANCES), ("overlaps", OVERLAPS), ("masks", MASKS)):
        request.inputs[name].append(str(write_cell(table, tmp_path, (CELL[0], "sam3", CELL[2]), [], "no weights")))
    output = draw(request)
    assert "SAM3: no data: skipped: no weights" in list_texts(output.figure)
    assert output.rows["note"].tolist()[2] == "skipped: no weights" and len(output.figure.axes) == 2
    check_texts(output.figure)


def test_without_predictions_the_figure_says_why(tmp_path):
    output = draw(write_run(tmp_path, SKIPPED.removeprefix("skipped: ")))
    assert list_texts(output.figure) == [f"no data: {SKIPPED}"]


def test_a_crop_is_a_square_around_the_case_and_inside_the_image():
    assert crop_square(make_disc(60, 60, 30), (SIZE, SIZE)) == (6, 6, 115, 115)  # 61 px and 0.4 of it at each side
    assert crop_square(make_disc(120, 5, 4), (SIZE, SIZE)) == (64, 0, 128, 64)
    assert crop_square(None, (50, 80)) == (0, 0, 50, 50)


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = write_run(tmp_path)
    check_same_bytes_and_stamp(request, tmp_path)
