import numpy as np
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.prompts import box, clicks, exemplar, grid, mask, phrases, point, track
from samgap.prompts.seed import Seed
from samgap.prompts.write import write_prompts
from samgap.tables.prompts import PROMPTS
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_gids, list_texts, save_figure

SIZE = 64
PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "pear", "noun": "pear"},
    {"phrase": "shiny apple", "noun": "apple", "attributes": {"gloss": "high"}},
]
APPLE = PHRASES[:1]
SETS = {
    "box": (box, {"jitter": 0.1}),
    "points": (point, {"points": 2, "negatives": 1}),
    "mask": (mask, {"coarse": "dilated"}),
    "clicks": (clicks, {"clicks": 9}),
    "grid": (grid, {"side": 4}),
    "words": (phrases, {"phrases": PHRASES}),
    "unknown": (phrases, {"phrases": PHRASES[2:]}),
    "examples": (exemplar, {"phrases": APPLE, "positives": 2, "negatives": 1}),
}


def square_mask(cell, side=10):
    """Return a square in one of nine cells of the image."""
    square = np.zeros((SIZE, SIZE), bool)
    y, x = divmod(cell, 3)
    square[4 + 20 * y : 4 + 20 * y + side, 4 + 20 * x : 4 + 20 * x + side] = True
    return square


def make_dataset(folder, images, nouns):
    """Write a data set and return its ground truth."""
    paths = [folder / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(images, {"nouns": nouns, "attributes": {}}, *paths, dataset="orchard")
    return ground_truth.read_ground_truth(paths[1])


def encode_image(folder):
    """Return a green image as PNG."""
    Image.new("RGB", (SIZE, SIZE), (60, 90, 50)).save(folder / "plain.png")
    return (folder / "plain.png").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write five images with 0 to 4 instances and their prompts; the image with one instance has no apple."""
    folder = tmp_path_factory.mktemp("sheet")
    data = encode_image(folder)
    labels = [[Annotation("apple", mask=square_mask(cell, 6 + cell)) for cell in range(count)] for count in range(5)]
    labels[1] = [Annotation("pear", mask=square_mask(4))]
    labels[4][3] = Annotation("pear", mask=square_mask(7))
    images = [
        AnnotatedImage(f"s{index}.png", data, SIZE, SIZE, "g", annotations, {})
        for index, annotations in enumerate(labels)
    ]
    truth = make_dataset(folder, images, ["apple", "pear"])
    for name, (kind, options) in SETS.items():
        prompts = kind.generate_prompts(truth, options, Seed(1, "orchard"))
        write_prompts(folder / f"{name}.parquet", prompts, truth, {})
    return folder


def make_request(folder, sets=tuple(SETS), images=2):
    inputs = {"images": str(folder / "images"), "image_table": str(folder / "images.parquet")}
    inputs |= {"truth": str(folder / "instances.json"), "estimates": "not-read"}
    inputs["prompts"] = [str(folder / f"{name}.parquet") for name in sets]
    entry = {"dataset": "orchard", "images": images, "prompts": list(sets)}
    return FigureRequest("prompt-sheet", inputs, entry, MODELS)


@pytest.fixture(scope="module")
def output(folder):
    return draw(make_request(folder))


def test_all_spatial_prompts_of_an_image_are_drawn_and_one_of_the_others(folder, output):
    rows = output.rows
    # Of the four images with instances, ranked by their number, those at a quarter and three quarters.
    assert rows["file"].unique().tolist() == ["s2.png", "s4.png"]
    counts = rows.groupby(["prompts", "file"]).size()
    for name in ("box", "points", "mask", "clicks"):
        assert counts[name].tolist() == [2, 4]
    for name in ("grid", "words", "unknown", "examples"):
        assert counts[name].tolist() == [1, 1]
    for name, set_rows in rows.groupby("prompts"):
        table = PROMPTS.read(folder / f"{name}.parquet").set_index("prompt_id")
        assert set(set_rows["prompt_id"]) <= set(table.index)
        assert set(set_rows["source"]) == {str(folder / f"{name}.parquet")}
    assert set(rows[rows["prompts"] == "points"]["points"]) == {3}
    assert rows[rows["prompts"] == "mask"]["mask"].all()
    assert rows[rows["prompts"] == "unknown"]["n_truth"].isna().all()


def test_texts_have_the_phrase_and_the_number_of_ground_truth_instances(output):
    texts, gids = list_texts(output.figure), list_gids(output.figure)
    assert {f"set-{name}" for name in SETS} <= set(gids)
    assert texts.count("first of up to 9 clicks") == 2
    assert {"2 × 16 points", "4 × 16 points", "? × “shiny apple”"} <= set(texts)
    # Of the phrases with instances, the one at a quarter and at three quarters.
    assert {"2 × “apple”", "1 × “pear”"} <= set(texts)


def test_the_name_of_a_set_is_directly_above_its_texts(output):
    artists = {text.get_gid(): text for text in output.figure.texts if text.get_gid()}
    without_text = artists["set-box"].get_position()[1] - artists["words-box-3"].get_position()[1]
    with_text = artists["set-clicks"].get_position()[1] - artists["words-clicks-3"].get_position()[1]
    assert 0 < without_text < with_text


def test_the_legend_explains_each_mark(output):
    marks = ["positive point", "negative point", "positive box", "negative box", "mask prompt", "ground truth"]
    assert [text for text in list_texts(output.figure) if text in marks] == marks


def test_no_text_overlaps_or_is_cut(output):
    check_texts(output.figure)


def test_a_long_phrase_is_not_cut(folder, tmp_path):
    phrase = "which apples should be left on the tree for another week because they are neither ripe nor damaged"
    prompts = PROMPTS.read(folder / "words.parquet").assign(phrase=phrase)
    PROMPTS.write(tmp_path / "words.parquet", prompts)
    for name in ("images", "images.parquet", "instances.json", "box.parquet"):
        (tmp_path / name).symlink_to(folder / name)
    figure = draw(make_request(tmp_path, ("box", "words"))).figure
    assert sum(f"“{phrase}”" in text for text in list_texts(figure)) == 2
    check_texts(figure)


def test_only_prompts_are_drawn_so_there_is_no_demo_stamp(folder, tmp_path):
    assert "demo-stamp" not in save_figure(make_request(folder), tmp_path)["svg"].read_text(encoding="utf-8")


def test_negative_prompts_are_blue_and_positive_ones_orange(folder, tmp_path):
    def count_pixels(sets):
        path = save_figure(make_request(folder, sets), tmp_path / sets[0])["png"]
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)[80:]  # without the legend
        return [int((np.abs(pixels - colour).sum(axis=2) < 30).sum()) for colour in ((230, 159, 0), (0, 114, 178))]

    orange, blue = count_pixels(("points", "examples"))
    assert orange > 200 and blue > 50
    orange, blue = count_pixels(("box",))
    assert orange > 100 and blue == 0


def test_the_text_of_tracks_has_the_numbers_of_prompted_and_tracked_objects(tmp_path):
    """Two objects from the first frame on, a third from the second."""
    data = encode_image(tmp_path)
    images = []
    for frame in range(2):
        labels = [Annotation("apple", mask=square_mask(cell), track_id=cell) for cell in range(2 + frame)]
        images.append(
            AnnotatedImage(f"s/{frame}.png", data, SIZE, SIZE, "s", labels, {}, sequence="s", frame_index=frame)
        )
    truth = make_dataset(tmp_path, images, ["apple"])
    write_prompts(tmp_path / "track.parquet", track.generate_prompts(truth, {}, Seed(1, "orchard")), truth, {})
    output = draw(make_request(tmp_path, sets=("track",)))
    assert {"2 prompted, 0 tracked", "1 prompted, 2 tracked"} <= set(list_texts(output.figure))
    rows = output.rows.sort_values(["file", "prompt_id"])
    assert rows["boxes"].tolist() == [1, 1, 0, 0, 1] and rows["n_truth"].tolist() == [1] * 5


def test_an_image_without_prompts_is_drawn_with_a_text_that_says_so(folder):
    # The image with only a pear has no exemplar of an apple.
    assert "no prompts" in list_texts(draw(make_request(folder, sets=("examples",), images=9)).figure)


def test_too_many_prompt_sets_are_an_error(folder, tmp_path):
    sets = tuple(SETS) * 12
    numbered = tuple(f"{name}-{index}" for index, name in enumerate(sets))
    for alias, name in zip(numbered, sets, strict=True):
        (tmp_path / f"{alias}.parquet").symlink_to(folder / f"{name}.parquet")
    for name in ("images", "images.parquet", "instances.json"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(UserError, match="96 prompt sets on 4 images each do not fit on a page"):
        draw(make_request(tmp_path, numbered, images=4))


def test_an_entry_without_prompts_is_an_error(folder):
    with pytest.raises(UserError, match=r"figures.prompt-sheet names no `prompts`"):
        draw(make_request(folder, sets=()))


def test_files_are_byte_identical_when_drawn_again(folder, tmp_path):
    sets = ("points", "mask", "words")
    first, second = (save_figure(make_request(folder, sets), tmp_path / name) for name in ("a", "b"))
    for file_format, path in first.items():
        assert path.read_bytes() == second[file_format].read_bytes(), file_format


def test_the_figure_looks_like_its_reference_image(folder, check_image):
    check_image(draw(make_request(folder, images=1)).figure, "prompt-sheet")
