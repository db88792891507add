import pytest

from samgap.errors import UserError
from samgap.paper.inventory_parts import ModelInventory, format_count
from tests.helpers.inventory_rows import make_inventory

TENSORS = {"a.weight": (2, 3), "a.b.weight": (3, 2), "ab.weight": (5,), "own": (7,)}


@pytest.fixture
def model():
    return ModelInventory(make_inventory({"m": TENSORS}, {"m": {"a.size": 1008}}), "m")


def test_a_part_has_the_tensors_of_its_modules_and_of_no_other(model):
    assert model.get_part().n_parameters == 24 and model.get_part().n_tensors == 4
    assert model.get_part(["a"]).n_parameters == 12  # not those of `ab`
    assert model.get_part([""], ["a.b", "own"]).n_parameters == 11
    assert model.get_part(["a"]).shapes == {(2, 3): 1, (3, 2): 1}
    assert model.get_part(["a"]).package == "sam9 9.0"


def test_constants_and_shapes(model):
    assert model.get_value("a.size") == 1008 and model.get_value("a.other") is None
    assert model.get_shape("a.b.weight") == (3, 2) and model.get_shape("a.size") is None
    assert model.has("a.b") and not model.has("b")
    assert model.list_values(r"a\..*") == {"a.size": 1008}


def test_an_unknown_model_or_module_is_an_error():
    inventory = make_inventory({"m": TENSORS})
    with pytest.raises(UserError, match=r"does not list the model n; it lists \['m'\]"):
        ModelInventory(inventory, "n")
    with pytest.raises(UserError, match="m has no module a.c in the inventory"):
        ModelInventory(inventory, "m").get_part(["a"], ["a.c"])


@pytest.mark.parametrize(
    ("count", "text"), [(446_237_696, "446.2 M"), (1_384_608, "1.38 M"), (213_841, "0.21 M"), (6220, "6,220")]
)
def test_numbers_of_parameters(count, text):
    assert format_count(count) == text
