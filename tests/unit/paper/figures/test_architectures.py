import pytest
import yaml

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.inventory import INVENTORY
from tests.helpers.drawn_texts import check_texts
from tests.helpers.inventory_rows import make_inventory
from tests.helpers.paper import MODELS, draw, list_texts, save_figure

OLD = {"encoder.weight": (500, 2000), "attention.weight": (40, 40), "decoder.weight": (8, 4), "token": (4,)}
NEW = {"vision.weight": (1000, 2000), "track.attention.w": (40, 40), "track.decoder.w": (8, 4), "track.token": (4,)}
FACTS = """
diagrams:
  - title: Old
    model: old
    blocks:
      - {id: frame, label: frame, row: 0, column: 0}
      - {id: encoder, label: encoder, row: 0, column: 1, modules: [encoder]}
      - {id: attention, label: attention, row: 0, column: 2, modules: [attention]}
      - {id: rest, label: rest, row: 1, column: 2, modules: [""], without: [encoder, attention]}
    arrows:
      - {from: frame, to: encoder, source: "sam2/modeling/sam2_base.py: SAM2Base"}
      - {from: encoder, to: attention, source: S2P §3}
  - title: New
    model: new
    blocks:
      - {id: vision, label: vision, row: 0, column: 1, modules: [vision], origin: encoder}
      - id: attention
        label: attention
        row: 0
        column: 2
        modules: [track.attention]
        same-as: attention
        origin: sam3
      - id: rest
        label: rest
        row: 1
        column: 2
        modules: [track]
        without: [track.attention]
        same-as: rest
        origin: sam3
    arrows: []
"""


@pytest.fixture
def make_request(tmp_path):
    """Function that writes the inventory and the facts, and returns the request."""

    def make(new=NEW, facts=FACTS):
        INVENTORY.write(tmp_path / "inventory.parquet", make_inventory({"old": OLD, "new": new}))
        (tmp_path / "facts.yaml").write_text(facts, encoding="utf-8")
        inputs = {"inventory": str(tmp_path / "inventory.parquet"), "estimates": "not-read"}
        return FigureRequest("architectures", inputs, {"facts": str(tmp_path / "facts.yaml")}, MODELS)

    return make


def test_rows_have_the_parameters_of_each_block_and_the_source_of_each_arrow(make_request):
    rows = draw(make_request()).rows
    blocks = rows[(rows["item"] == "block") & rows["n_parameters"].notna()]
    assert dict(zip(blocks["diagram"] + " " + blocks["id"], blocks["n_parameters"], strict=True)) == {
        "old encoder": 1_000_000,
        "old attention": 1600,
        "old rest": 36,
        "new vision": 2_000_000,
        "new attention": 1600,
        "new rest": 36,
    }
    arrows = rows[rows["item"] == "arrow"]
    assert arrows["source"].tolist() == ["sam2/modeling/sam2_base.py: SAM2Base", "S2P §3"]
    assert blocks["source"].str.endswith("inventory.parquet; sam9 9.0").all()


def test_blocks_with_the_same_tensors_have_one_origin_in_both_models(make_request):
    output = draw(make_request())
    origins = output.rows.dropna(subset="n_parameters").set_index(["diagram", "id"])["origin"]
    assert origins.to_dict() == {
        ("old", "encoder"): "other",
        ("old", "attention"): "sam2",
        ("old", "rest"): "sam2",
        ("new", "vision"): "encoder",
        ("new", "attention"): "sam2",
        ("new", "rest"): "sam2",
    }
    assert "3 tensors of the same shapes in both: 1,636 parameters" in list_texts(output.figure)


def test_a_block_with_other_shapes_is_new(make_request):
    output = draw(make_request(new={**NEW, "track.attention.w": (40, 41)}))
    rows = output.rows.dropna(subset="n_parameters").set_index(["diagram", "id"])
    assert rows["origin"]["new", "attention"] == "sam3" and rows["origin"]["old", "attention"] == "other"
    assert rows["n_tensors_in_common"]["new", "attention"] == 0 and rows["n_tensors_in_common"]["new", "rest"] == 2
    assert "2 tensors of the same shapes in both: 36 parameters" in list_texts(output.figure)


def test_no_text_overlaps_or_is_cut_and_text_of_the_svg_file_is_text(make_request, tmp_path):
    check_texts(draw(make_request()).figure)
    svg = save_figure(make_request(), tmp_path / "out")["svg"].read_text(encoding="utf-8")
    assert "attention" in svg and "demo-stamp" not in svg


def test_an_arrow_to_an_unknown_block_is_an_error(make_request):
    facts = yaml.safe_load(FACTS)
    facts["diagrams"][0]["arrows"][0]["to"] = "encodr"
    with pytest.raises(UserError, match="an arrow of Old names 'encodr', which is none of its ids; did you mean"):
        draw(make_request(facts=yaml.safe_dump(facts)))


def test_a_module_that_the_model_does_not_have_is_an_error(make_request):
    with pytest.raises(UserError, match="new has no module track.attention in the inventory"):
        draw(make_request(new={"vision.weight": (1, 2), "track.token": (4,)}))


def test_the_figure_looks_like_its_reference_image(make_request, check_image):
    check_image(draw(make_request()).figure, "architectures")
