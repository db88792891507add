"""SAM3's interactive head, for points, boxes, masks and clicks.

It is the package's tracker (`tracker.*` in the published file) on a second neck of the image encoder. It takes the same
prompts as SAM2 and runs the same code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from samgap.models.runtime.precision import FP32, Precision
from samgap.models.sam2.image import Sam2
from samgap.models.sam3.connected_components import use_scipy_labels

# isort: split
from sam3.model.sam3_image import Sam3Image
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor

use_scipy_labels()


def make_pyramid(tracker: Sam3TrackerPredictor, neck_maps: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the feature maps of the mask decoder (images, channels, height, width), the finest first.

    Args:
        tracker: the model of the interactive head.
        neck_maps: the three maps of the interactive neck, the finest first.
    """
    fine, middle, coarse = neck_maps
    decoder = tracker.sam_mask_decoder
    # The embedding of an empty memory, as on the first frame of a video.
    no_memory = tracker.no_mem_embed.permute(1, 2, 0)[..., None]
    return [decoder.conv_s0(fine), decoder.conv_s1(middle), coarse + no_memory]


class InteractiveHead(Sam2):
    """The interactive head of a loaded SAM3. It predicts like `Sam2`, after `set_features` instead of `set_image`.

    Args:
        model: an image model that was built with its interactive head.
        device: `cpu` or `cuda`.
        precision: number format of the head; the image encoder is prepared by the caller.
    """

    def __init__(self, model: Sam3Image, device: str, precision: Precision = FP32) -> None:
        self.device, self.precision = device, precision
        self.predictor = model.inst_interactive_predictor
        self.model = self.predictor.model

    @torch.inference_mode()
    def set_features(self, features: Mapping[str, Any], width: int, height: int) -> None:
        """Set the image by its features, as the package's processor and `predict_inst` do.

        Args:
            features: output of the backbone.
            width: width of the image in px.
            height: height of the image in px.
        """
        with self.precision.autocast(self.device):
            pyramid = make_pyramid(self.model, features["sam2_backbone_out"]["backbone_fpn"])
        self.predictor._features = {"image_embed": pyramid[-1], "high_res_feats": pyramid[:-1]}
        self.predictor._is_image_set, self.predictor._orig_hw = True, [(height, width)]
