"""Tools of the technical writer: how hard a text is to read, and what an OpenAPI description leaves unsaid."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import bullets, number, require_text, table

LONG_SENTENCE = 25
MOST_SHOWN = 20
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
PASSIVE = re.compile(r"\b(?:is|are|was|were|be|been|being)\s+(?:\w+ly\s+)?\w+(?:ed|en)\b", re.IGNORECASE)
FILLER = re.compile(
    r"\b(?:simply|just|easily|obviously|of course|basically|please note that|in order to|very|really)\b", re.IGNORECASE
)
# From the top: what a Flesch score means.
EASE = ((80, "easy"), (60, "plain"), (50, "fairly hard"), (30, "hard"), (float("-inf"), "very hard"))


def readability(text: str) -> str:
    """How hard an English text is to read: Flesch reading ease, school grade, long sentences, passives, filler words.

    Args:
        text: The text; code in backticks is left out of the count.
    """
    text = CODE.sub("code", require_text(text, "the text"))
    sentences = [one for one in re.split(r"(?<=[.!?])\s+|\n{2,}|\n(?=[-*#\d])", text) if re.search(r"[A-Za-z]", one)]
    words = re.findall(r"[A-Za-z]+(?:['’-][A-Za-z]+)*", text)
    if not words:
        raise InvalidInput("There are no words in the text that these rules know: they are for English.")
    a_sentence, a_word = len(words) / len(sentences), sum(map(syllables, words)) / len(words)
    ease = 206.835 - 1.015 * a_sentence - 84.6 * a_word
    grade = 0.39 * a_sentence + 11.8 * a_word - 15.59
    meaning = next(word for least, word in EASE if ease >= least)
    lines = [
        f"{len(words)} words in {len(sentences)} sentences, {number(a_sentence, 1)} words a sentence",
        f"Flesch reading ease {number(ease, 1)} ({meaning}), school grade {number(max(0, grade), 1)}",
        f"Passives: {len(PASSIVE.findall(text))}. Filler words: {', '.join(_once(FILLER.findall(text.lower()))) or 'none'}",
        *(f"Long ({len(one.split())} words): {' '.join(one.split())[:90]}…" for one in sentences if len(one.split()) > LONG_SENTENCE),
    ]  # fmt: skip
    return bullets(lines[: MOST_SHOWN + 3])


def syllables(word: str) -> int:
    """Groups of vowels, without a silent e at the end; near enough for a mean."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    if word.endswith("e") and not word.endswith(("le", "ee", "ye")) and groups > 1:
        groups -= 1
    return max(1, groups)


def check_openapi(description: str) -> str:
    """Find what an OpenAPI description leaves unsaid: summaries, parameters, errors, examples, operation ids.

    Args:
        description: The OpenAPI 3 document, as YAML or JSON.
    """
    document = _document(require_text(description, "the OpenAPI document"))
    operations = list(_operations(document))
    if not operations:
        raise InvalidInput("There are no operations under `paths`. Is it an OpenAPI 3 document?")
    rows = [(place, gap) for place, operation in operations for gap in _gaps(operation)]
    ids = [str(operation["operationId"]) for _, operation in operations if operation.get("operationId")]
    rows += [("document", f"operationId {one} is used twice") for one in _once(ids) if ids.count(one) > 1]
    if not document.get("components", {}).get("securitySchemes") and not document.get("security"):
        rows.append(("document", "no word on how to sign in (securitySchemes)"))
    shown = table(["Where", "Missing"], rows[:200]) if rows else "Nothing is missing by these rules."
    return f"{len(operations)} operations, {len(rows)} gaps.\n\n{shown}"


def _document(text: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        document = None
    if not isinstance(document, dict):
        raise InvalidInput("That cannot be read as YAML or JSON.")
    document["components"] = _mapping(document.get("components"))
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in _mapping(document.get("paths")).items():
        for method, operation in _mapping(item).items():
            if method in METHODS and isinstance(operation, dict):
                yield f"{method.upper()} {path}", operation


def _gaps(operation: dict[str, Any]) -> Iterator[str]:
    for name in ("operationId", "summary", "description"):
        if not operation.get(name):
            yield name
    parameters = operation.get("parameters")
    for parameter in parameters if isinstance(parameters, list) else []:
        if isinstance(parameter, dict) and "$ref" not in parameter and not parameter.get("description"):
            yield f"description of the parameter {parameter.get('name', '?')}"
    responses = _mapping(operation.get("responses"))
    if not any(str(status).startswith("2") for status in responses):
        yield "an answer that succeeds (2xx)"
    if not any(str(status).startswith(("4", "5")) or status == "default" for status in responses):
        yield "answers that fail (4xx, 5xx or default)"
    if not any(word in _mapping(body) for body in _bodies(operation, responses) for word in ("example", "examples")):
        yield "an example"


def _bodies(operation: dict[str, Any], responses: dict[str, Any]) -> Iterator[Any]:
    for holder in (operation.get("requestBody"), *responses.values()):
        yield from _mapping(_mapping(holder).get("content")).values()


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _once(found: list[str]) -> list[str]:
    return list(dict.fromkeys(found))
