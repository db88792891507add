"""Models without memory: the device `meta`, with what the packages read from tensors while they build a model."""

import torch

from samgap.inventory.meta_device import meta_device


def test_modules_and_cuda_tensors_are_on_meta():
    with meta_device():
        linear = torch.nn.Linear(3, 4)
        cuda = torch.zeros(2, device="cuda").cuda()
    assert linear.weight.device.type == cuda.device.type == "meta"


def test_numbers_of_linspace_can_be_read():
    with meta_device():
        rates = [rate.item() for rate in torch.linspace(0, 1, 3)]
    assert rates == [0.0, 0.5, 1.0]


def test_the_default_device_is_restored():
    with meta_device():
        pass
    assert torch.zeros(1).device.type == "cpu"
