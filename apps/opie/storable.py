"""What PostgreSQL can keep of what models and tools say: no NUL, no half of a surrogate pair, no NaN."""

import math
from typing import Any


def clean_text(text: str) -> str:
    """The text without NUL; half a surrogate pair becomes the replacement character."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    return text.encode("utf-16-le", errors="surrogatepass").decode("utf-16-le", errors="replace")


def clean_texts(value: Any) -> Any:
    """The same with the texts in its lists and objects cleaned, whatever else they hold."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_texts(key): clean_texts(inner) for key, inner in value.items()}
    return [clean_texts(inner) for inner in value] if isinstance(value, list) else value


def clean_json(value: Any) -> Any:
    """A JSON value with its texts cleaned, and null for what only Python calls a number."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {clean_text(str(key)): clean_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean_text(str(value))
