"""How much of SAM2 is in SAM3: the tensors of its tracker and those of SAM2.1 without its image encoder, by shape."""

from collections import Counter
from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from samgap.inventory.models import VIDEO_MODEL, build_published
from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/model_builder.py: build_tracker; sam2/build_sam.py: build_sam2"
RENAMED = {"maskmem_backbone": "memory_encoder", "transformer.encoder": "memory_attention"}
"""Name of a module in SAM3's tracker -> its name in SAM2."""


def measure() -> Iterator[Measurement]:
    """Yield the numbers of tensors and parameters of both, and of the tensors that they share by shape and by name."""
    tracker = dict(build_published(VIDEO_MODEL).get_submodule("tracker").named_parameters())
    sam2 = _select_other_parameters(build_published("sam2.1-large"))
    shapes = [Counter(tuple(tensor.shape) for tensor in tensors.values()) for tensors in (tracker, sam2)]
    names = {_rename(name) for name in tracker}
    for model, package, tensors in (("sam3", "sam3", tracker), ("sam2", "sam2", sam2)):
        n_parameters = sum(tensor.numel() for tensor in tensors.values())
        yield Measurement(f"tensors-of-{model}", len(tensors), "tensors", EVIDENCE, package)
        yield Measurement(f"parameters-of-{model}", n_parameters, "parameters", EVIDENCE, package)
    yield Measurement(
        "shapes-in-common", (shapes[0] & shapes[1]).total(), "tensors", EVIDENCE, "sam3", "multisets of shapes"
    )
    yield Measurement(
        "names-in-common",
        len(names & sam2.keys()),
        "tensors",
        EVIDENCE,
        "sam3",
        "after " + ", ".join(f"{theirs} → {ours}" for theirs, ours in RENAMED.items()),
    )


def _select_other_parameters(model: nn.Module) -> Mapping[str, Tensor]:
    return {name: tensor for name, tensor in model.named_parameters() if not name.startswith("image_encoder.")}


def _rename(name: str) -> str:
    for theirs, ours in RENAMED.items():
        if name.startswith(f"{theirs}."):
            return ours + name.removeprefix(theirs)
    return name
