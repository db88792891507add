"""Tables of the stage `statistics`."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

CLUSTER_COLUMNS = (
    column("clusters", pa.string(), "what is drawn as one: image, or group (a video, a source photo)"),
    column("n_clusters", pa.int64(), "how many of them hold anything that it rests on"),
    column("warning", pa.string(), "what to know before trusting the interval, if anything", nullable=True),
)

ESTIMATES = Table(
    "estimates",
    [
        *(column(key, pa.string(), f"the {key}") for key in ("experiment", "dataset", "model", "prompts", "metric")),
        column("stratum", pa.string(), "the part of the data set; `all` for the whole"),
        column("value", pa.float64(), "the estimate; null when skipped or not evaluable", nullable=True),
        column("ci_low", pa.float64(), "lower end of the 95 % interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the 95 % interval", nullable=True),
        column("n_images", pa.int64(), "images that the estimate rests on"),
        column("n_instances", pa.int64(), "ground-truth instances asked for in them"),
        *CLUSTER_COLUMNS,
        column("note", pa.string(), "why there is no value: `skipped: …` or `not evaluable: …`", nullable=True),
    ],
)
"""A row is a metric of a cell and stratum, with its confidence interval."""

COMPARISONS = Table(
    "comparisons",
    [
        column("comparison", pa.string(), "the family of tests that it is corrected in"),
        column("dataset", pa.string(), "the dataset"),
        column("model", pa.string(), "the model"),
        column("prompts", pa.string(), "the prompts"),
        column("baseline_model", pa.string(), "the model that it is compared with"),
        column("baseline_prompts", pa.string(), "the prompts that it is compared with"),
        column("metric", pa.string(), "the metric"),
        column("stratum", pa.string(), "the part of the data set; `all` for the whole"),
        column("value", pa.float64(), "the metric of the model and its prompts", nullable=True),
        column("baseline_value", pa.float64(), "the metric of the baseline", nullable=True),
        column("difference", pa.float64(), "value less baseline_value; null as in estimates", nullable=True),
        column("ci_low", pa.float64(), "lower end of the difference's 95 % interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the difference's 95 % interval", nullable=True),
        column("p_value", pa.float64(), "two-sided p of the paired permutation test", nullable=True),
        column("p_holm", pa.float64(), "p_value corrected by Holm within the comparison", nullable=True),
        column("p_bonferroni", pa.float64(), "p_value corrected by Bonferroni, likewise", nullable=True),
        column("p_t_test", pa.float64(), "two-sided p of the paired t-test, uncorrected", nullable=True),
        column("effect_size", pa.float64(), "Cohen's d of the paired differences", nullable=True),
        column("effect_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        column("effect_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        column(
            "minimum_detectable",
            pa.float64(),
            "the smallest true difference that one such test finds with 80 % power",
            "that of the metric",
            nullable=True,
        ),
        column("n_tests", pa.int64(), "tests that the p-values are corrected for; 0 where there is none"),
        *CLUSTER_COLUMNS,
        column("n_instances", pa.int64(), "ground-truth instances that value rests on"),
        column("baseline_n_instances", pa.int64(), "ground-truth instances that baseline_value rests on"),
        column("note", pa.string(), "why there is no difference, as in estimates", nullable=True),
    ],
)
"""A row is a paired test of two cells."""

CONFUSIONS = Table(
    "confusions",
    [
        *(column(key, pa.string(), f"the {key}") for key in ("dataset", "model", "prompts")),
        column("attribute", pa.string(), "what phrases of one attribute ask for, as ripeness"),
        column("value", pa.string(), "its true value, of the instances that are counted"),
        column("claimed", pa.string(), "the value of the phrase that claims them; empty where none does"),
        column("n_claimed", pa.int64(), "instances of the true value that it is claimed for"),
        column("n_instances", pa.int64(), "instances of the true value"),
        column("share", pa.float64(), "n_claimed over n_instances"),
        column("ci_low", pa.float64(), "lower end of the share's 95 % interval", nullable=True),
        column("ci_high", pa.float64(), "upper end of the share's 95 % interval", nullable=True),
        *CLUSTER_COLUMNS,
    ],
)
"""A row is a true and a claimed value of an attribute."""
