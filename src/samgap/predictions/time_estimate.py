"""How long a shard will take, told as soon as the first images say it."""

import logging
import statistics

logger = logging.getLogger("samgap")

N_MEASURED_IMAGES = 3
"""Images that it is measured on, the first of which warms up; one alone where that took long enough to know."""
SLOW_IMAGE_SECONDS = 20.0
"""Seconds after which one image is enough."""


class RuntimeEstimator:
    """Told of every image that is done, says once about how many minutes all `images` take on `device`."""

    def __init__(self, device: str, n_images: int) -> None:
        self.device, self.n_images = device, n_images
        self.image_seconds: list[float] = []

    def update(self, seconds: float) -> None:
        """One more image, which took so many seconds."""
        known = len(self.image_seconds) >= N_MEASURED_IMAGES or max(self.image_seconds, default=0) >= SLOW_IMAGE_SECONDS
        self.image_seconds.append(seconds)
        if not known and (len(self.image_seconds) == N_MEASURED_IMAGES or seconds >= SLOW_IMAGE_SECONDS):
            self._log_estimate(statistics.median(self.image_seconds))

    def _log_estimate(self, seconds_per_image: float) -> None:
        minutes = seconds_per_image * self.n_images / 60
        first = "the first" if len(self.image_seconds) == 1 else f"the first {len(self.image_seconds)}"
        # On a terminal only what a user may want to stop.
        logger.log(
            logging.WARNING if self.device == "cpu" and minutes >= 2 else logging.INFO,
            "on the %s about %s for %d images (%.2g s an image, measured on %s)",
            {"cpu": "CPU", "cuda": "GPU"}[self.device],
            f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{max(round(minutes * 60), 1)} s",
            self.n_images,
            seconds_per_image,
            first,
        )
