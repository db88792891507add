"""Precision at IoU 0.5 near the labels: `precision` without the predictions that are far from every labelled instance.

TP / (predictions − far predictions), over all evaluable prompts. A prediction of a phrase is far if the distance of its
mask to the nearest labelled instance, of any noun, is larger than the key `labelled-distance` of the data set
(0.1 of the image's height by default), or if its image has no such instance. Where only the foreground is labelled, it
may be an object of the background. The number of predictions that are left out is in the column `n_left_out`. False
positives that are no object are left out as well, so compare `precision`. Predictions of spatial prompts are never left
out. Undefined (NaN) if no prediction is near a label.

`precision-near-labels-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.near_labels import SOURCE, count_far, count_near
from samgap.metrics.precision import precision_at

VARIANTS = ("", "chosen")

METRICS = {"": precision_at(0.5, count_near, left_out=count_far, label="Precision@50, near labels", source=SOURCE)}
METRICS["chosen"] = at_chosen_score(METRICS[""])
