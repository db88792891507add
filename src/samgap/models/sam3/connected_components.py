"""A replacement for the package's labelling of connected components on a CPU."""

import torch
from scipy import ndimage

# isort: split
from sam3.perflib import connected_components


def use_scipy_labels() -> None:
    """Make the package label connected components with SciPy on a CPU.

    The package uses scikit-image. If that is not installed, it logs a warning and leaves holes, which it fills on a
    GPU.
    """
    connected_components.connected_components_cpu_single = _label_components


def _label_components(foreground: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return labels of the 8-connected components of a mask, and the area of each pixel's component.

    Args:
        foreground: integer (height, width), nonzero in the foreground.

    Returns:
        Two integer tensors (height, width); both are 0 in the background.
    """
    labels, n_components = ndimage.label(foreground.cpu().numpy(), [[1] * 3] * 3)
    areas = ndimage.sum_labels(labels > 0, labels, range(n_components + 1)).astype(int)
    return torch.from_numpy(labels), torch.from_numpy(areas[labels])
