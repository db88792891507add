"""What an exemplar of SAM3 is: the arguments of its geometric prompt and of the image processor's functions."""

import inspect
from collections.abc import Iterator

from sam3.model.geometry_encoders import Prompt
from sam3.model.sam3_image_processor import Sam3Processor

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._signatures import list_arguments

PROMPT = "sam3/model/geometry_encoders.py: Prompt"
PROCESSOR = "sam3/model/sam3_image_processor.py: Sam3Processor"


def measure() -> Iterator[Measurement]:
    """Yield the numbers of arguments that hold an image, a label, points and text."""
    names = list_arguments(Prompt)
    images = [name for name in names if any(word in name for word in ("image", "img", "pixel"))]
    yield Measurement("images", len(images), "arguments", PROMPT, "sam3", ", ".join(names))
    added = list_arguments(Sam3Processor.add_geometric_prompt)
    place = f"{PROCESSOR}.add_geometric_prompt"
    yield Measurement("labels", added.count("label"), "arguments", place, "sam3", ", ".join(added))
    yield Measurement("encoder-points", sum("point_embed" in name for name in names), "arguments", PROMPT, "sam3")
    methods = [method for name, method in vars(Sam3Processor).items() if inspect.isfunction(method) and name[0] != "_"]
    arguments = [name for method in methods for name in list_arguments(method)]
    points = [name for name in arguments if "point" in name]
    yield Measurement("processor-points", len(points), "arguments", PROCESSOR, "sam3", "of all public functions")
    text = list_arguments(Sam3Processor.set_text_prompt)
    yield Measurement("processor-phrases", text.count("prompt"), "arguments", f"{PROCESSOR}.set_text_prompt", "sam3")
