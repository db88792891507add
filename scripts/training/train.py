"""Rule `train`: train a model, and write its weights, their card and the training history."""

from pathlib import Path

import yaml

from samgap.annotations.ground_truth import read_ground_truth
from samgap.config.plugin_import import import_plugin
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.io.packages import MODEL_PACKAGES, list_package_versions
from samgap.jobs.script import collect_provenance, job_context

with job_context(snakemake) as log:
    from samgap.models.runtime.device import init_torch, select_device
    from samgap.training.outputs import write_outputs, write_skipped_outputs
    from samgap.training.run import run_training
    from samgap.training.schedules import resolve_steps
    from samgap.training.start import StartWeights, get_task_layouts
    from samgap.training.tasks import DatasetSource

    inputs, params = snakemake.input, snakemake.params
    device = select_device(params.device)
    options = resolve_steps(params.options, sum(len(read_ground_truth(Path(path)).images) for path in inputs.truth))
    log.info("the training with its preset and all defaults:\n%s", yaml.safe_dump(options, sort_keys=False).rstrip())
    if "method" in options:
        method = import_plugin("demo_models", options["method"])
    else:
        method = import_plugin("training", options["family"])
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
        resumed_recipe = {**recipe, "states": params.states, "device": device}
        state = Path(snakemake.output.weights).with_name("unfinished.pt")
        names, fractions = params.shares.keys(), params.shares.values()
        sources = zip(map(Path, inputs.images), map(Path, inputs.truth), names, fractions, strict=True)
        data = [DatasetSource(*source, exhaustive=params.exhaustive[source[2]]) for source in sources]
        validation = DatasetSource(Path(inputs.val_images), Path(inputs.val_truth), options["validation"])
        settings = {
            "seed": params.seed,
            "device": device,
            "state": state,
            "recipe": resumed_recipe,
            "start": start,
            "n_workers": snakemake.threads - 1,
            "save_minutes": snakemake.config["trainings"][training]["save-minutes"],
        }
        fetched = {start.path: Path(inputs.start_card)} if start else {}
        with discard_damaged(fetched, start.rule if start else ""):
            for path, card in fetched.items():
                check_fetched_file(path, card, recipe["inputs"][str(path)])
            task, history = run_training(method, options, params.model, params.phrases, data, validation, **settings)
        file = {"start": start, "layouts": get_task_layouts(task), "added": getattr(task, "added_keys", ())}
        write_outputs(output, task.model, history, recipe, training=training, device=device, **file)
        state.unlink(missing_ok=True)
