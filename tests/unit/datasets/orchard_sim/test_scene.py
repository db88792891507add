"""Options of the simulated orchard: lighting, cultivars, density and excluded combinations."""

import numpy as np
import pytest

from samgap.datasets.orchard_sim import scene as scene_module
from samgap.errors import UserError
from tests.helpers.orchard import collect_annotations, decode_rgb, render_images


def test_lighting_option_changes_the_image():
    means = {}
    for light in ("sun", "shade", "overcast", "dusk"):
        images = render_images(lighting=[light], scenes=8, size=96)
        assert {image.attributes["lighting"] for image in images} == {light}
        means[light] = np.mean([decode_rgb(image).mean((0, 1)) for image in images], axis=0)
    assert means["dusk"].mean() < 0.85 * min(means[light].mean() for light in ("sun", "shade", "overcast"))
    assert means["dusk"][0] / means["dusk"][2] > 1.1 * means["overcast"][0] / means["overcast"][2]
    assert "dusk" not in {image.attributes["lighting"] for image in render_images(scenes=30, size=48)}


def test_cultivar_changes_only_the_colours_of_apples():
    sets = {name: render_images(cultivars=[name], scenes=8, size=128) for name in ("dark", "common", "pink")}
    light = dict.fromkeys(sets, 0.0)
    for images in zip(*sets.values(), strict=True):
        annotations = [image.annotations for image in images]
        for first, second, third in zip(*annotations, strict=True):
            assert (first.mask == second.mask).all() and (first.mask == third.mask).all()
            assert first.attributes == second.attributes == third.attributes
        for name, image in zip(sets, images, strict=True):
            apples = [
                decode_rgb(image)[annotation.mask].sum()
                for annotation in image.annotations
                if annotation.noun == "apple"
            ]
            light[name] += sum(apples)
    assert light["dark"] < 0.85 * light["common"] and light["common"] < 0.95 * light["pink"]


def test_density_option_changes_number_and_size_of_apples():
    mean_count, median_area = {}, {}
    for density in ("sparse", "medium", "dense"):
        images = render_images(density=[density], scenes=20, size=96)
        assert {image.attributes["density"] for image in images} == {density}
        counts = [sum(annotation.noun == "apple" for annotation in image.annotations) for image in images]
        assert max(counts) <= scene_module.APPLE_COUNT_RANGES[density][1]
        mean_count[density] = np.mean(counts)
        median_area[density] = np.median(
            [annotation.mask.sum() for annotation in collect_annotations(images) if annotation.occluded_fraction == 0]
        )
    assert 1.5 * mean_count["sparse"] < mean_count["medium"] and 1.5 * mean_count["medium"] < mean_count["dense"]
    assert median_area["sparse"] > 1.5 * median_area["medium"] > 2 * median_area["dense"]


EXCLUDED = [
    {"noun": "pear", "health": "damaged"},
    {"noun": "orange", "health": "diseased"},
    {"noun": "apple", "ripeness": "overripe", "colour": "yellow"},
    {"noun": "apple", "health": "damaged", "colour": "green"},
    {"noun": "apple", "size": "large", "colour": "yellow"},
]


def filter_annotations(combination, images):
    noun, attributes = combination["noun"], {k: v for k, v in combination.items() if k != "noun"}
    return [
        annotation
        for annotation in collect_annotations(images, noun)
        if attributes.items() <= annotation.attributes.items()
    ]


def test_excluded_combinations_do_not_appear():
    all_images, images = (render_images(scenes=90, size=64, **more) for more in ({}, {"without": EXCLUDED}))
    for combination in EXCLUDED:
        assert filter_annotations(combination, all_images), (
            combination
        )  # the test has power: the combination is common without the option
        assert not filter_annotations(combination, images), combination
    assert filter_annotations({"noun": "apple", "ripeness": "overripe"}, images) and filter_annotations(
        {"noun": "pear"}, images
    )


def test_exclusion_of_everything_is_refused():
    everything = [{"noun": "apple", "health": value} for value in ("healthy", "damaged", "diseased")]
    with pytest.raises(UserError, match="`without` excludes every apple of size"):
        render_images(without=everything, size=64)
