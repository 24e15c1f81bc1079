"""Who in the team a message is for, by its words: the way that is left when no model can be asked."""

import re
from typing import Literal

Member = Literal["music_agent", "invoice_agent"]

SUPERVISOR = "supervisor"
MUSIC_AGENT: Member = "music_agent"
INVOICE_AGENT: Member = "invoice_agent"
WORDS: dict[Member, tuple[str, ...]] = {
    MUSIC_AGENT: ("song", "artist", "album", "genre", "track"),
    INVOICE_AGENT: ("invoice", "purchase", "order", "payment", "billing"),
}
# "In order to" orders nothing.
_IDIOMS = re.compile(
    r"\bin\s+order\s+(?:to|that|for)\b|\b(?:keep|lose|lost)\s+track\b|\bout\s+of\s+order\b", re.IGNORECASE
)
_PATTERNS = {
    member: re.compile(rf"(?<![\w@])(?:{'|'.join(words)})(?:['’]?s['’]?)?(?![\w@])", re.IGNORECASE)
    for member, words in WORDS.items()
}


def route(message: str) -> Member | None:
    """The member whose words are in the message: whole words, singular or plural. None when there are those of both, or of
    neither."""
    text = _IDIOMS.sub(" ", message)
    meant = [member for member, pattern in _PATTERNS.items() if pattern.search(text)]
    return meant[0] if len(meant) == 1 else None
