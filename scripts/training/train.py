"""Rule `train`: train a model, and write its weights, their card and the training history."""

import tempfile
from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.io.files import atomic_write, sha256, write_json
from samgap.jobs.script import collect_provenance, job_context
from samgap.tables.training import HISTORY

with job_context(snakemake) as log:
    import torch

    from samgap.models.runtime.device import select_device
    from samgap.models.runtime.weights import load_weights, read_weights, to_half_precision
    from samgap.training.loop import DatasetSource, train

    options, device = snakemake.params.options, select_device(snakemake.params.device)
    if "method" in options:
        method = import_plugin("demo_models", options["method"])
    else:
        method = import_plugin("training", options["family"])
    torch.manual_seed(snakemake.params.seed)
    torch.set_num_threads(snakemake.threads)
    weights = Path(snakemake.output.weights)
    # An unfinished training is resumed only if its recipe is unchanged.
    recipe = collect_provenance(snakemake, options=options, model=snakemake.params.model, seed=snakemake.params.seed)
    with tempfile.TemporaryDirectory() as scratch:
        task = method.open_task(
            options=options,
            model=snakemake.params.model,
            phrases=snakemake.params.phrases,
            data=[
                DatasetSource(Path(images), Path(truth), name, share)
                for images, truth, (name, share) in zip(
                    snakemake.input.images, snakemake.input.truth, snakemake.params.shares.items(), strict=True
                )
            ],
            validation=DatasetSource(
                Path(snakemake.input.val_images), Path(snakemake.input.val_truth), options["validation"]
            ),
            device=device,
            scratch=Path(scratch),
        )
        if "start" in snakemake.input.keys():  # noqa: SIM118 (not a dict)
            load_weights(task.model, read_weights(Path(snakemake.input.start))["model"], snakemake.input.start)
        state = weights.parent / "unfinished.pt"
        history = train(task, options, snakemake.params.seed, device, state, recipe)
    with atomic_write(weights) as temporary:
        torch.save({"model": to_half_precision(task.model.state_dict())}, temporary)
    HISTORY.write(snakemake.output.history, history, recipe)
    write_json(
        snakemake.output.card,
        {
            "model": snakemake.wildcards.training,
            "status": "available",
            "why": None,
            "source": f"training {snakemake.wildcards.training}",
            "sha256": sha256(weights),
            "size": weights.stat().st_size,
            "device": device,
            "recipe": recipe,
            "final": {row["term"]: row["value"] for row in history if row["step"] == options["steps"]},
        },
    )
    state.unlink(missing_ok=True)
