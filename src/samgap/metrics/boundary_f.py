"""Mean boundary F over the instances asked for, each with the one prediction assigned to it.

F = 2PR / (P + R): P the share of the prediction's boundary within the tolerance (Euclidean) of the truth's, R the
other way. A boundary is the mask less its 4-connected erosion; outside the image is background. Tolerances: 1, 2, 3 and
5 px; `relative`: 0.05 of the diameter of a disk of the instance's area, so that small and large apples are held to the
same; `davis`: 0.008 of the image's diagonal, rounded up, on DAVIS's own boundary (pixels that differ from the next to
the right, below or both).
Source: Martin, Fowlkes & Malik (2004); px tolerances as in the paper's published repository; Perazzi et al. (2016).
Range 0 to 1. At apple scale `davis` is far too lenient (12 px at 1280×720) and says nothing.
An instance that nothing answers counts 0, whether asked for by box or by phrase: both share one definition.
Not evaluable where no labelled instance is asked for; phrases absent from their image do not count here.
"""

from samgap.metrics import _ratio

VARIANTS = ("1px", "2px", "3px", "5px", "relative", "davis")


def variant(name: str) -> _ratio.Ratio:
    return _ratio.mean(f"boundary_f_{name}")
