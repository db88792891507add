"""A prompt set depends on the run's seed exactly if its kind and options say that it draws random numbers."""

import importlib
from pathlib import Path

import pytest

from samgap.annotations.ground_truth import read_ground_truth
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset
from samgap.prompts.seed import Seed
from samgap.prompts.subset import select_subset

KINDS = read_prompt_kinds(Path(__file__).parents[2])
APPLES = {"phrases": [{"phrase": "apple", "noun": "apple"}]}
WORDS = {"size": {"large": {}, "small": {}, "round": {}}, "base": {"apple": {"noun": "apple"}}}
TEMPLATES = {"templates": ["{size} {base}"], "words": WORDS}
WITHOUT_DRAWS = {
    "box": [{}, {"jitter": 0}],
    "point": [{}, {"points": 3, "place": "centre", "negatives": 0}],
    "point-box": [{}, {"points": 2}],
    "mask": [{"coarse": "eroded"}, {"coarse": "blocky", "points": 2}],
    "clicks": [{"clicks": 3}],
    "grid": [{"side": 3}],
    "track": [{}, {"show": "point-box"}],
    "phrases": [APPLES],
    "templates": [TEMPLATES],
    "perturbations": [{**APPLES, "contexts": ["{phrase} on a tree"], "reorder": True}],
    "exemplar": [],
}
WITH_DRAWS = {
    "box": [{"jitter": 0.1}],
    "point": [{"place": "random"}, {"place": "boundary"}, {"negatives": 2}],
    "point-box": [{"jitter": 0.1}, {"place": "random"}, {"negatives": 1}],
    "mask": [{"coarse": "eroded", "points": 1, "place": "random"}],
    "track": [{"jitter": 0.1}, {"show": "point", "place": "random"}, {"show": "point", "negatives": 1}],
    "templates": [{**TEMPLATES, "sample": 1}],
    "exemplar": [APPLES],
}
SUBSETS = [("grid", {"images": 1}), ("box", {"instances": 2})]


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    options = {"scenes": 3, "size": 128, "seed": 4, "frames": 2}
    paths = [folder / name for name in ("images", "instances.json", "images.parquet")]
    scenes, labels = orchard_sim.iter_images(options, {}, 0), orchard_sim.describe_labels(options)
    write_dataset(scenes, labels, *paths, dataset="orchard")
    return read_ground_truth(paths[1])


def generate(kind, options, truth, run_seed):
    module = importlib.import_module(f"samgap.prompts.{kind.replace('-', '_')}")
    seed = Seed(run_seed, "orchard")
    rows, _ = select_subset(module.generate_prompts(truth, options, seed), options.get("subset"), truth, seed)
    return list(rows)


def test_every_kind_is_tested():
    assert KINDS.keys() == WITHOUT_DRAWS.keys()


@pytest.mark.parametrize(("kind", "options"), [(kind, each) for kind, sets in WITHOUT_DRAWS.items() for each in sets])
def test_a_set_that_does_not_use_the_seed_needs_none(truth, kind, options):
    assert not KINDS[kind].uses_seed(options)
    assert generate(kind, options, truth, None) == generate(kind, options, truth, 1) != []


@pytest.mark.parametrize(("kind", "options"), [(kind, each) for kind, sets in WITH_DRAWS.items() for each in sets])
def test_a_set_that_uses_the_seed_changes_with_it(truth, kind, options):
    assert KINDS[kind].uses_seed(options)
    first, *others = (generate(kind, options, truth, run_seed) for run_seed in range(6))
    assert first and any(rows != first for rows in others)


@pytest.mark.parametrize(("kind", "subset"), SUBSETS)
def test_a_subset_uses_the_seed(truth, kind, subset):
    options = {"side": 2, "subset": subset}
    assert KINDS[kind].uses_seed(options)
    first, *others = (generate(kind, options, truth, run_seed) for run_seed in range(6))
    assert first and any(rows != first for rows in others)


def test_a_draw_that_is_not_declared_is_an_error(truth):
    with pytest.raises(ValueError, match="SEED_OPTIONS say that it draws none with these options; correct them"):
        generate("box", {"jitter": 0.1}, truth, None)


def test_a_kind_without_a_declaration_uses_the_seed():
    assert KINDS["exemplar"].seed_options is None and KINDS["exemplar"].uses_seed({})
