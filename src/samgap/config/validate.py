"""Validation of a whole configuration, before Snakemake builds its DAG."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config import (
    augmentations,
    capabilities,
    cells,
    claims,
    comparisons,
    costs,
    plugin_files,
    presets,
    rank_correlations,
    references,
    score_thresholds,
    secrets,
    sources,
    subsets,
    table_rows,
    trainings,
)
from samgap.config.archives import add_url_archives
from samgap.config.catalogs import merge_catalogs
from samgap.config.plugin_options import load_schema
from samgap.config.schema import coerce_scalars, validate
from samgap.config.yaml_files import load_entry_files, load_model_files


def validate_config(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Validate a configuration, and return it with merged catalogs, filled-in defaults and loaded YAML files.

    The content of these files becomes part of the configuration, so Snakemake reruns the rules that an edit changes.

    Args:
        config: The configuration as Snakemake reads it; it is not modified.
        root: The root of the repository.

    Raises:
        UserError: For the first error: an unknown key, a value that config/schema.yaml does not allow, an id that no
            section has, an id without its file, or a model that does not accept its prompts.
    """
    config = merge_catalogs(config, root)
    # Before all other checks, because their messages quote values.
    secrets.validate_no_secrets(config)
    # Before the schema, because the module of an entry decides which keys it may have.
    plugin_files.validate_plugins(config, root)
    config = augmentations.load_augmentations(presets.merge_presets(config, root), root)
    schema = load_schema(root)
    config = add_url_archives(validate(load_entry_files(coerce_scalars(config, schema), root), schema))
    secrets.validate_identified_files(config)
    references.validate_references(config)
    sources.validate_sources(config["datasets"])
    trainings.validate_trainings(config, root)
    comparisons.validate_comparisons(config)
    rank_correlations.validate_rank_correlations(config)
    subsets.validate_subsets(config, root)
    score_thresholds.validate_thresholds(config, root)
    plugin_files.validate_files(config, root)
    capabilities.validate_capabilities(config, cells.iter_cells(config), root)
    config = table_rows.load_table_rows(claims.load_claims(costs.load_costs(config, root), root), root)
    config = {**config, "models": load_model_files(config["models"], root)}
    secrets.validate_no_secrets(config)  # with the content of all files
    return config
