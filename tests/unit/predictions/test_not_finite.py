"""A shard fails if most of its predictions are NaN or infinite, as early as that is certain, and also when resumed."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.models import NOT_FINITE, FrameOutput, Prediction
from samgap.models.shape import Shape
from samgap.predictions.checks import ModelLabel
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import MAX_PENDING_IMAGES, predict_shard
from samgap.predictions.tracks import predict_tracks
from samgap.tables import parquet
from samgap.tables.predictions import MASKS

N_IMAGES = 8
BOX = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
LABEL = ModelLabel("sam9", ("bf16",))


class FailingShape(Shape):
    """Predicts boxes; NaN for the prompts whose number on their image is below `n_failing`."""

    def __init__(self, n_failing):
        super().__init__("box")
        self.n_failing, self.n_encoded = n_failing, 0

    def set_image(self, image):
        self.n_encoded += 1
        super().set_image(image)

    def predict(self, prompts):
        return [[NOT_FINITE]] * self.n_failing + list(super().predict(prompts[self.n_failing :]))


@pytest.fixture
def shard(tmp_path):
    """Images with two prompts each, their folder, and a function that opens the chunks of the shard."""
    for number in range(N_IMAGES):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / f"{number}.png")
    images = pd.DataFrame(
        [{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30, "group": str(n)} for n in range(N_IMAGES)]
    )
    prompts = pd.DataFrame(
        [
            {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "points": None, "phrase": None, "boxes": [BOX]}
            for n in range(N_IMAGES)
            for k in range(2)
        ]
    )
    return images, tmp_path, prompts, lambda: ChunkStore(tmp_path / "chunks", {"weights": "a"}, max_seconds=0.0)


def test_half_of_them_are_counted_and_the_shard_succeeds(shard, caplog):
    images, folder, prompts, open_chunks = shard
    chunks = open_chunks()
    predict_shard(FailingShape(1), images, folder, prompts, "cpu", chunks, label=LABEL)
    warnings = chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
    provenance = parquet.read_provenance(folder / "masks.parquet")
    assert provenance["n_not_finite"] == N_IMAGES and provenance["notes"] == warnings and len(warnings) == N_IMAGES
    assert provenance["unpredicted"] == [f"{n}-0" for n in range(N_IMAGES)]
    assert warnings[0].startswith("prompt 0-0 of image 0.png skipped: a score or mask of its predictions is NaN")
    assert "its instances count as missed, and a phrase without an instance is not evaluable" in warnings[0]
    assert warnings[0] in [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    masks = MASKS.read(folder / "masks.parquet")
    assert list(masks["prompt_id"]) == [f"{n}-1" for n in range(N_IMAGES)] and masks["score"].notna().all()


def test_a_table_without_them_has_no_count(shard):
    images, folder, prompts, open_chunks = shard
    chunks = open_chunks()
    predict_shard(FailingShape(0), images, folder, prompts, "cpu", chunks)
    chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
    provenance = parquet.read_provenance(folder / "masks.parquet")
    assert "n_not_finite" not in provenance and "unpredicted" not in provenance


def test_a_shard_of_nan_fails_when_that_is_certain_and_is_predicted_again(shard):
    images, folder, prompts, open_chunks = shard
    model = FailingShape(2)
    expected = r"^model sam9 \(precision bf16\): scores or masks of 10 of 16 prompts .*first on image 0\.png; try `prec"
    with pytest.raises(UserError, match=expected):
        predict_shard(model, images, folder, prompts, "cpu", open_chunks(), label=LABEL)
    assert model.n_encoded == 5 + MAX_PENDING_IMAGES < N_IMAGES  # five images decide
    again = open_chunks()
    assert (again.n_done, again.n_prompts, again.not_finite_images) == (0, 0, [])
    predict_shard(FailingShape(0), images, folder, prompts, "cpu", again, label=LABEL)
    again.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
    assert len(MASKS.read(folder / "masks.parquet")) == 2 * N_IMAGES


def test_chunks_without_nan_of_a_failed_shard_are_kept(shard):
    images, folder, prompts, open_chunks = shard
    model = FailingShape(0)
    set_image = model.set_image

    def fail_later(image):
        set_image(image)
        model.n_failing = 2 if model.n_encoded > 2 else 0

    model.set_image = fail_later
    chunks = ChunkStore(folder / "chunks", {"weights": "a"}, max_seconds=0.0)
    with pytest.raises(UserError, match="scores or masks of 10 of 16 prompts"):
        predict_shard(model, images, folder, prompts, "cpu", chunks, label=LABEL)
    resumed = open_chunks()
    assert (resumed.n_done, resumed.n_prompts, resumed.not_finite_images) == (2, 4, [])


def test_prompts_that_are_not_predicted_do_not_count(shard):
    images, folder, prompts, open_chunks = shard
    prompts = prompts.copy()
    # Of each image one prompt is invalid, and the other one gives NaN.
    prompts["boxes"] = [[{**BOX, "x1": 5}] if row.endswith("-1") else [BOX] for row in prompts["prompt_id"]]
    with pytest.raises(UserError, match="scores or masks of 8 of 8 prompts"):
        predict_shard(FailingShape(1), images, folder, prompts, "cpu", open_chunks(), label=LABEL)


def test_tracks_fail_too(tmp_path):
    class NanTracker:
        def track(self, frames, object_prompts):
            for index in range(len(frames)):
                yield FrameOutput(index, None)
                found = Prediction(0.9, (5, 5, 15, 25), 200, b"01")
                yield FrameOutput(index, {0: [NOT_FINITE if index else found]})

    (tmp_path / "a").mkdir()
    files = [f"a/{frame}.jpg" for frame in range(3)]
    for file in files:
        Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / file)
    columns = {"width": 40, "height": 30, "group": "g", "sequence": "a"}
    images = pd.DataFrame([{"image_id": n, "file": file, "frame": n, **columns} for n, file in enumerate(files)])
    prompts = pd.DataFrame(
        [
            {
                "prompt_id": f"{n}-0",
                "image_id": n,
                "kind": "track",
                "track": 1.0,
                "boxes": None if n else [BOX],
                "points": None,
            }
            for n in range(3)
        ]
    )
    with pytest.raises(UserError, match=r"^model sam9 .* of 2 of 3 prompts .*first on image a/1\.jpg"):
        predict_tracks(NanTracker(), images, tmp_path, prompts, "cpu", ChunkStore(tmp_path / "chunks", {}), label=LABEL)
