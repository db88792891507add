"""Mean IoU over the prompted instances, each with the prediction that is assigned to it.

IoU = |A∩B| / |A∪B|: 0 for disjoint masks, 1 for equal masks. An instance without an assigned prediction counts 0, for
box prompts and for phrases alike. The assignment has no minimum IoU. Phrases that are absent from their image do not
count. Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.instance_means import mean_over_instances

METRICS = {
    "": mean_over_instances("iou", label="IoU", source="Jaccard (1912); assignment as in sam3's evaluator"),
}
