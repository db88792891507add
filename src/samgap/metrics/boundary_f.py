"""Mean boundary F over the prompted instances, each with the prediction that is assigned to it.

F = 2PR / (P + R). P is the share of the prediction's boundary pixels within the tolerance (Euclidean distance) of the
instance's boundary, R the share of the instance's boundary pixels within the tolerance of the prediction's. A boundary
is the mask minus its 4-connected erosion; pixels outside the image are background. Tolerances:

- `1px`, `2px`, `3px`, `5px`.
- `relative`: 0.05 of the diameter of a disk of the instance's area, so that small and large apples are treated alike.
- `davis`: 0.008 of the image's diagonal, rounded up, on DAVIS's boundary (pixels that differ from the right, lower or
  lower right neighbour). It is 12 px at 1280×720, which is too lenient for apples.

An instance without an assigned prediction counts 0, for box prompts and for phrases alike. Phrases that are absent
from their image do not count. Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.instance_means import mean_over_instances

VARIANTS = ("1px", "2px", "3px", "5px", "relative", "davis")
TOLERANCES = ("1 px", "2 px", "3 px", "5 px", "5 % of diameter", "DAVIS")
SOURCE = "Martin, Fowlkes & Malik (2004); px tolerances: the paper's published repository; DAVIS: Perazzi et al. (2016)"

METRICS = {
    variant: mean_over_instances(f"boundary_f_{variant}", label=f"Boundary F ({tolerance})", source=SOURCE)
    for variant, tolerance in zip(VARIANTS, TOLERANCES, strict=True)
}
