"""Tables of the stage `statistics`."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

CLUSTER_COLUMNS = (
    column(
        "clusters",
        pa.string(),
        "resampling unit: image, or group (a video, a source photograph); `image or group` of two data sets",
    ),
    column("n_clusters", pa.int64(), "clusters that carry the value; of a difference, the fewer of both values"),
    column("n_clusters_total", pa.int64(), "clusters with a prompt that counts, whether or not they carry the value"),
    column(
        "undefined_resamples",
        pa.float64(),
        "share of the resamples in which the value is undefined; null without a value",
        nullable=True,
    ),
    column(
        "warning",
        pa.string(),
        "reason for a missing interval (`no interval: …`), or to distrust the value or its interval, if any",
        nullable=True,
    ),
)

LEFT_OUT = "predictions left out as far from every label; null for other metrics"
LACKS_LABELS = "whether the value needs exhaustive labels and those of the data set are not (printed with †)"
LABELLED_DISTANCE = column(
    "labelled_distance",
    pa.float64(),
    "distance from which the predictions left out are far; null without n_left_out",
    "image heights",
    nullable=True,
)

ESTIMATES = Table(
    "estimates",
    [
        *(column(key, pa.string(), f"the {key}") for key in ("experiment", "dataset", "model", "prompts", "metric")),
        column("stratum", pa.string(), "stratum of the data set; `all` for the whole"),
        column("value", pa.float64(), "the estimate; null when skipped or not evaluable", nullable=True),
        column("ci_low", pa.float64(), "lower end of the interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the interval", nullable=True),
        column("n_images", pa.int64(), "images that carry the value: without the others it is the same"),
        column("n_images_total", pa.int64(), "images with a prompt that counts, whether or not they carry the value"),
        column("n_instances", pa.int64(), "ground-truth instances of their prompts"),
        *CLUSTER_COLUMNS,
        column("note", pa.string(), "reason for a missing value: `skipped: …` or `not evaluable: …`", nullable=True),
        column("lacks_labels", pa.bool_(), LACKS_LABELS, nullable=True),
        column("n_left_out", pa.int64(), LEFT_OUT, nullable=True),
        LABELLED_DISTANCE,
    ],
)
"""A row is a metric of a cell and stratum, with its confidence interval."""

COMPARISONS = Table(
    "comparisons",
    [
        column("comparison", pa.string(), "family of tests for multiplicity correction"),
        column("dataset", pa.string(), "the dataset"),
        column("model", pa.string(), "the model"),
        column("prompts", pa.string(), "the prompts"),
        column("stratum", pa.string(), "stratum of the data set; `all` for the whole"),
        column("baseline_dataset", pa.string(), "data set of the baseline"),
        column("baseline_model", pa.string(), "model of the baseline"),
        column("baseline_prompts", pa.string(), "prompt set of the baseline"),
        column("baseline_stratum", pa.string(), "stratum of the baseline"),
        column("metric", pa.string(), "the metric"),
        column(
            "pairing",
            pa.string(),
            "paired: clusters carry both values; unpaired: other data sets, or strata without a common cluster",
            nullable=True,
        ),
        column("value", pa.float64(), "value of the candidate", nullable=True),
        column("baseline_value", pa.float64(), "value of the baseline", nullable=True),
        column("difference", pa.float64(), "value − baseline_value; null as in estimates", nullable=True),
        column("ci_low", pa.float64(), "lower end of the difference's interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the difference's interval", nullable=True),
        column("p_value", pa.float64(), "two-sided p of the studentised permutation test", nullable=True),
        column("p_holm", pa.float64(), "p_value corrected by Holm within the comparison", nullable=True),
        column("p_bonferroni", pa.float64(), "p_value corrected by Bonferroni within the comparison", nullable=True),
        column("margin", pa.float64(), "largest difference that does not matter, as declared", nullable=True),
        column(
            "p_equivalence",
            pa.float64(),
            "larger p of the two one-sided tests that the difference lies within the margin; null without a margin",
            nullable=True,
        ),
        column(
            "p_equivalence_holm",
            pa.float64(),
            "p_equivalence corrected by Holm over those of the comparison",
            nullable=True,
        ),
        column(
            "outcome",
            pa.string(),
            "different, equivalent, different within the margin, or undecided, by both p (Holm) at the level 1 − "
            "confidence; null without a p-value",
            nullable=True,
        ),
        column("p_t_test", pa.float64(), "two-sided p of the paired t-test, or of Welch's, uncorrected", nullable=True),
        column("effect_size", pa.float64(), "Cohen's d of the paired differences, or of two samples", nullable=True),
        column("effect_low", pa.float64(), "lower end of its interval", nullable=True),
        column("effect_high", pa.float64(), "upper end of its interval", nullable=True),
        column(
            "minimum_detectable",
            pa.float64(),
            "smallest true difference that one test detects with 80 % power",
            "that of the metric",
            nullable=True,
        ),
        column("n_tests", pa.int64(), "number of tests in the correction; 0 if there is none"),
        *CLUSTER_COLUMNS,
        column("n_instances", pa.int64(), "ground-truth instances of value"),
        column("baseline_n_instances", pa.int64(), "ground-truth instances of baseline_value"),
        column("note", pa.string(), "reason for a missing difference, as in estimates", nullable=True),
        column("lacks_labels", pa.bool_(), f"of value: {LACKS_LABELS}", nullable=True),
        column("n_left_out", pa.int64(), f"of value: {LEFT_OUT}", nullable=True),
        column("baseline_lacks_labels", pa.bool_(), f"of baseline_value: {LACKS_LABELS}", nullable=True),
        column("baseline_n_left_out", pa.int64(), f"of baseline_value: {LEFT_OUT}", nullable=True),
        LABELLED_DISTANCE,
    ],
)
"""A row is a difference of two cells, strata or data sets with its tests."""

RANK_CORRELATIONS = Table(
    "rank_correlations",
    [
        column("correlation", pa.string(), "id in the section `rank-correlations`"),
        column("dataset", pa.string(), "the dataset"),
        column("model", pa.string(), "one of the models"),
        column("other_model", pa.string(), "the other model"),
        column("metric", pa.string(), "the metric by which prompt sets are ranked"),
        column("prompts", pa.list_(pa.string()), "the prompt sets that have a value of both models"),
        column("n_prompts", pa.int64(), "their number"),
        column("value", pa.float64(), "Spearman's coefficient of the values over the prompt sets", nullable=True),
        column("ci_low", pa.float64(), "lower end of its interval over images or groups", nullable=True),
        column("ci_high", pa.float64(), "upper end of the interval", nullable=True),
        column(
            "stability",
            pa.float64(),
            "mean rank correlation of resamples with the sample, the lower of both models; null without a value",
            nullable=True,
        ),
        *CLUSTER_COLUMNS,
        column("note", pa.string(), "reason for a missing value: `skipped: …` or `not evaluable: …`", nullable=True),
    ],
)
"""A row is a pair of models on a data set."""

CONFUSIONS = Table(
    "confusions",
    [
        *(column(key, pa.string(), f"the {key}") for key in ("dataset", "model", "prompts")),
        column("attribute", pa.string(), "attribute that the phrases name, as ripeness"),
        column("value", pa.string(), "true value of the instances"),
        column("claimed", pa.string(), "predicted value: that of the matching phrase; empty without one"),
        column(
            "n_claimed",
            pa.float64(),
            "instances of the true value with this prediction; an instance counts 1/k for each of k equal best scores",
        ),
        column("n_instances", pa.int64(), "instances of the true value"),
        column("share", pa.float64(), "n_claimed over n_instances"),
        column("ci_low", pa.float64(), "lower end of the share's interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the share's interval", nullable=True),
        *CLUSTER_COLUMNS,
    ],
)
"""A row is a true and a claimed value of an attribute."""
