"""OWLv2 against the package's own forward pass and post-processing, on a small random model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision.ops import nms

from samgap.errors import UserError
from samgap.masks import rle
from samgap.models import owlv2

# isort: split
from open_clip.tokenizer import SimpleTokenizer

TEXT = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION = {**TEXT, "image_size": 96, "patch_size": 16}
OPTIONS = {"architecture": {"text_config": TEXT, "vision_config": VISION, "projection_dim": 32}, "nms": 0.4}
PHRASES = ["ripe apple", "an apple that hangs behind a leaf", "pear"]
WIDTH, HEIGHT = 90, 60


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(3)
    model = owlv2.build_model(OPTIONS)
    path = tmp_path_factory.mktemp("owlv2") / "weights.pt"
    save_file(model.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))


@pytest.fixture(scope="module")
def model(weights, image):
    found = owlv2.open_model(OPTIONS, weights, "cpu")
    found.set_image(image)
    return found


def _own(model, image):
    """Scores and boxes (px) of every phrase as the package gives them, before any is left out."""
    tokens = SimpleTokenizer(context_length=16)(PHRASES)
    inputs = {"input_ids": tokens, "attention_mask": (tokens != 0).long()}
    with torch.no_grad():
        out = model.model(**inputs, **model.processor(images=image, return_tensors="pt"))
    found = []
    for number in range(len(PHRASES)):
        out_of_one = type(out)(logits=out.logits[..., [number]], pred_boxes=out.pred_boxes)
        (kept,) = model.processor.post_process_object_detection(out_of_one, 0.05, [(HEIGHT, WIDTH)])
        found.append((kept["scores"], kept["boxes"]))
    return found


def test_boxes_and_scores_are_the_packages_with_overlapping_ones_left_out(model, image):
    answers = model.predict([{"phrase": phrase} for phrase in PHRASES])
    compared = 0
    for found, (scores, boxes) in zip(answers, _own(model, image), strict=True):
        limit = torch.tensor([WIDTH, HEIGHT] * 2)
        boxes = boxes.clamp(min=torch.zeros(4), max=limit)
        whole = (boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)
        scores, boxes = scores[whole], boxes[whole]
        best = nms(boxes, scores, 0.4)
        assert [one.score for one in found] == pytest.approx(scores[best].tolist(), abs=1e-5)
        assert np.array([one.box for one in found]) == pytest.approx(boxes[best].numpy(), abs=1e-2)
        compared += len(found)
    assert compared > 5


def test_a_mask_is_the_filled_box(model):
    for found in model.predict([{"phrase": PHRASES[0]}]):
        for one in found:
            mask = rle.decode({"size": [HEIGHT, WIDTH], "counts": one.rle})
            x0, y0, x1, y1 = (round(edge) for edge in one.box)
            assert mask.sum() == one.area == (x1 - x0) * (y1 - y0)
            assert mask[y0:y1, x0:x1].all()


def test_a_phrase_is_embedded_once_and_answers_do_not_depend_on_the_others(model, image):
    alone = [model.predict([{"phrase": phrase}])[0] for phrase in PHRASES]
    known = dict(model.text_embeddings)
    together = model.predict([{"phrase": phrase} for phrase in (*PHRASES, PHRASES[0])])
    assert all(model.text_embeddings[phrase] is known[phrase] for phrase in PHRASES)
    for one, other in zip([*alone, alone[0]], together, strict=True):
        assert [each.box for each in one] == [each.box for each in other]
        assert [each.score for each in one] == pytest.approx([each.score for each in other], abs=1e-6)


def test_a_phrase_longer_than_the_context_is_named(model):
    model.predict([{"phrase": "apple " * 20}, {"phrase": "pear"}])
    (note,) = model.warnings
    assert note.startswith("phrase of 22 tokens cut to the model's 16: 'apple apple")
    model.warnings.clear()


def test_weights_may_be_a_state_dict_too_and_must_fit(weights, tmp_path, model):
    torch.save(owlv2.build_model(OPTIONS).state_dict(), tmp_path / "w.pt")
    opened = owlv2.open_model(OPTIONS, tmp_path / "w.pt", "cpu")
    assert opened.model.state_dict().keys() == model.model.state_dict().keys()
    with pytest.raises(UserError, match="do not fit the model .*missing"):
        owlv2.open_model({}, weights, "cpu")
    (tmp_path / "cut.pt").write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable weights file"):
        owlv2.open_model(OPTIONS, Path(tmp_path / "cut.pt"), "cpu")
