"""What a short message asks for, whatever it is about: to go on, yes, a person. In English, German, Spanish, French, Portuguese."""

import re

from apps.musicstore.names import fold

LONGEST = 300

_COURTESY = r"(?:please|pls|thanks|thank you|bitte|danke|por favor|gracias|s ?il (?:vous|te) plait|merci|obrigad[oa])"
_AND = r"(?:ok|okay|yes|and|und|y|et|e|great|cool|nice|can you|could you|kannst du|konnen sie)"
_GO_ON = (
    r"(?:(?:show|give|tell|list|zeig|zeigen sie|muestra|montre|mostra)?\s*(?:me|mir)?\s*(?:the|some|any|all|die|la|les|as|os|mas)?\s*)?"
    r"(?:more|next|next ones?|next page|(?:second|third) page|rest|others?|go on|continue|weiter|mehr|nachsten?|nachste seite|den rest|mas"
    r"|siguientes?|pagina siguiente|plus|suite|suivants?|page suivante|encore|mais|proximas?|proximos?|proxima pagina|continua)"
    r"(?:\s+(?:of (?:them|those|these)|ones|songs|albums|tracks|invoices|orders))?"
)
_MORE = re.compile(rf"(?:{_AND}\s+)*(?:{_COURTESY}\s+)?{_GO_ON}(?:\s+{_COURTESY})?")
_PAGE = re.compile(rf"(?:{_AND}\s+)*(?:(?:show|give) me\s+)?(?:page|seite|pagina)\s+([0-9]{{1,4}})(?:\s+{_COURTESY})?")
_YES = re.compile(
    rf"(?:oh\s+)?(?:yes|yeah|yep|yup|sure|of course|ok|okay|alright|do(?: that| it)?|go ahead|please do|{_COURTESY}|ja|gerne?|klar|sicher|si|claro"
    rf"|vale|oui|bien sur|d ?accord|sim|com certeza)(?:\s+(?:yes|sure|do(?: that| it)?|go ahead|would be (?:good|great|nice)|ja|gerne?|{_COURTESY}))*"
)
_SOMEBODY = (
    r"(?:(?:a|an|some|any|the|your|one of your|real|live|actual|another)\s+)*"
    r"(?:person|people|human(?: being)?|someone|somebody|agent|representative|rep|operator|employees?|staff|member of staff|colleague|manager|supervisor)"
)
_PERSON = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:talk|speak|chat|write|talking|speaking)\s+(?:to|with)\s+{_SOMEBODY}\b",
        rf"\b(?:i\s+)?(?:need|want|would like|d like|get me|give me|ask(?:ing)? for|connect me (?:to|with)|transfer me to|hand (?:me )?over to|put me through to)"
        rf"\s+(?:to (?:talk|speak) (?:to|with)\s+)?{_SOMEBODY}\b",
        r"^(?:(?:a|real|live)\s+)*(?:person|human)(?:\s+please)?$",
        r"\b(?:hand me over|call a person|let a person)\b",
        r"\b(?:mit\s+)?(?:eine[mnr]?\s+)?(?:echten\s+)?(?:mensch(?:en)?|mitarbeiter(?:in)?|jemande?[mn]?)\s+(?:sprechen|reden|schreiben)\b",
        r"\b(?:hablar|conversar|falar)\s+(?:con|com)\s+(?:un[ao]?|uma?|alguien|alguem)\b",
        r"\bparler\s+(?:a|avec)\s+(?:une?\s+(?:personne|humain|conseiller|conseillere)|quelqu ?un)\b",
    )
)


def next_page(text: str, shown: int) -> int | None:
    """Which page is asked for after the one of this number; None where none is."""
    words = fold(text[:LONGEST])
    if found := _PAGE.fullmatch(words):
        return max(1, int(found[1]))
    return shown + 1 if _MORE.fullmatch(words) else None


def says_yes(text: str) -> bool:
    """Whether it is a yes and nothing else."""
    return _YES.fullmatch(fold(text[:LONGEST])) is not None


def wants_person(text: str) -> bool:
    """Whether somebody would rather talk to a person."""
    words = fold(text[:LONGEST])
    return any(pattern.search(words) for pattern in _PERSON)
