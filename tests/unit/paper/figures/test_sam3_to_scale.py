import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.inventory import INVENTORY
from tests.helpers.drawn_texts import check_texts
from tests.helpers.inventory_rows import make_inventory
from tests.helpers.paper import MODELS, draw, list_texts

TRUNK, TEXT = "detector.backbone.vision_backbone.trunk", "detector.backbone.language_backbone"
TENSORS = {
    f"{TRUNK}.patch_embed.proj.weight": (600, 3, 4, 4),
    f"{TEXT}.encoder.transformer.resblocks.0.w": (50, 100),
    f"{TEXT}.encoder.transformer.resblocks.1.w": (50, 100),
    "detector.geometry_encoder.encode.0.w": (50, 10),
    "detector.transformer.decoder.query_embed.weight": (20, 16),
    "detector.head.weight": (5,),
    "tracker.memory.weight": (30, 10),
    "tracker.mask.weight": (100,),
}
CONSTANTS = {
    "image_size": 40,
    f"{TRUNK}.blocks.0.window_size": 5,
    f"{TRUNK}.blocks.1.window_size": 0,
    f"{TRUNK}.blocks.2.window_size": 5,
    f"{TEXT}.context_length": 8,
    f"{TEXT}.encoder.width": 100,
    "detector.transformer.encoder.num_layers": 2,
    "detector.transformer.decoder.num_layers": 3,
}


def make_block(name, *modules, **keys):
    return {"id": name, "label": name, "row": 0, "column": 1, "modules": list(modules), **keys}


BLOCKS = [
    make_block("head", "detector.head", origin="sam3"),
    make_block("memory", "tracker.memory", **{"same-as": "memory"}),
    make_block("mask", "tracker.mask", **{"same-as": "memory"}),
    make_block("vision", TRUNK, origin="encoder"),
    make_block("words", TEXT, origin="encoder"),
    make_block("geometry", "detector.geometry_encoder", origin="sam3"),
    make_block("decoder", "detector.transformer", origin="sam3"),
]


@pytest.fixture
def make_request(tmp_path):
    """Function that writes the inventory and the facts, and returns the request."""

    def make(constants=CONSTANTS):
        table = make_inventory({"old": {"memory.weight": (30, 10)}, "new": TENSORS}, {"new": constants})
        INVENTORY.write(tmp_path / "inventory.parquet", table)
        diagrams = [
            {"title": "Old", "model": "old", "arrows": [], "blocks": [make_block("memory", "memory")]},
            {"title": "SAM9", "model": "new", "arrows": [], "blocks": BLOCKS},
        ]
        (tmp_path / "facts.yaml").write_text(yaml.safe_dump({"diagrams": diagrams}), encoding="utf-8")
        inputs = {"inventory": str(tmp_path / "inventory.parquet"), "estimates": "not-read"}
        return FigureRequest("sam3-to-scale", inputs, {"facts": str(tmp_path / "facts.yaml")}, MODELS)

    return make


def test_the_parts_are_the_encoders_and_the_others_by_size_with_those_of_sam2_together(make_request):
    rows = draw(make_request()).rows
    bars = rows[rows["panel"] == "a"]
    assert list(zip(bars["item"], bars["value"], bars["origin"], strict=True)) == [
        ("vision", 28_800, "encoder"),
        ("words", 10_000, "encoder"),
        ("geometry", 500, "sam3"),
        ("SAM2's parts", 400, "sam2"),
        ("decoder", 320, "sam3"),
        ("head", 5, "sam3"),
    ]
    assert bars["share"].sum() == pytest.approx(1)
    assert bars["modules"].tolist()[3] == "tracker.memory;tracker.mask"


def test_the_widths_are_to_scale(make_request):
    figure = draw(make_request()).figure
    widths = [round(patch.get_width(), 6) for patch in figure.axes[0].patches if hasattr(patch, "get_width")]
    total = 28_800 + 10_000 + 500 + 400 + 320 + 5
    for n_parameters, whole in ((28_800, total), (10_000, total), (500, 1225), (400, 1225), (320, 1225)):
        assert round(7.04 * n_parameters / whole, 6) in widths


def test_the_numbers_of_the_flow_are_those_of_the_model(make_request):
    output = draw(make_request())
    numbers = output.rows[output.rows["panel"] == "b"].set_index("item")["value"]
    assert numbers["image tokens"] == 100 and numbers["window side"] == 5 and numbers["window blocks"] == 2
    assert numbers["text layers"] == 2 and numbers["geometry layers"] == 1
    texts = list_texts(output.figure)
    assert "vision encoder: 10 × 10 = 100 tokens 2 blocks in windows of 5 × 5 global blocks 1" in texts
    assert "query decoder 20 queries + 1 presence, 3 layers" in texts


def test_no_text_overlaps_or_is_cut(make_request):
    check_texts(draw(make_request()).figure)


def test_a_number_that_the_model_lacks_is_an_error(make_request):
    constants = {path: value for path, value in CONSTANTS.items() if path != "image_size"}
    with pytest.raises(UserError, match="new has no image_size in the inventory"):
        draw(make_request(constants))


def test_the_figure_looks_like_its_reference_image(make_request, check_image):
    check_image(draw(make_request()).figure, "sam3-to-scale")
