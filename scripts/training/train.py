"""Rule `train`: train a model, and write its weights, their card and the training history."""

from pathlib import Path

import yaml

from samgap.annotations.ground_truth import read_ground_truth
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.io.packages import MODEL_PACKAGES, list_package_versions
from samgap.jobs.script import collect_provenance, job_context

with job_context(snakemake) as log:
    from samgap.models.runtime.device import init_torch, select_device
    from samgap.training.launch import check_gpus, run_processes
    from samgap.training.outputs import write_skipped_outputs
    from samgap.training.run import run_job
    from samgap.training.schedules import resolve_steps
    from samgap.training.start import StartWeights

    inputs, params = snakemake.input, snakemake.params
    device = select_device(params.device)
    options = resolve_steps(params.options, sum(len(read_ground_truth(Path(path)).images) for path in inputs.truth))
    log.info("the training with its preset and all defaults:\n%s", yaml.safe_dump(options, sort_keys=False).rstrip())
    # One thread, since sums of several would depend on their number; the others are those of the workers.
    init_torch(1, params.tf32)
    recipe = collect_provenance(
        snakemake,
        options=options,
        model=params.model,
        phrases=params.phrases,
        shares=params.shares,
        exhaustive=params.exhaustive,
        seed=params.seed,
        tf32=params.tf32,
        packages=list_package_versions(MODEL_PACKAGES),
    )
    output, training = dict(snakemake.output.items()), snakemake.wildcards.training
    start = StartWeights.read(inputs.start, inputs.start_card) if inputs.get("start") else None
    if start and (missing := start.why_unavailable):
        log.warning("training %s skipped: %s", training, missing)
        write_skipped_outputs(output, recipe, missing, training=training, start=start)
    else:
        # An unfinished training is resumed only if nothing that it depends on has changed. The state of a folder has
        # times, which are not part of a record.
        method = ("demo_models", options["method"]) if "method" in options else ("training", options["family"])
        names, fractions = params.shares.keys(), params.shares.values()
        sources = zip(map(str, inputs.images), map(str, inputs.truth), names, fractions, strict=True)
        keys = ("image_folder", "ground_truth_path", "name", "batch_fraction", "exhaustive")
        n_gpus = options.get("gpus", 1)
        job = {
            "options": options,
            "model": params.model,
            "phrases": params.phrases,
            "seed": params.seed,
            "device": device,
            "method": method,
            "data": [dict(zip(keys, (*source, params.exhaustive[source[2]]), strict=True)) for source in sources],
            "validation": dict(
                zip(keys[:3], (str(inputs.val_images), str(inputs.val_truth), options["validation"]), strict=True)
            ),
            "start": [str(inputs.start), str(inputs.start_card)] if start else None,
            "recipe": recipe,
            "resumed_recipe": {**recipe, "states": params.states, "device": device},
            "output": output,
            "training": training,
            "n_workers": max(snakemake.threads // n_gpus - 1, 0),
            "save_minutes": snakemake.config["trainings"][training]["save-minutes"],
        }
        fetched = {start.path: Path(inputs.start_card)} if start else {}
        with discard_damaged(fetched, start.rule if start else ""):
            for path, card in fetched.items():
                check_fetched_file(path, card, recipe["inputs"][str(path)])
            if n_gpus == 1:
                run_job(job)
            else:
                check_gpus(n_gpus, device)
                run_processes(job, Path(output["weights"]).with_name("job.json"), n_gpus)
