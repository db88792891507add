"""OWLv2 against the package's forward pass and post-processing, on a small random model."""

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

TEXT_CONFIG = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
VISION_CONFIG = {**TEXT_CONFIG, "image_size": 96, "patch_size": 16}
OPTIONS = {
    "architecture": {"text_config": TEXT_CONFIG, "vision_config": VISION_CONFIG, "projection_dim": 32},
    "nms": 0.4,
}
PHRASES = ["ripe apple", "an apple that hangs behind a leaf", "pear"]
WIDTH, HEIGHT = 90, 60


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("owlv2") / "weights.pt"
    save_file(owlv2.build_model(OPTIONS).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def image():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8))


@pytest.fixture(scope="module")
def model(weights, image):
    model = owlv2.open_model(OPTIONS, weights, "cpu")
    model.set_image(image)
    return model


def detect_with_package(model, image):
    """Return the package's scores and boxes (px) for each phrase, without NMS."""
    tokens = SimpleTokenizer(context_length=16)(PHRASES)
    inputs = {"input_ids": tokens, "attention_mask": (tokens != 0).long()}
    with torch.no_grad():
        outputs = model.model(**inputs, **model.processor(images=image, return_tensors="pt"))
    detections = []
    for column in range(len(PHRASES)):
        of_phrase = type(outputs)(logits=outputs.logits[..., [column]], pred_boxes=outputs.pred_boxes)
        (processed,) = model.processor.post_process_object_detection(of_phrase, owlv2.MIN_SCORE, [(HEIGHT, WIDTH)])
        detections.append((processed["scores"], processed["boxes"]))
    return detections


def test_boxes_and_scores_equal_those_of_the_package_after_nms(model, image):
    predictions = model.predict([{"phrase": phrase} for phrase in PHRASES])
    n_compared = 0
    for of_phrase, (scores, boxes) in zip(predictions, detect_with_package(model, image), strict=True):
        boxes = boxes.clamp(min=torch.zeros(4), max=torch.tensor([WIDTH, HEIGHT] * 2))
        has_area = (boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)
        scores, boxes = scores[has_area], boxes[has_area]
        best = nms(boxes, scores, 0.4)
        assert [prediction.score for prediction in of_phrase] == pytest.approx(scores[best].tolist(), abs=1e-5)
        predicted_boxes = np.array([prediction.box for prediction in of_phrase])
        assert predicted_boxes == pytest.approx(boxes[best].numpy(), abs=1e-2)
        n_compared += len(of_phrase)
    assert n_compared > 5


def test_mask_is_the_filled_box(model):
    for predictions in model.predict([{"phrase": PHRASES[0]}]):
        for prediction in predictions:
            mask = rle.decode({"size": [HEIGHT, WIDTH], "counts": prediction.rle})
            x0, y0, x1, y1 = (round(edge) for edge in prediction.box)
            assert mask.sum() == prediction.area == (x1 - x0) * (y1 - y0)
            assert mask[y0:y1, x0:x1].all()


def test_phrase_is_embedded_once_and_predictions_do_not_depend_on_other_phrases(model):
    one_by_one = [model.predict([{"phrase": phrase}])[0] for phrase in PHRASES]
    embeddings = dict(model.text_embeddings)
    together = model.predict([{"phrase": phrase} for phrase in (*PHRASES, PHRASES[0])])
    assert all(model.text_embeddings[phrase] is embeddings[phrase] for phrase in PHRASES)
    for first, second in zip([*one_by_one, one_by_one[0]], together, strict=True):
        assert [prediction.box for prediction in first] == [prediction.box for prediction in second]
        scores = [prediction.score for prediction in first]
        assert scores == pytest.approx([prediction.score for prediction in second], abs=1e-6)


def test_phrase_longer_than_the_context_gives_a_warning(model):
    model.predict([{"phrase": "apple " * 20}, {"phrase": "pear"}])
    (warning,) = model.warnings
    assert warning.startswith("phrase of 22 tokens cut to the model's 16: 'apple apple")
    model.warnings.clear()


def test_weights_may_be_a_state_dict_and_must_fit(weights, tmp_path, model):
    torch.save(owlv2.build_model(OPTIONS).state_dict(), tmp_path / "w.pt")
    opened = owlv2.open_model(OPTIONS, tmp_path / "w.pt", "cpu")
    assert opened.model.state_dict().keys() == model.model.state_dict().keys()
    with pytest.raises(UserError, match="do not fit the model .*missing"):
        owlv2.open_model({}, weights, "cpu")
    (tmp_path / "cut.pt").write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="not a readable weights file"):
        owlv2.open_model(OPTIONS, tmp_path / "cut.pt", "cpu")
