"""Tables of the stage `predictions`."""

import pyarrow as pa

from samgap.tables.columns import IMAGE_ID, PROMPT_ID
from samgap.tables.parquet import Table, column

MASKS = Table(
    "masks",
    [
        PROMPT_ID,
        column("prediction_id", pa.int64(), "the prediction, unique in its prompt, in order of falling score"),
        IMAGE_ID,
        column("score", pa.float32(), "confidence of the model, 0 to 1"),
        column("x0", pa.float32(), "left edge of the predicted box", "px"),
        column("y0", pa.float32(), "top edge of the predicted box", "px"),
        column("x1", pa.float32(), "right edge of the predicted box", "px"),
        column("y1", pa.float32(), "bottom edge of the predicted box", "px"),
        column("height", pa.int32(), "height of mask and image", "px"),
        column("width", pa.int32(), "width of mask and image", "px"),
        column("area_px", pa.int64(), "area of the mask", "px"),
        column("rle", pa.binary(), "the mask as compressed COCO RLE counts"),
        column(
            "presence",
            pa.float32(),
            "probability that the phrase is present in the image, 0 to 1; score includes it unless the model's "
            "`presence` is fixed; null for a model without one",
            nullable=True,
        ),
        column("clicks", pa.int16(), "clicks before this prediction; null unless the kind is clicks", nullable=True),
    ],
)
"""A row is one predicted mask."""

TIMING = Table(
    "timing",
    [
        IMAGE_ID,
        column("n_prompts", pa.int32(), "prompts of the image"),
        column("read_ms", pa.float32(), "time to read the image", "ms"),
        column("encode_ms", pa.float32(), "time of the image encoder", "ms"),
        column("decode_ms", pa.float32(), "time to predict all prompts, without the work of parallel threads", "ms"),
        column("device", pa.string(), "cpu or cuda"),
        column(
            "detect_ms", pa.float32(), "part of decode_ms: that of a detector, if there is one", "ms", nullable=True
        ),
    ],
)
"""A row is an image with the time that its predictions took."""
