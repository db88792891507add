"""The arithmetic of 32-bit floats on a GPU, which is the same for all families of a run.

`import sam3` switches TF32 on for the whole process if the GPU has it (`sam3.model_builder._setup_tf32`), and a
constructor of the package enters autocast. Without a setting of the run, a model's numbers would depend on which other
packages its job has imported: SAM2 alone, or SAM2 as the segmenter of `grounded`. torch is imported in the functions:
a job without a network calls `restore_arithmetic`, too, and does not need it.
"""

_tf32_of_job: bool | None = None


def set_arithmetic(tf32: bool) -> None:
    """Set the arithmetic of this process, for a whole job.

    Outside of a model's own context (`Precision.autocast`) autocast is off. On a CPU the setting changes no number.

    Args:
        tf32: whether matrix products and convolutions of 32-bit floats round their factors to TF32 (10 bits of
            mantissa) on GPUs that have it, Ampere and newer.
    """
    global _tf32_of_job
    _tf32_of_job = tf32
    restore_arithmetic()


def restore_arithmetic() -> None:
    """Set the arithmetic of the job again, where a package may have changed it; without `set_arithmetic` do nothing."""
    if _tf32_of_job is None:
        return
    import torch

    # Also undoes `set_float32_matmul_precision` of a package, which may set bf16 on a CPU.
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = _tf32_of_job
    torch.backends.cudnn.allow_tf32 = _tf32_of_job
    for device_type in ("cuda", "cpu"):
        if torch.is_autocast_enabled(device_type):
            torch.set_autocast_enabled(device_type, False)


def is_tf32_used() -> tuple[bool, bool]:
    """Return whether matrix products and whether convolutions of 32-bit floats use TF32 on a GPU that has it."""
    import torch

    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
