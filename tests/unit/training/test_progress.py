"""What people see of a training: lines in the log, and TensorBoard's events."""

import logging
import time

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from samgap.training import progress
from samgap.training.tasks import Score


def read_events(folder):
    """Return (step, value) of each event by name."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        name: [(event.step, round(event.value, 4)) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_the_speed_line_has_the_loss_the_rate_the_memory_and_the_time_left(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "samgap")
    now = time.monotonic()
    with progress.ProgressLog(None, 100, 10, "cpu") as log:
        log.report_speed(12, 1.5, 1e-3)
        assert not caplog.text
        monkeypatch.setattr(progress.time, "monotonic", lambda: now + 20)
        log.report_speed(20, 1.5, 1e-3)
    assert "step 20 of 100: loss 1.5, learning rate 0.001, 0.5 steps/s, at most " in caplog.text
    assert "GB, about 0:02:40 left" in caplog.text


def test_values_are_logged_with_intervals_and_written_as_events(tmp_path, caplog):
    caplog.set_level(logging.INFO, "samgap")
    with progress.ProgressLog(tmp_path, 10, 0, "cpu") as log:
        log.report_values("", 1, {"total": 2.0}, 0.5)
        log.report_values(", validation", 2, {"val_iou": Score(0.5, 0.4, 0.6, 12)}, 0.25)
    assert "step 1 of 10: total 2" in caplog.text
    assert "step 2 of 10, validation: val_iou 0.5 [0.4, 0.6]" in caplog.text
    events = read_events(tmp_path)
    assert events == {"total": [(1, 2.0)], "val_iou": [(2, 0.5)], "learning_rate": [(1, 0.5), (2, 0.25)]}


def test_a_resumed_training_replaces_later_events(tmp_path):
    with progress.ProgressLog(tmp_path, 10, 0, "cpu") as log:
        for step in (1, 2, 3):
            log.report_values("", step, {"total": float(step)}, 0.5)
    time.sleep(1.1)  # files of events have the second in their name
    with progress.ProgressLog(tmp_path, 10, 1, "cpu") as log:
        log.report_values("", 2, {"total": 20.0}, 0.5)
    assert read_events(tmp_path)["total"] == [(1, 1.0), (2, 20.0)]
