"""Mean Dice coefficient over the prompted instances, each with the prediction that is assigned to it.

Dice = 2|A∩B| / (|A| + |B|): 0 for disjoint masks, 1 for equal masks, never below the IoU. An instance without an
assigned prediction counts 0, for box prompts and for phrases alike. Phrases that are absent from their image do not
count. Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.instance_means import mean_over_instances

METRICS = {"": mean_over_instances("dice", label="Dice", source="Dice (1945)")}
