"""The layouts of the files of small and published models."""

from samgap.models.sam3.layouts import PUBLISHED_LAYOUTS, SMALL_LAYOUTS, get_key_layouts


def test_a_small_model_has_its_own_keys_and_the_published_one_a_prefix():
    assert get_key_layouts({"architecture": {"size": 112}}) is SMALL_LAYOUTS
    assert get_key_layouts({"interactive": True}) is PUBLISHED_LAYOUTS
    keys = {"backbone.x": "detector.backbone.x", "inst_interactive_predictor.model.x": "tracker.x"}
    for model_key, file_key in keys.items():
        assert SMALL_LAYOUTS[0].to_file_key(model_key) == model_key
        assert PUBLISHED_LAYOUTS[0].to_file_key(model_key) == file_key
        assert PUBLISHED_LAYOUTS[0].to_model_key(file_key) == model_key
    assert PUBLISHED_LAYOUTS[0].to_model_key("ema.backbone.x") is None
