"""Labels of connected components by SciPy, as the package's function returns them."""

import torch

from samgap.models.sam3.connected_components import use_scipy_labels

# isort: split
from sam3.perflib import connected_components


def test_components_touch_at_corners_and_have_their_area():
    use_scipy_labels()
    foreground = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]])
    labels, areas = connected_components.connected_components_cpu_single(foreground)
    assert labels.tolist() == [[1, 0, 0, 2], [0, 1, 0, 2], [0, 0, 0, 0]]
    assert areas.tolist() == [[2, 0, 0, 2], [0, 2, 0, 2], [0, 0, 0, 0]]
