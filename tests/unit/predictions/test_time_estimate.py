"""The estimate of a shard's run time."""

import logging

import pytest

from samgap.predictions.time_estimate import RuntimeEstimator


def collect_logged_estimates(caplog, device, n_images, image_seconds):
    with caplog.at_level(logging.INFO, logger="samgap"):
        estimator = RuntimeEstimator(device, n_images)
        for seconds in image_seconds:
            estimator.update(seconds)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    ("device", "n_images", "image_seconds", "level", "message"),
    [
        (
            *("cpu", 600, [9.0, 2.0, 2.0, 50.0, 2.0], "WARNING"),
            "about 20 minutes on the CPU for 600 images (2 s per image, measured on the first 3)",
        ),
        (
            *("cpu", 100, [45.0, 40.0], "WARNING"),
            "about 75 minutes on the CPU for 100 images (45 s per image, measured on the first)",
        ),
        (
            *("cpu", 30, [0.9, 0.1, 0.1], "INFO"),
            "about 3 s on the CPU for 30 images (0.1 s per image, measured on the first 3)",
        ),
        (
            *("cuda", 36000, [0.9, 0.1, 0.1, 0.1], "INFO"),
            "about 60 minutes on the GPU for 36000 images (0.1 s per image, measured on the first 3)",
        ),
    ],
)
def test_one_estimate_is_logged_and_a_long_one_on_a_cpu_is_a_warning(
    caplog, device, n_images, image_seconds, level, message
):
    assert collect_logged_estimates(caplog, device, n_images, image_seconds) == [(level, message)]


def test_too_few_images_give_no_estimate(caplog):
    assert collect_logged_estimates(caplog, "cpu", 2, [0.1, 0.1]) == []
