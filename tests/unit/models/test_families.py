"""The families against the packages' own predictors, on small random models."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.models import shape
from samgap.models.runtime import device
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import build
from samgap.models.sam3 import image as sam3

DEMO = Path(__file__).parents[3] / "config" / "demo"
SAM2 = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text()),
}
SAM3 = {"architecture": yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())}
WIDTH, HEIGHT = 90, 60


@pytest.fixture(scope="module")
def image():
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:45, 30:60] = (200, 30, 30)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def sam2_weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("sam2") / "weights.pt"
    torch.save({"model": sam2.build_model(SAM2, "cpu").state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def sam3_weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": build.build_small(SAM3["architecture"]).state_dict()}, path)
    return path


def _mask(prediction):
    return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": prediction.rle}).astype(bool)


def _box(x0, y0, x1, y1):
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": 1}


BOXES = [_box(30, 20, 60, 45), _box(5, 5, 25, 30), _box(50, 10, 88, 58)]
POINTS = [{"x": 45.5, "y": 30.5, "label": 1}, {"x": 12.0, "y": 15.0, "label": 1}, {"x": 70.0, "y": 40.0, "label": 1}]
ASKED = {
    "box": [{"boxes": [box], "points": None} for box in BOXES],
    "point": [{"boxes": None, "points": [point]} for point in POINTS],
    "point-box": [{"boxes": [box], "points": [point]} for box, point in zip(BOXES, POINTS, strict=True)],
}


@pytest.mark.parametrize("kind", ASKED)
def test_sam2_gives_what_the_package_gives_one_by_one_of_a_point_the_best_of_three_masks(image, sam2_weights, kind):
    model = sam2.open_model(SAM2, sam2_weights, "cpu")
    model.set_image(image)
    answers = model.predict(ASKED[kind])
    for prompt, (found,) in zip(ASKED[kind], answers, strict=True):
        point, box = prompt["points"], prompt["boxes"]
        masks, quality, _ = model.predictor.predict(
            # The package counts pixels from 0, whose middle is 0.5 here.
            point_coords=None if point is None else np.array([[point[0]["x"] - 0.5, point[0]["y"] - 0.5]]),
            point_labels=None if point is None else np.array([1]),
            box=None if box is None else np.array([box[0][edge] for edge in ("x0", "y0", "x1", "y1")]),
            multimask_output=kind == "point",
        )
        best = int(np.argmax(quality))
        assert found.score == pytest.approx(min(max(quality[best], 0), 1), abs=1e-4)
        wanted = masks[best].astype(bool)
        assert (_mask(found) & wanted).sum() / (_mask(found) | wanted).sum() >= 0.999


def test_sam2_answers_the_same_in_any_batch(image, sam2_weights):
    model = sam2.open_model(SAM2, sam2_weights, "cpu")
    model.set_image(image)
    together = model.predict(ASKED["box"])
    model.prompt_batcher.max_size = 2
    apart = model.predict(ASKED["box"])
    for (one,), (other,) in zip(together, apart, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-4)
        assert (_mask(one) & _mask(other)).sum() / (_mask(one) | _mask(other)).sum() >= 0.999


def test_sam3_gives_all_phrases_at_once_what_the_package_gives_one_by_one(image, sam3_weights, monkeypatch):
    from sam3.model.sam3_image_processor import Sam3Processor

    monkeypatch.setattr(sam3, "MIN_SCORE", 0.0)
    model = sam3.open_model(SAM3, sam3_weights, "cpu")
    model.set_image(image)
    phrases = ["apple", "a rather long phrase about ripe red apples", "leaf"]
    answers = model.predict([{"phrase": phrase} for phrase in phrases])
    with device.cuda_shim("cpu"):
        processor = Sam3Processor(model.model, resolution=model.image_size, device="cpu", confidence_threshold=0.0)
        state = processor.set_image(image)
        for phrase, found in zip(phrases, answers, strict=True):
            state = processor.set_text_prompt(phrase, state)
            order = torch.argsort(state["scores"], descending=True, stable=True)
            masks = state["masks"][order, 0].numpy()
            kept = [index for index in range(len(order)) if masks[index].any()]
            assert len(found) == len(kept)
            for one, index in zip(found, kept, strict=True):
                assert one.score == pytest.approx(float(state["scores"][order][index]), abs=1e-3)
                wanted = masks[index]
                assert (_mask(one) & wanted).sum() / (_mask(one) | wanted).sum() >= 0.999
                assert one.box == pytest.approx(state["boxes"][order][index].tolist(), abs=0.05)


@pytest.mark.parametrize("phrase", ["apple", None])
def test_sam3_s_examples_are_what_the_package_makes_of_boxes(image, sam3_weights, monkeypatch, phrase):
    from sam3.model.sam3_image_processor import Sam3Processor

    monkeypatch.setattr(sam3, "MIN_SCORE", 0.0)
    model = sam3.open_model(SAM3, sam3_weights, "cpu")
    model.set_image(image)
    boxes = [BOXES[0], {**BOXES[1], "label": 0}]
    # Beside a prompt of fewer boxes, so that one is padded.
    plain, found = model.predict([{"phrase": "apple"}, {"phrase": phrase, "boxes": boxes}])
    with device.cuda_shim("cpu"):
        processor = Sam3Processor(model.model, resolution=model.image_size, device="cpu", confidence_threshold=0.0)
        state = processor.set_image(image)
        state = processor.set_text_prompt(phrase, state) if phrase else state
        for box in boxes:
            x0, y0, x1, y1 = (box[edge] / (WIDTH if edge[0] == "x" else HEIGHT) for edge in ("x0", "y0", "x1", "y1"))
            share = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
            state = processor.add_geometric_prompt(share, bool(box["label"]), state)
    scores = torch.sort(state["scores"], descending=True, stable=True).values.tolist()
    assert [one.score for one in found] == pytest.approx(scores[: len(found)], abs=1e-3)
    assert [one.score for one in plain] != pytest.approx([one.score for one in found], abs=1e-6)


def test_sam3_embeds_a_phrase_once(image, sam3_weights, monkeypatch):
    model = sam3.open_model(SAM3, sam3_weights, "cpu")
    calls = []
    embed = model.model.backbone.forward_text
    monkeypatch.setattr(
        model.model.backbone, "forward_text", lambda texts, **more: calls.append(texts) or embed(texts, **more)
    )
    for _ in range(2):
        model.set_image(image)
        model.predict([{"phrase": "apple"}, {"phrase": "pear"}, {"phrase": "apple"}])
    assert calls == [["apple", "pear"]]


def test_weights_that_do_not_fit_are_named(sam2_weights, tmp_path):
    wrong = dict(torch.load(sam2_weights, weights_only=True)["model"])
    wrong["stray"] = wrong.pop("no_mem_embed")
    torch.save({"model": wrong}, tmp_path / "wrong.pt")
    with pytest.raises(UserError, match="1 missing: no_mem_embed; 1 more than the model has: stray"):
        sam2.open_model(SAM2, tmp_path / "wrong.pt", "cpu")


def test_a_weights_file_that_is_none_is_one_line(tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError, match="not a readable weights file"):
        sam2.open_model(SAM2, tmp_path / "weights.pt", "cpu")


def test_half_precision_files_fill_a_full_precision_model(sam2_weights, tmp_path):
    from samgap.models.runtime.weights import read_weights, to_half_precision

    torch.save({"model": to_half_precision(read_weights(sam2_weights)["model"])}, tmp_path / "half.pt")
    assert (tmp_path / "half.pt").stat().st_size < 0.6 * sam2_weights.stat().st_size
    model = sam2.open_model(SAM2, tmp_path / "half.pt", "cpu")
    assert model.predictor.model.no_mem_embed.dtype == torch.float32


@pytest.mark.parametrize(("form", "share"), [("box", 1.0), ("ellipse", np.pi / 4)])
def test_shapes_fill_their_share_of_the_box(image, form, share):
    model = shape.open_model({"shape": form}, Path(), "cpu")
    model.set_image(image)
    ((found,),) = model.predict([ASKED["box"][0]])
    assert found.area == pytest.approx(share * 30 * 25, rel=0.02)
    assert not _mask(found)[:, :30].any() and not _mask(found)[45:].any()


def test_a_shape_that_is_to_follow_stays_where_it_was_shown(image):
    tracker = shape.open_tracker({"shape": "box"}, Path(), "cpu")
    shown = [(1, {"boxes": [BOXES[0]]}), (2, {"boxes": [BOXES[1]]})]
    frames = [frame for frame in tracker.track([image] * 4, shown) if frame.predictions is not None]
    assert [(frame.index, sorted(frame.predictions)) for frame in frames] == [(1, [0]), (2, [0, 1]), (3, [0, 1])]
    for frame in frames:
        assert frame.predictions[0][0].box == (30, 20, 60, 45)
    with pytest.raises(UserError, match="shown by points alone"):
        list(tracker.track([image], [(0, {"boxes": None, "points": POINTS})]))


def test_cuda_without_a_gpu_is_one_line_and_auto_takes_the_cpu(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device: cuda, but no usable GPU"):
        device.select_device("cuda")
    with caplog.at_level("INFO", logger="samgap"):
        assert device.select_device("auto") == "cpu"
    assert "running on the CPU" in caplog.text
    assert device.select_device("cpu") == "cpu"


def test_the_published_file_s_parts_beyond_the_image_model_are_left_out_but_none_may_lack(sam3_weights):
    from samgap.models.runtime.weights import load_weights, read_weights

    model = build.build_small(SAM3["architecture"])
    state = read_weights(sam3_weights)["model"]
    load_weights(model, {**state, "tracker.extra": torch.zeros(1)}, "sam3.pt", strict=False)
    name, _ = next(model.named_parameters())
    with pytest.raises(UserError, match=f"1 missing: {name}"):
        load_weights(model, {key: value for key, value in state.items() if key != name}, "sam3.pt", strict=False)


def test_with_nms_fewer_answers_to_a_phrase_stay_and_the_best_of_them_first(sam3_weights, image):
    prompts = [{"phrase": phrase, "boxes": None} for phrase in ("apple", "green leaf")]
    plain, chosen = (sam3.open_model({**SAM3, **more}, sam3_weights, "cpu") for more in ({}, {"nms": 0.5}))
    for model in (plain, chosen):
        model.set_image(image)
    for every, best in zip(plain.predict(prompts), chosen.predict(prompts), strict=True):
        assert 0 < len(best) < len(every)
        assert best[0] == every[0]
        assert set(best) < set(every)


def test_nms_keeps_the_better_answer_and_a_score_that_is_no_number(sam3_weights, image):
    model = sam3.open_model({**SAM3, "nms": 0.5}, sam3_weights, "cpu")
    model.set_image(image)
    logits = torch.full((5, 10, 10), -1.0)
    logits[0, :5] = logits[1, :4] = logits[2, 3:6] = logits[3, 8:] = logits[4, :5] = 1.0
    scores = torch.tensor([0.6, 0.7, 0.5, 0.01, torch.nan])  # the first two overlap by 0.8, the third by 0.33 and 0.17
    kept = [found.score for found in model._select_predictions(scores, torch.zeros(5, 4), logits)]
    assert sorted(score for score in kept if score == score) == pytest.approx([0.5, 0.7])
    assert sum(score != score for score in kept) == 1
