"""What the offline responder answers: a table of rules over the words of the person and the tools on offer."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import available_timezones

INTRODUCTION = "I am Opie's offline responder: I follow fixed rules and am not a language model."
HOW_TO_CONNECT = (
    "To get real answers, connect an LLM platform: set OPENAI_API_KEY, ANTHROPIC_API_KEY or GOOGLE_API_KEY, or "
    "OLLAMA_BASE_URL, LLAMACPP_BASE_URL, GPT4ALL_BASE_URL or OPENAI_COMPATIBLE_BASE_URL for a server of your own, and "
    "run `manage.py setup_platforms`."
)


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with this text."""

    text: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """Call this tool first."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """When `arguments_for` finds something in the text, the tool is called; `sentence` presents its result."""

    tool: str
    ability: str
    arguments_for: Callable[[str], dict[str, Any] | None]
    sentence: Callable[[str], str]


# --- arithmetic ------------------------------------------------------------------------------------
WORDS_TO_SIGNS = (
    (r"(\d+(?:\.\d+)?)\s*(?:%|per ?cent)\s+of\s+(\d+(?:\.\d+)?)", r"\1 / 100 * \2"),
    (r"\bmultiplied by\b|\btimes\b|[×·]|(?<=\d)\s*x\s*(?=\d)", " * "),
    (r"\bdivided by\b|÷", " / "),
    (r"\bplus\b", " + "),
    (r"\bminus\b|−", " - "),
    (r"\^", " ** "),
    (r"(?<=\d),(?=\d{3}\b)", ""),
)
DATE = re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}\b|\b\d{1,2}[./]\d{1,2}[./]\d{2,4}\b")
EXPRESSION = re.compile(r"[(\s+-]*\d[\d\s.()+*/%-]*[-+*/%][\d\s.()+*/%-]*\d[\s)]*")
ASKS_FOR_A_RESULT = re.compile(
    r"\b(what(?:'s| is| are)|how much|how many|calculate|compute|work out|evaluate|solve|result|sum|product)\b|=",
    re.IGNORECASE,
)


def arithmetic_in(text: str) -> dict[str, Any] | None:
    """The expression of a text that asks for a result. "2-3 sentences" does not."""
    if DATE.search(text):
        return None
    for words, sign in WORDS_TO_SIGNS:
        text = re.sub(words, sign, text, flags=re.IGNORECASE)
    found = max(EXPRESSION.findall(text), key=len, default="").strip()
    if not found or found.count("(") != found.count(")"):
        return None
    rest = text.replace(found, "").strip(" ?!.=:")
    if rest and not ASKS_FOR_A_RESULT.search(text):
        return None
    return {"expression": re.sub(r"\s+", " ", found)}


# --- date and time ---------------------------------------------------------------------------------
ASKS_FOR_THE_TIME = re.compile(
    r"\bwhat(?:'s| is)? (?:the )?(?:current )?(?:time|date|day|year|month)\b|\bwhat time\b|\bwhich day\b"
    r"|\b(?:current|today'?s) (?:time|date|day)\b|\bthe (?:date|time) (?:today|now|in)\b|\btime is it\b|\bday is (?:it|today)\b",
    re.IGNORECASE,
)
PLACE = re.compile(r"\bin ([A-Za-z][A-Za-z_/ -]+?)(?:\s+(?:now|today|right|at)\b|[?.!,]|$)", re.IGNORECASE)


def time_zone_in(text: str) -> dict[str, Any] | None:
    """The time zone asked for: of a place that the zone database names, else UTC."""
    if not ASKS_FOR_THE_TIME.search(text):
        return None
    place = PLACE.search(text)
    zone = _zone_of(place.group(1)) if place else None
    return {"time_zone": zone} if zone else {}


def _zone_of(place: str) -> str | None:
    wanted = place.strip().replace(" ", "_").lower()
    zones = sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
    return next((zone for zone in zones if wanted in (zone.lower(), zone.lower().rpartition("/")[2])), None)


# --- the person's own sessions ---------------------------------------------------------------------
OWN_CHATS = (
    r"(?:my|our|the|past|earlier|previous|old)\s+(?:\w+\s+)?(?:chats?|sessions?|conversations?|messages|history)"
)
SEARCH = re.compile(
    rf"\b(?:search|find|look(?:\s+up|\s+for)?)\b(?P<before>.*?)\b(?:in|through|of|from)?\s*{OWN_CHATS}(?P<after>.*)",
    re.IGNORECASE | re.DOTALL,
)
QUOTED = re.compile(r"[\"“'‘](.+?)[\"”'’]")
FILLERS = re.compile(
    r"^(?:\s*(?:for|about|on|where|what|anything|something|everything|mentions? of|in|through|up|we|i|said)\b)+",
    re.IGNORECASE,
)


def search_words_in(text: str) -> dict[str, Any] | None:
    """What to look for in the person's sessions."""
    found = SEARCH.search(text)
    if not found:
        return None
    quoted = QUOTED.search(text)
    candidates = [quoted.group(1)] if quoted else [found["before"], found["after"]]
    for words in candidates:
        query = re.sub(r"\s+(?:in|through|from|of)\s*$", "", FILLERS.sub("", words.strip())).strip(" ?.!,:;")
        if query:
            return {"query": query}
    return None


# --- contrast of two colours -----------------------------------------------------------------------
COLOUR = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b|\brgb\([\d\s,]+\)|\b(?:black|white)\b", re.IGNORECASE)
ASKS_ABOUT_CONTRAST = re.compile(r"\b(?:contrast|legible|readable|read|WCAG)\b", re.IGNORECASE)


def colours_in(text: str) -> dict[str, Any] | None:
    """The two colours whose contrast is asked for."""
    colours = COLOUR.findall(text)
    if len(colours) != 2 or not ASKS_ABOUT_CONTRAST.search(text):  # two make a contrast
        return None
    return {"foreground": colours[0], "background": colours[1]}


# --- the title of the chat -------------------------------------------------------------------------
RENAME = re.compile(
    r"\b(?:rename|retitle|call)\s+(?:this|the|our)\s+(?:chat|session|conversation)\s+(?:to\s+|as\s+)?(?P<title>.+)",
    re.IGNORECASE | re.DOTALL,
)


def title_in(text: str) -> dict[str, Any] | None:
    """What the chat shall be called."""
    found = RENAME.search(text)
    if not found:
        return None
    quoted = QUOTED.search(found["title"])
    title = " ".join((quoted.group(1) if quoted else found["title"]).split()).strip(" .!:")
    return {"title": title} if title else None


RULES = (
    Rule("rename_this_chat", "rename this chat", title_in, lambda result: f"{result}."),
    Rule(
        "contrast_ratio",
        "work out the contrast of two colours",
        colours_in,
        lambda result: f"this is what WCAG says:\n\n{result}",
    ),
    Rule("calculate", "work out arithmetic, such as 17 * 23", arithmetic_in, lambda result: f"the result is {result}."),
    Rule("get_date_and_time", "tell the date and time anywhere", time_zone_in, lambda result: f"it is {result}."),
    Rule(
        "search_my_sessions",
        "search your earlier chats",
        search_words_in,
        lambda result: f"this is what your earlier chats hold:\n\n{result}",
    ),
)
_RULE_OF = {rule.tool: rule for rule in RULES}


# --- knowledge bases -------------------------------------------------------------------------------
KNOWLEDGE_TOOL = "search_knowledge"
FEWEST_WORDS = 3
MOST_QUOTED = 2
LONGEST_QUOTE = 900
PASSAGE = re.compile(
    r"^(?P<number>\[\d+\]) (?P<where>[^\n]+)\n<passage>\n(?P<text>.*?)\n</passage>$", re.MULTILINE | re.DOTALL
)


def _is_a_question(text: str) -> bool:
    return "?" in text or len(text.split()) >= FEWEST_WORDS


def quoted(result: str) -> str:
    """The first passages of a search as quotations, each with the number that it is cited by."""
    passages = list(PASSAGE.finditer(result))[:MOST_QUOTED]
    if not passages:
        return f"I searched the knowledge bases of this agent. {result}"
    quotes = [_quotation(one["text"], f"{one['where']} {one['number']}") for one in passages]
    return "This is what the knowledge bases of this agent say:\n\n" + "\n\n".join(quotes)


def _quotation(text: str, source: str) -> str:
    cut = text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE].rsplit(" ", 1)[0] + " …"
    return "\n".join(f"> {line}".rstrip() for line in cut.splitlines()) + f"\n\n— {source}"


def reply_to(text: str, tools: frozenset[str]) -> Say | UseTool:
    """What to do about a person's message, given the names of the tools on offer."""
    for rule in RULES:
        if rule.tool in tools and (arguments := rule.arguments_for(text)) is not None:
            return UseTool(rule.tool, arguments)
    if KNOWLEDGE_TOOL in tools and _is_a_question(text):
        return UseTool(KNOWLEDGE_TOOL, {"query": text})
    return Say(_what_i_am(tools))


def present(results: list[tuple[str, str, bool]]) -> Say:
    """The tools' results as an answer. A result is (name of the tool, its text, whether it failed)."""
    sentences = [_sentence(name, text, failed) for name, text, failed in results]
    return Say(
        "\n\n".join(sentences) + "\n\n(Answered by Opie's offline responder, by rule, without a language model.)"
    )


def _sentence(tool: str, text: str, failed: bool) -> str:
    if tool == KNOWLEDGE_TOOL and not failed:
        return quoted(text.strip())
    plain = _plain(text).strip()
    if failed or plain.lower().startswith("error"):
        return f"I asked the tool {tool}, but it could not help: {plain or 'it said nothing.'}"
    if not plain:
        return f"I asked the tool {tool}, and it found nothing."
    rule = _RULE_OF.get(tool)
    sentence = (
        rule.sentence(plain.rstrip(".") if "\n" not in plain else plain) if rule else f"the tool {tool} says: {plain}"
    )
    return sentence[0].upper() + sentence[1:]


def _plain(text: str) -> str:
    """JSON as lines a person can read; anything else as it is."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {inner}" for key, inner in value.items())
    if isinstance(value, list):
        return "\n".join(f"- {_plain(json.dumps(inner)) if isinstance(inner, dict) else inner}" for inner in value)
    return str(value) if isinstance(value, str) else text


def _what_i_am(tools: frozenset[str]) -> str:
    abilities = [rule.ability for rule in RULES if rule.tool in tools]
    if KNOWLEDGE_TOOL in tools:
        abilities.append("quote what its knowledge bases say about a question")
    others = sorted(tools - _RULE_OF.keys() - {KNOWLEDGE_TOOL})
    lines = [INTRODUCTION, HOW_TO_CONNECT]
    if abilities:
        lines.append("With the tools of this agent I can already " + _listed(abilities) + ".")
    if others:
        lines.append("A connected model could also use: " + ", ".join(others) + ".")
    return "\n\n".join(lines)


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
