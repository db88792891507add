"""Count the floating-point operations of the published models, for the costs in config/paper/costs.yaml.

PYTHONPATH=src python benchmarks/count_operations.py

Operations are those of matrix products, convolutions and attention, as torch's FlopCounterMode counts them; a
multiplication and its addition are two. Most parts run on torch's device `meta`, in seconds. SAM3's phrases run on the
CPU with random weights (about 4 GB and some minutes), because the package reads values of tensors there;
`--without-phrases` leaves them out.
"""

import argparse
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from samgap.inventory.meta_device import meta_device
from samgap.inventory.models import build_published
from samgap.models import owlv2

PROMPTS_PER_BATCH = 32
SAM2_SIZES = ("sam2.1-tiny", "sam2.1-small", "sam2.1-base-plus", "sam2.1-large")
SIDE_PX, SIDE = 1024, 64
"""Side of SAM2's input, and of its image embedding."""


def count_tflop(run: Callable[[], Any], on_meta: bool = True) -> float:
    """Return the operations of `run`, in 10^12."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        if on_meta:
            with meta_device():
                run()
        else:
            run()
    return counter.get_total_flops() / 1e12


def count_sam2(name: str) -> dict[str, float]:
    """Return the operations of an image, of a prompt, and of an object on a frame of a video with full memory."""
    model: Any = build_published(name).eval()

    def zeros(*shape: int) -> torch.Tensor:
        return torch.zeros(*shape, device="meta")

    def decode() -> None:
        model.sam_mask_decoder(
            image_embeddings=zeros(1, 256, SIDE, SIDE),
            image_pe=zeros(1, 256, SIDE, SIDE),
            sparse_prompt_embeddings=zeros(PROMPTS_PER_BATCH, 3, 256),
            dense_prompt_embeddings=zeros(PROMPTS_PER_BATCH, 256, SIDE, SIDE),
            multimask_output=False,
            repeat_image=True,
            high_res_features=[zeros(1, 32, 4 * SIDE, 4 * SIDE), zeros(1, 64, 2 * SIDE, 2 * SIDE)],
        )

    def remember() -> None:
        n_pointers = 4 * model.max_obj_ptrs_in_encoder
        memory = [zeros(model.num_maskmem * SIDE**2 + n_pointers, 1, 64) for _ in range(2)]
        frame = [zeros(SIDE**2, 1, 256)]
        model.memory_attention(
            curr=frame, curr_pos=frame, memory=memory[0], memory_pos=memory[1], num_obj_ptr_tokens=n_pointers
        )
        model.memory_encoder(zeros(1, 256, SIDE, SIDE), zeros(1, 1, SIDE_PX, SIDE_PX))

    prompt = count_tflop(decode) / PROMPTS_PER_BATCH
    return {
        "image": count_tflop(lambda: model.forward_image(zeros(1, 3, SIDE_PX, SIDE_PX))),
        "prompt": prompt,
        "frame of an object": prompt + count_tflop(remember),
    }


def count_sam3_image(name: str) -> dict[str, float]:
    """Return the operations of an image."""
    model: Any = build_published(name).eval()
    pixels = torch.zeros(1, 3, 1008, 1008, device="meta")
    return {"image": count_tflop(lambda: model.backbone.forward_image(pixels))}


def count_sam3_phrases() -> dict[str, float]:
    """Return the operations of a phrase on an image, with random weights on the CPU."""
    from PIL import Image

    from samgap.models.sam3 import image as sam3
    from samgap.models.sam3.build import build_published as build_sam3

    network: Any = build_sam3("cpu")
    encoder = network.backbone.language_backbone.encoder
    # The package leaves these uninitialized.
    torch.nn.init.normal_(encoder.positional_embedding, std=0.01)
    torch.nn.init.normal_(encoder.text_projection, std=encoder.width**-0.5)
    model = sam3.Sam3(network.eval(), sam3.PUBLISHED_IMAGE_SIZE, "cpu")
    model.set_image(Image.new("RGB", (720, 1280)))

    def count(phrases: list[str]) -> float:
        prompts = [{"kind": "phrase", "phrase": phrase, "boxes": None} for phrase in phrases]
        return count_tflop(lambda: model.predict(prompts), on_meta=False)

    first = count(["apple"])
    return {"phrase with its text": first, "phrase": count(["apple"]), "two phrases": count(["apple", "orange"])}


def count_owlv2() -> dict[str, float]:
    """Return the operations of an image."""
    model: Any = owlv2.build_model({}).to("meta").eval()
    side = model.config.vision_config.image_size
    return {"image": count_tflop(lambda: model.owlv2.vision_model(torch.zeros(1, 3, side, side, device="meta")))}


def main() -> None:
    """Print the operations of each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--without-phrases", action="store_true", help="leave out what runs on the CPU")
    without_phrases = parser.parse_args().without_phrases
    counts = {name: count_sam2(name) for name in SAM2_SIZES}
    counts |= {name: count_sam3_image(name) for name in ("sam3-image", "sam3-interactive")}
    counts["owlv2"] = count_owlv2()
    if not without_phrases:
        counts["sam3-image"] |= count_sam3_phrases()
    print("| model | part | TFLOP |\n|---|---|---|")
    for name, parts in counts.items():
        for part, tflop in parts.items():
            print(f"| {name} | {part} | {tflop:.4f} |")


if __name__ == "__main__":
    main()
