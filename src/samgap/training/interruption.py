"""Signals that ask a training to stop: it finishes its step, saves its state, and ends with one line."""

import signal
from types import FrameType, TracebackType

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
"""SLURM sends SIGTERM at a time limit or a preemption; SIGUSR1 is what `--signal` is commonly set to."""


class StopRequest:
    """A context in which STOP_SIGNALS do not end the process but are noted in `signal_name`.

    Outside of the main thread, where Python allows no handlers, signals keep their effect.
    """

    def __init__(self) -> None:
        self.signal_name: str | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        try:
            for number in STOP_SIGNALS:
                self._previous[number] = signal.signal(number, self._note)
        except ValueError:
            self._previous.clear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def get_signal_name(self) -> str | None:
        """Return the name of the last signal of STOP_SIGNALS, None if there was none."""
        return self.signal_name

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name
