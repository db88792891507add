"""How long a shard will take, told as soon as the first images say it."""

import logging
import statistics

logger = logging.getLogger("samgap")

FIRST = 3
"""Images that it is measured on, the first of which warms up; one alone where that took long enough to know."""
LONG = 20.0
"""Seconds after which one image is enough."""


class Estimate:
    """Told of every image that is done, says once about how many minutes all `images` take on `device`."""

    def __init__(self, device: str, images: int) -> None:
        self.device, self.images = device, images
        self.times: list[float] = []

    def step(self, seconds: float) -> None:
        """One more image, which took so many seconds."""
        known = len(self.times) >= FIRST or max(self.times, default=0) >= LONG
        self.times.append(seconds)
        if not known and (len(self.times) == FIRST or seconds >= LONG):
            self._tell(statistics.median(self.times))

    def _tell(self, each: float) -> None:
        minutes = each * self.images / 60
        first = "the first" if len(self.times) == 1 else f"the first {len(self.times)}"
        # On a terminal only what a user may want to stop.
        logger.log(
            logging.WARNING if self.device == "cpu" and minutes >= 2 else logging.INFO,
            "on the %s about %s for %d images (%.2g s an image, measured on %s)",
            {"cpu": "CPU", "cuda": "GPU"}[self.device],
            f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{max(round(minutes * 60), 1)} s",
            self.images,
            each,
            first,
        )
