"""The time that a shard will take, told up front."""

import logging

import pytest

from samgap.predictions.time_estimate import RuntimeEstimator


def _told(caplog, device, images, times):
    with caplog.at_level(logging.INFO, logger="samgap"):
        estimate = RuntimeEstimator(device, images)
        for seconds in times:
            estimate.update(seconds)
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize(
    ("device", "images", "times", "wanted"),
    [
        (
            "cpu", 600, [9.0, 2.0, 2.0, 50.0, 2.0],
            ("WARNING", "on the CPU about 20 minutes for 600 images (2 s an image, measured on the first 3)"),
        ),
        (
            "cpu", 100, [45.0, 40.0],
            ("WARNING", "on the CPU about 75 minutes for 100 images (45 s an image, measured on the first)"),
        ),
        (
            "cpu", 30, [0.9, 0.1, 0.1],
            ("INFO", "on the CPU about 3 s for 30 images (0.1 s an image, measured on the first 3)"),
        ),
        (
            "cuda", 36000, [0.9, 0.1, 0.1, 0.1],
            ("INFO", "on the GPU about 60 minutes for 36000 images (0.1 s an image, measured on the first 3)"),
        ),
    ],
)  # fmt: skip
def test_it_is_told_once_and_on_a_terminal_where_it_is_long(caplog, device, images, times, wanted):
    assert _told(caplog, device, images, times) == [wanted]


def test_nothing_is_told_of_too_few_images(caplog):
    assert _told(caplog, "cpu", 2, [0.1, 0.1]) == []
