import pandas as pd
import pytest

from samgap.paper.figures import FigureRequest
from samgap.tables.statistics import ESTIMATES
from tests.helpers.cell_files import write_pairs
from tests.helpers.drawn_figures import check_no_data, check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, SKIPPED, draw, list_gids, list_texts, make_estimate, save_figure

CONCEPTS = {"apple": ["apple", "apples"], "ripe apple": ["ripe apple", "mature apple"], "pear": ["pear"]}
SUMMARIES = {"mean": 0.6, "worst": 0.5, "sd": 0.1, "agreement": 0.7}


def make_rows(model, note=None):
    cell = "paraphrases", model, "wording"
    phrases = [phrase for group in CONCEPTS.values() for phrase in group]
    rows = [make_estimate(*cell, "pmf1", None if note else 0.65, note=note)]
    for number, phrase in enumerate(phrases):
        rows.append(make_estimate(*cell, "pmf1", None if note else 0.8 - 0.1 * number, phrase, note))
    for name, value in SUMMARIES.items():
        rows.append(make_estimate(*cell, f"prompt-sensitivity-{name}", None if note else value, note=note))
    return rows


def make_request(rows, folder, concepts=CONCEPTS):
    ESTIMATES.write(folder / "estimates.parquet", pd.DataFrame(rows))
    pairs = [
        {"prompt_id": f"{image}-{phrase}", "image_id": image, "phrase": phrase, "concept": concept}
        for image in (1, 2)
        for concept, phrases in concepts.items()
        for phrase in phrases
    ]
    path = write_pairs(folder, "orchard-sim-test", "sam3-demo", "wording", pairs)
    inputs = {"estimates": str(folder / "estimates.parquet"), "pairs": [str(path)]}
    return FigureRequest("wording", inputs, {"experiments": ["paraphrases"]}, MODELS)


def test_csv_has_phrases_with_paraphrases_and_the_summaries_over_concepts(tmp_path):
    rows = pd.read_csv(save_figure(make_request(make_rows("sam3-demo"), tmp_path), tmp_path / "out")["rows"])
    phrases = rows[rows["metric"] == "pmf1"]
    # "pear" is the only phrase of its concept, and pmF1 of all phrases is not drawn.
    assert list(zip(phrases["concept"], phrases["phrase"], strict=True)) == [
        ("apple", "apple"), ("apple", "apples"), ("ripe apple", "ripe apple"), ("ripe apple", "mature apple"),
    ]  # fmt: skip
    assert phrases["value"].tolist() == pytest.approx([0.8, 0.7, 0.6, 0.5])
    summaries = rows[rows["metric"] != "pmf1"]
    assert dict(zip(summaries["metric"].str.removeprefix("prompt-sensitivity-"), summaries["value"], strict=True)) == (
        pytest.approx(SUMMARIES)
    )
    assert set(rows["source"]) == {str(tmp_path / "estimates.parquet")}


def test_each_value_has_an_interval_and_each_concept_a_heading(tmp_path):
    rows = make_rows("sam3-demo")
    rows[-2].update(ci_low=None, ci_high=None)  # the standard deviation
    figure = draw(make_request(rows, tmp_path)).figure
    gids = list_gids(figure)
    assert gids.count("value") == 4 + 4 and gids.count("ci") == 4 + 3
    texts = list_texts(figure)
    assert texts.count("apple") == texts.count("ripe apple") == 2  # the concept and its phrase
    assert "mature apple" in texts and "pear" not in texts
    assert "orchard-sim-test · wording · n = 60 images" in texts


def test_texts_of_several_models_and_long_phrases_neither_overlap_nor_are_cut(tmp_path):
    long = "a phrase with far more words than fit beside the panel of the figure"
    rows = [*make_rows("sam3-demo"), *make_rows("sam3"), *make_rows("sam2-large", SKIPPED)]
    for row in rows:
        row["stratum"] = {"mature apple": long}.get(row["stratum"], row["stratum"])
    concepts = {**CONCEPTS, "ripe apple": ["ripe apple", long]}
    figure = draw(make_request(rows, tmp_path, concepts)).figure
    assert f"SAM2.1-L: no data: {SKIPPED}" in list_texts(figure)
    assert any(text.endswith("…") for text in list_texts(figure))
    check_texts(figure)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (make_rows("sam3", SKIPPED), SKIPPED),
        ([make_estimate("paraphrases", "sam3", "wording", "iou", 0.5)], "no experiment of the figure has phrases"),
    ],
)
def test_without_values_the_figure_says_why(rows, reason, tmp_path):
    check_no_data(draw(make_request(rows, tmp_path)).figure, reason)


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = make_request(make_rows("sam3-demo"), tmp_path)
    check_same_bytes_and_stamp(request, tmp_path)
