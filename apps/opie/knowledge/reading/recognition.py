"""Text in images, where requirements/ocr.txt is installed."""

import importlib
import importlib.util
import resource
from functools import cache
from typing import TYPE_CHECKING, Any

from apps.opie.knowledge.reading.limits import Limits

if TYPE_CHECKING:
    from PIL.Image import Image

_LIBRARY = "rapidocr"


@cache
def is_available() -> bool:
    return all(importlib.util.find_spec(name) is not None for name in (_LIBRARY, "onnxruntime"))


def text_in(image: "Image", limits: Limits) -> str:
    """What is written in an image, line by line; nothing where nothing is."""
    found = _recogniser(limits)(image.convert("RGB"))
    return "\n".join(line for line in (found.txts or ()) if line.strip())


@cache
def _recogniser(limits: Limits) -> Any:
    # Its models take more address space than any parser may have.
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.recognition_memory_bytes, hard))
    return importlib.import_module(_LIBRARY).RapidOCR(params={"Global.log_level": "critical"})
