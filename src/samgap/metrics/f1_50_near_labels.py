"""F1 at IoU 0.5 near the labels: `f1-50` without the predictions that are far from every labelled instance.

2TP / (predictions − far predictions + instances), over all evaluable prompts; far predictions, and their number in the
column `n_left_out`, as for `precision-near-labels`. Undefined (NaN) if there are neither instances nor predictions near
a label.

`f1-50-near-labels-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.f1_50 import f1_at
from samgap.metrics.near_labels import SOURCE, count_far, count_near

VARIANTS = ("", "chosen")

METRICS = {"": f1_at(0.5, count_near, left_out=count_far, label="F1@50, near labels", source=SOURCE)}
METRICS["chosen"] = at_chosen_score(METRICS[""])
