"""Parts of a model by name: freezing them, and counting what is trained."""

from collections.abc import Iterable, Mapping, Sequence

import torch

from samgap.errors import UserError

PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "sam2": {
        "image-encoder": ("image_encoder",),
        "trunk": ("image_encoder.trunk",),
        "neck": ("image_encoder.neck",),
        "prompt-encoder": ("sam_prompt_encoder",),
        "decoder": ("sam_mask_decoder",),
        "memory": (
            *("memory_attention", "memory_encoder", "maskmem_tpos_enc", "mask_downsample"),
            *("obj_ptr_proj", "obj_ptr_tpos_proj", "no_obj_ptr", "no_obj_embed_spatial"),
            *("no_mem_embed", "no_mem_pos_enc"),
        ),
    },
    "sam3": {
        "image-encoder": ("backbone.vision_backbone",),
        "trunk": ("backbone.vision_backbone.trunk",),
        "neck": ("backbone.vision_backbone.convs",),
        "text-encoder": ("backbone.language_backbone",),
        "prompt-encoder": ("geometry_encoder",),
        "fusion-encoder": ("transformer.encoder",),
        "decoder": ("transformer.decoder", "dot_prod_scoring"),
        "mask-head": ("segmentation_head",),
    },
}
"""Family -> name of a part -> modules or parameters of the package's model. A model has not all of them."""

MAX_IDLE_STEPS = 10
"""A training stops if no trained weight gets a gradient in so many first steps."""


def resolve_part(part: str, family: str, names: Iterable[str], key: str) -> set[str]:
    """Return the names of the parameters that belong to a part.

    Args:
        part: a name of PARTS, or that of a module or parameter
        family: the family of the training; one that is not in PARTS has modules alone
        names: the names of the model's parameters
        key: the option that names the part, for messages

    Raises:
        UserError: the model does not have the part.
    """
    names = list(names)
    modules = PARTS.get(family, {}).get(part, (part,))
    found = {name for name in names if any(is_inside(name, module) for module in modules)}
    if not found:
        parts = [*PARTS.get(family, {}), *dict.fromkeys(name.split(".")[0] for name in names)]
        raise UserError(
            f"training: {key} names '{part}', which the model does not have; its parts are {', '.join(parts)}"
        )
    return found


def is_inside(name: str, module: str) -> bool:
    """Return whether a parameter or module is `module` itself or belongs to it."""
    return f"{name}.".startswith(f"{module}.")


def freeze_parts(model: torch.nn.Module, parts: Sequence[str], family: str) -> None:
    """Exclude the parameters of parts from training.

    Raises:
        UserError: the model does not have a part, or nothing would be trained.
    """
    parameters = dict(model.named_parameters())
    for part in parts:
        for name in resolve_part(part, family, parameters, "frozen"):
            parameters[name].requires_grad_(False)
    if not any(parameter.requires_grad for parameter in parameters.values()):
        raise UserError("training: frozen names all of the model, so nothing would be trained; name fewer parts")


def count_parameters(model: torch.nn.Module, family: str) -> list[dict[str, str | int]]:
    """Return the number of all and of the trained weights of each part of a model.

    Parts are those of PARTS that have no other part inside (`trunk` rather than `image-encoder`), then modules at the
    top of the model that belong to none.

    Returns:
        Rows with `part`, `trained` and `all`, in the order of PARTS; parts without weights have no row.
    """
    modules = _list_smallest_parts(PARTS.get(family, {}))
    counts: dict[str, list[int]] = {part: [0, 0] for part in modules}
    for name, parameter in model.named_parameters():
        owners = (part for part, paths in modules.items() if any(is_inside(name, path) for path in paths))
        count = counts.setdefault(next(owners, name.split(".")[0]), [0, 0])
        count[0] += parameter.numel() if parameter.requires_grad else 0
        count[1] += parameter.numel()
    return [{"part": part, "trained": trained, "all": total} for part, (trained, total) in counts.items() if total]


def format_counts(rows: Iterable[Mapping[str, str | int]]) -> str:
    """Return the rows of `count_parameters` as one line."""
    rows = list(rows)
    texts = [f"{row['part']} {row['trained']:,} of {row['all']:,}" for row in rows]
    trained, total = (sum(int(row[key]) for row in rows) for key in ("trained", "all"))
    return f"{trained:,} of {total:,} weights are trained: {', '.join(texts)}"


class GradientMonitor:
    """Watches which trained weights get a gradient in the first steps of a training."""

    def __init__(self, model: torch.nn.Module, family: str) -> None:
        """Start with all trained parameters of a model as idle."""
        self._model, self._family = model, family
        self._idle = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self._n_trained, self._n_steps = len(self._idle), 0

    def update(self) -> None:
        """Read the gradients of a step.

        Raises:
            UserError: no trained weight got a gradient in MAX_IDLE_STEPS steps.
        """
        self._n_steps += 1
        self._idle = {
            name: value for name, value in self._idle.items() if value.grad is None or not bool(value.grad.any())
        }
        if self._n_steps == MAX_IDLE_STEPS and len(self._idle) == self._n_trained:
            raise UserError(
                f"training: no trained weight got a gradient in {MAX_IDLE_STEPS} steps, so nothing is learned; check "
                "frozen, adapters and loss-weights"
            )

    def describe_idle(self) -> str:
        """Return the number of idle parameters of each part as text; empty if there are none."""
        parts = _list_smallest_parts(PARTS.get(self._family, {}))
        counts: dict[str, int] = {}
        for name in self._idle:
            owners = (part for part, paths in parts.items() if any(is_inside(name, path) for path in paths))
            part = next(owners, name.split(".")[0])
            counts[part] = counts.get(part, 0) + 1
        return ", ".join(f"{count} tensors of {part}" for part, count in counts.items())


def _list_smallest_parts(parts: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    def contains_another(part: str) -> bool:
        others = [path for name, paths in parts.items() if name != part for path in paths]
        return any(is_inside(other, path) for path in parts[part] for other in others)

    return {part: paths for part, paths in parts.items() if not contains_another(part)}
