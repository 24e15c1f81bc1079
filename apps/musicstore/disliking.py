"""What people say they do not like, or no longer: "I don't like jazz", "not into metal", "I used to love reggae".

It takes a liking away, and is never one: what is said here is not read again for what they like.
"""

import re
from collections.abc import Iterator

_FLAGS = re.IGNORECASE
_NAMES = r"(?P<names>[^!?;:\n]{1,200})"
_MUCH = r"(?:(?:really|actually|even|particularly|much|so|all\s+that|that|at\s+all|ever|especially|a|an|big|huge|great)\s+)*"
_LIKE = r"(?:like|love|adore|enjoy|prefer|listen\s+to|care\s+(?:for|about))"
_FOND = r"(?:into|fans?\s+of|fond\s+of|keen\s+on|interested\s+in)"
_I_DO_NOT = r"I\s+(?:really\s+)?(?:don['’]?t|do\s+not|didn['’]?t|did\s+not|can['’]?t\s+say\s+I)"
_OWN = r"(?:favou?rites?|tastes?|preferences?|profile|likes|list)"
_BEGINS = r"(?:^|[.!?;:,\n]|\b(?:and|but|though|please|so|ok|okay|well)\b)\s*"
# Of one with a part `said`, what comes before that is something else.
_SAID = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\b{_I_DO_NOT}\s+{_MUCH}(?:(?:think|believe)\s+(?:that\s+)?I\s+{_MUCH})?{_LIKE}\s+{_NAMES}",
        rf"\b{_I_DO_NOT}\s+(?:want|need)\s+any\s*more\s+{_NAMES}",
        rf"\bI\s+(?:no\s+longer|never|hardly(?:\s+ever)?|rarely)\s+{_MUCH}{_LIKE}\s+{_NAMES}",
        rf"\bI\s+(?:(?:really|just|absolutely|do|truly|simply)\s+)*(?:hate|dislike|detest|loathe|despise|can(?:['’]?t|not)\s+(?:stand|bear|hear))\s+{_NAMES}",
        rf"\bI(?:['’]?m|\s+am)\s+(?:(?:so|really|rather|a\s+bit)\s+)*(?:sick|tired|bored|fed\s+up)\s+(?:of|with|by)\s+{_NAMES}",
        rf"(?:\bI(?:['’]?m|\s+am)\s+|{_BEGINS})(?:not|no\s+longer|never)\s+{_MUCH}{_FOND}\s+{_NAMES}",
        rf"{_BEGINS}no\s+more\s+(?:of\s+)?{_NAMES}",
        rf"(?:{_BEGINS}(?:stop|don['’]?t|do\s+not|never)\s+)(?:suggest|recommend|offer)(?:ing)?\s+(?:me\s+)?(?:any\s*more\s+)?{_NAMES}",
        rf"\bI\s+used\s+to\s+(?:{_LIKE}|be\s+{_MUCH}{_FOND})\s+(?![^.!?;\n]{{0,60}}\bstill\s+(?:do|am|like|love)\b){_NAMES}",
        rf"\bforget\s+(?:that\s+)?I\s+{_MUCH}{_LIKE}\s+{_NAMES}",
        rf"\b(?:remove|delete|take|drop|strike|erase)\s+(?P<names>[^.!?;:\n]{{1,80}}?)\s+(?:from|out\s+of|off)\s+my\s+(?:\w+\s+)?{_OWN}\b",
        rf"\bmy\s+favou?rite\s+\w+\s+(?:is|are)(?:n['’]?t|\s+not|\s+no\s+longer)\s+{_NAMES}",
        r"(?:^|[.!?;:\n]|\bbut\b)\s*(?P<names>[^.!?;:\n]{1,60}?)\s+(?:is|are)(?:n['’]?t|\s+not|\s+no\s+longer)\s+(?:really\s+)?my\s+(?:thing|style|taste|cup\s+of\s+tea|favou?rites?)\b",
        rf"\bI\s+(?:\w+\s+)?(?:like|love|adore|enjoy|prefer)\s+[^.!?;:\n]{{1,100}}?(?P<said>(?:,|\bbut|\band)\s*(?:definitely\s+|certainly\s+)?not\s+{_NAMES})",
    )
)
# Where what somebody does not like ends.
_ENDS = re.compile(
    r"\.(?:\s|$)|,\s*(?:I|my|please|now|so|show|but|it|they)\b"
    r"|\b(?:but|because|since|when|while|although|though|which|who|that|so|now|not|any\s*more|any\s+longer|as\s+an?|either|until"
    r"|before|nowadays|these\s+days|at\s+all|for\s+me|(?:and|or)\s+(?:I|my|you|please|now|not))\b",
    _FLAGS,
)
# "If I like jazz", "I don't know whether I love it", "do you think I enjoy pop": not said.
_DOUBTED = re.compile(
    r"(?:\b(?:not|never|if|whether|unless|until|do\s+you\s+think|did\s+I\s+say|who\s+says)|n['’]t)\b[^.!?;,\n]{0,25}$",
    _FLAGS,
)


def not_liked_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Where in the text somebody says so, from and to, and the names in it."""
    for pattern in _SAID:
        for found in pattern.finditer(text):
            names = found["names"]
            if end := _ENDS.search(names):
                names = names[: end.start()]
            start = found.start("said" if "said" in pattern.groupindex else 0)
            yield start, found.start("names") + len(names), names


def without_them(text: str, places: list[tuple[int, int, str]]) -> str:
    """The text with what was said there taken out, letter for letter."""
    for start, end, _ in places:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def is_doubted(before: str) -> bool:
    """Whether what follows these words is not said, but asked or denied."""
    return _DOUBTED.search(before) is not None
