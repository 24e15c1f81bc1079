"""Images, where text in them can be recognised."""

import warnings
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from apps.opie.knowledge.reading import recognition
from apps.opie.knowledge.reading.limits import Limits
from apps.opie.knowledge.reading.outline import Found, Opened
from apps.opie.knowledge.reading.section import Section
from apps.opie.knowledge.reading.unreadable import Reason, Unreadable


def read(path: Path, limits: Limits) -> Iterator[Found]:
    try:
        # Pillow's own limit only warns at first; ours refuses.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            if image.width * image.height > limits.pixels:
                raise Unreadable(Reason.BOMB, f"Images of up to {limits.pixels:,} pixels are read. Make it smaller.")
            if not recognition.is_available():
                raise Unreadable(Reason.NO_TEXT_RECOGNITION)
            yield Opened()
            # The right way up, as the camera noted it.
            text = recognition.text_in(ImageOps.exif_transpose(image), limits)
    except Image.DecompressionBombError as error:
        raise Unreadable(Reason.BOMB) from error
    except (UnidentifiedImageError, OSError) as error:
        raise Unreadable(Reason.DAMAGED) from error
    if not text:
        raise Unreadable(Reason.NO_TEXT, "No text was recognised in this image.")
    yield Section(text)
