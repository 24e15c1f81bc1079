"""Bodies: JSON, of a size that can be held, with nothing in it that only Python calls JSON."""

import json
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from apps.api.errors import InvalidInput, TooLarge


def parse_json(body: bytes) -> Any:
    """The value of a JSON body. Raises InvalidInput when it is not JSON (NaN is not), and for endless nesting."""
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InvalidInput("The body could not be read. Send valid JSON.", code="malformed") from None


def read_at_most(stream: IO[bytes], largest: int | None = None) -> bytes:
    """The body, whatever length it claimed. Raises TooLarge when there is more than that many bytes."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE if largest is None else largest
    body = stream.read(limit + 1)
    if len(body) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes. Send less.")
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


class StrictJSONParser(BaseParser):
    """DRF's parser of JSON, with the rules above."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], *_: object, **__: object) -> Any:
        return parse_json(read_at_most(stream))
