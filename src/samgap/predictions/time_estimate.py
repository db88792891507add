"""An estimate of how long a shard takes, logged after the first images."""

import logging
import statistics

logger = logging.getLogger("samgap")

N_MEASURED_IMAGES = 3
"""The number of images that the estimate is based on; the first one also warms up the model."""
SLOW_IMAGE_SECONDS = 20.0
"""One image is enough for an estimate if it takes this long."""
WARNING_MINUTES = 2
"""On a CPU, an estimate of at least this is logged as a warning, because the user may want to stop the run."""


class RuntimeEstimator:
    """Logs one estimate of the total time after the first images.

    Args:
        device: "cpu" or "cuda".
        n_images: the number of images with prompts.
    """

    def __init__(self, device: str, n_images: int) -> None:
        self.device, self.n_images = device, n_images
        self.image_seconds: list[float] = []

    def update(self, seconds: float) -> None:
        """Add the time of one image, and log the estimate if this is the last image needed for it."""
        has_estimate = (
            len(self.image_seconds) >= N_MEASURED_IMAGES or max(self.image_seconds, default=0) >= SLOW_IMAGE_SECONDS
        )
        self.image_seconds.append(seconds)
        if not has_estimate and (len(self.image_seconds) == N_MEASURED_IMAGES or seconds >= SLOW_IMAGE_SECONDS):
            self._log_estimate(statistics.median(self.image_seconds))

    def _log_estimate(self, seconds_per_image: float) -> None:
        minutes = seconds_per_image * self.n_images / 60
        n_measured = len(self.image_seconds)
        logger.log(
            logging.WARNING if self.device == "cpu" and minutes >= WARNING_MINUTES else logging.INFO,
            "about %s on the %s for %d images (%.2g s per image, measured on %s)",
            f"{minutes:.0f} minutes" if minutes >= 1.5 else f"{max(round(minutes * 60), 1)} s",
            {"cpu": "CPU", "cuda": "GPU"}[self.device],
            self.n_images,
            seconds_per_image,
            "the first" if n_measured == 1 else f"the first {n_measured}",
        )
