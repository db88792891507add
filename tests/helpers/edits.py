"""Edits of source files, and the rules that must and must not run again after each."""

# An edited file, patterns of the rules that must run again, and of those that must not. Rules that no pattern names
# may do either. What depends on the output of a rule runs again in any case, as its input has changed.
EDITS = [
    (
        "jobs/shards.py",
        ["predict:*", "match_predictions"],
        ["dataset:*", "prompts:*", "train:*", "estimate", "figure:*"],
    ),
    ("masks/boundaries.py", ["match_predictions"], ["prompts:*", "predict:*", "dataset:*", "train:*", "estimate"]),
    ("masks/rle.py", ["match_predictions", "predict:*"], ["dataset:*", "estimate", "compare", "checkpoint"]),
    (
        "models/runtime/weights_layout.py",
        ["predict:sam*", "predict:owlv2", "predict:grounded", "train:*"],
        ["predict:shape", "match_predictions", "prompts:*", "dataset:*", "checkpoint"],
    ),
    ("models/sam2/video.py", ["predict:sam2"], ["predict:shape", "predict:owlv2", "train:*", "prompts:*", "dataset:*"]),
    ("models/sam3/image.py", ["predict:sam3", "predict:grounded"], ["predict:shape", "predict:sam2", "predict:owlv2"]),
    (
        "models/sam2/image.py",
        ["predict:sam2", "predict:grounded", "predict:sam3-interactive", "train:sam2"],
        ["predict:sam3", "predict:owlv2", "predict:shape", "match_predictions", "prompts:*"],
    ),
    ("models/shape.py", ["predict:shape"], ["predict:sam*", "predict:grounded", "predict:owlv2", "train:*"]),
    ("models/owlv2.py", ["predict:owlv2"], ["predict:sam*", "predict:shape", "train:*"]),
    ("predictions/tracks.py", ["predict:*"], ["match_predictions", "prompts:*", "train:*"]),
    (
        "prompts/spatial.py",
        ["prompts:box", "prompts:point"],
        ["prompts:phrases", "predict:*", "match_predictions", "train:*"],
    ),
    ("prompts/clicks.py", ["prompts:clicks"], ["prompts:phrases", "predict:*", "match_predictions", "train:*"]),
    ("prompts/phrases.py", ["prompts:phrases"], ["prompts:box", "predict:*", "match_predictions"]),
    ("datasets/orchard_sim/leaves.py", ["dataset:orchard-sim"], ["dataset:coco", "dataset:minneapple", "prompts:*"]),
    (
        "datasets/image_transforms.py",
        ["dataset:augmented"],
        ["dataset:orchard-sim", "dataset:coco", "prompts:*", "predict:*"],
    ),
    ("datasets/coco.py", ["dataset:coco"], ["dataset:orchard-sim", "prompts:*", "predict:*"]),
    ("matching/shard.py", ["match_predictions"], ["predict:*", "prompts:*", "estimate", "compare", "figure:*"]),
    (
        "metrics/iou.py",
        ["estimate", "compare", "figure:estimates", "table:results", "table:comparisons"],
        ["match_predictions", "predict:*", "figure:contact-sheet", "figure:prompt-sheet"],
    ),
    ("metrics/instructions.py", [], ["*"]),  # no experiment of the demo names it
    ("statistics/bootstrap.py", ["estimate", "compare"], ["match_predictions", "figure:*", "predict:*"]),
    ("statistics/comparisons.py", ["compare"], ["estimate", "correlate", "match_predictions", "figure:*"]),
    ("statistics/rank_correlations.py", ["correlate"], ["estimate", "compare", "match_predictions", "table:*"]),
    ("tables/images.py", ["dataset:*", "predict:*", "match_predictions"], ["prompts:*", "checkpoint"]),
    ("tables/prompts.py", ["prompts:*", "predict:*", "match_predictions"], ["dataset:*", "train:*", "checkpoint"]),
    ("tables/predictions.py", ["predict:*", "match_predictions"], ["dataset:*", "prompts:*", "train:*", "estimate"]),
    (
        "tables/matching.py",
        ["match_predictions", "estimate", "compare"],
        ["dataset:*", "prompts:*", "predict:*", "train:*"],
    ),
    (
        "tables/statistics.py",
        ["estimate", "compare", "claims", "table:results", "table:comparisons"],
        ["match_predictions", "predict:*", "prompts:*", "train:*", "inventory"],
    ),
    ("statistics/thresholds.py", ["choose_threshold"], ["estimate", "match_predictions", "predict:*", "table:*"]),
    (
        "tables/score_thresholds.py",
        ["choose_threshold", "match_predictions", "table:score-thresholds"],
        ["predict:*", "estimate", "compare", "table:results"],
    ),
    ("tables/training.py", ["train:*"], ["predict:*", "match_predictions", "estimate", "prompts:*"]),
    (
        "config/validate.py",
        [],
        ["dataset:*", "prompts:*", "predict:*", "match_predictions", "estimate", "figure:*", "train:*"],
    ),
    ("config/schema.py", [], ["dataset:*", "prompts:*", "predict:*", "match_predictions", "estimate", "train:*"]),
    # Of the manifest and the page, which list what a run uses.
    ("config/plugins.py", [], ["[!mp]*", "match_predictions", "predict:*", "prompts:*"]),
    ("config/prompt_kinds.py", ["predict:*", "match_predictions", "estimate"], ["dataset:*", "checkpoint"]),
    ("paper/style.py", ["figure:estimates"], ["estimate", "predict:*"]),
    ("download/http.py", ["fetch_archive", "checkpoint"], ["predict:*", "dataset:*", "estimate"]),
    ("download/revalidation.py", ["fetch_archive", "checkpoint"], ["predict:*", "dataset:*", "estimate"]),
    ("io/visible_files.py", ["dataset:coco", "dataset:minneapple"], ["prompts:*", "predict:*", "match_predictions"]),
    ("jobs/local_inputs.py", [], ["*"]),  # computes parameters, not results
    ("demo_models/sam3_dense.py", ["train:sam3-dense"], ["train:sam2", "train:sam3", "predict:*"]),
    ("training/validation.py", [], ["train:*", "match_predictions", "estimate"]),
    ("training/loop.py", ["train:*"], ["predict:*", "dataset:*", "prompts:*"]),
    ("demo_models/card.py", ["demo_card", "verify_demo_weights"], ["estimate", "train:*", "predict:*"]),
    ("inventory/probes/tokenizer.py", ["inventory"], ["claims", "predict:*", "train:*", "estimate", "table:*"]),
    ("inventory/rows.py", ["inventory"], ["claims", "predict:*", "train:*", "estimate", "table:*"]),
    (
        "claims/region.py",
        ["claims", "table:claims"],
        ["inventory", "estimate", "table:results", "table:comparisons", "predict:*"],
    ),
    (
        "paper/audited_table.py",
        ["table:training-data", "table:architecture", "table:evaluation", "table:objectives"],
        ["claims", "inventory", "estimate", "table:results", "table:claims", "figure:*"],
    ),
    (
        "paper/estimate_blocks.py",
        ["table:results", "table:results-all", "table:results-strata", "table:evaluation"],
        ["estimate", "table:comparisons", "table:claims", "figure:*"],
    ),
    (
        "paper/comparison_rows.py",
        ["table:comparisons", "table:comparisons-all"],
        ["compare", "table:results", "table:evaluation", "figure:*"],
    ),
    ("tables/inventory.py", ["inventory", "claims"], ["estimate", "predict:*", "table:results"]),
    ("tables/claims.py", ["claims", "table:claims"], ["inventory", "estimate", "table:results"]),
    ("config/claims.py", [], ["inventory", "claims", "table:*"]),
    ("jobs/manifest.py", ["manifest", "paper_page"], ["estimate", "predict:*", "figure:*"]),
    ("paper/page.py", ["paper_page"], ["estimate", "predict:*", "figure:*", "table:*"]),
    ("paper/plan.py", ["paper_page"], ["estimate", "predict:*", "figure:*", "table:*"]),
    ("io/files.py", ["*"], []),
]
EDITS = [(f"src/samgap/{file}", reruns, unchanged) for file, reruns, unchanged in EDITS] + [
    ("scripts/predictions/predict.py", ["predict:*"], ["train:*", "prompts:*", "match_predictions"]),
    ("scripts/matching/match.py", ["match_predictions"], ["predict:*", "estimate"]),
]
