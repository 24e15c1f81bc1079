"""What a short message asks for, whatever it is about: to go on, yes, a person. In English, German, Spanish, French, Portuguese."""

import re
from typing import Literal

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
        r"^(?:(?:a|real|live|ein(?:en)?|una?|une|uma)\s+)*(?:person|human|mensch(?:en)?|persona|personne|pessoa)(?:\s+(?:please|bitte|por favor|s ?il vous plait))?$",
        r"\b(?:hand me over|call a person|let a person)\b",
        r"\b(?:mit\s+)?(?:eine[mnr]?\s+)?(?:echten\s+)?(?:mensch(?:en)?|mitarbeiter(?:in)?|jemande?[mn]?)\s+(?:sprechen|reden|schreiben)\b",
        r"\b(?:hablar|conversar|falar)\s+(?:con|com)\s+(?:un[ao]?|uma?|alguien|alguem)\b",
        r"\bparler\s+(?:a|avec)\s+(?:une?\s+(?:personne|humain|conseiller|conseillere)|quelqu ?un)\b",
    )
)

# Of thanks and farewells: in a longer message there is more than that.
MOST_WORDS, MOST_WORDS_AFTER = 8, 3
_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|servus|moin|guten (?:tag|morgen|abend)|gruss gott|hola"
    r"|buen[oa]s (?:dias|tardes|noches)|bonjour|bonsoir|salut|coucou|ola|oi|bom dia|boa (?:tarde|noite))\b"
)
_THANKS = re.compile(
    r"(?:(?:ok|okay|great|perfect|super|cool|nice|good|ah|no|nein|non|nao|perfekt|toll|genial|parfait|otimo) )*"
    r"(?:thanks|thank you|thx|ty|cheers|much appreciated|danke|vielen dank|besten dank|gracias|muchas gracias|mil gracias|merci|grand merci|obrigad[oa]|muito obrigad[oa]|valeu)\b"
)
_ROBOT = re.compile(
    r"\b(?:are you|am i (?:talking|speaking|chatting) (?:to|with)|is this) (?:(?:a|an|the|real|some kind of) )*(?:ro)?(?:bot|human(?: being)?|person|machine|ai|computer|chatbot)\b"
    r"|\b(?:bist du|sind sie|ist das) (?:ein(?:e)? )?(?:echter )?(?:ro?bot(?:er)?|mensch|maschine|ki|computer)\b|\b(?:eres|es usted) (?:una? )?(?:robot|bot|persona|humano|maquina)\b"
    r"|\b(?:es tu|etes vous) (?:une? )?(?:robot|bot|personne|humain|machine)\b|\b(?:voce e|e) (?:uma? )(?:robo|bot|pessoa|humano|maquina)\b"
)
_FAREWELL = re.compile(
    r"\b(?:bye|goodbye|good night|see you|cya|tschuss|auf wiedersehen|ciao|adios|hasta (?:luego|pronto|la vista)|au revoir|a bientot|bonne (?:journee|soiree)|tchau|ate (?:logo|mais))\b"
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


def courtesy_in(text: str) -> Literal["hello", "you_are_welcome", "goodbye", "robot", ""]:
    """The key of what is said back to a greeting, to thanks, to a farewell, to whoever asks whether a person is there."""
    words = fold(text[:LONGEST])
    if _is_short(text) and _FAREWELL.search(words):
        return "goodbye"
    if _is_short(text) and _THANKS.match(words):
        return "you_are_welcome"
    if _ROBOT.search(words):
        return "robot"
    return "hello" if _GREETING.match(words) else ""


def _is_short(text: str) -> bool:
    """Whether there is nothing beside it: "thx. do you have Madonna" asks something."""
    *before, last = (part for part in (fold(one).split() for one in re.split("[.!?]", text[:LONGEST])) if part)
    return len(last) <= (MOST_WORDS_AFTER if before else MOST_WORDS) and "?" not in text


def wants_person(text: str) -> bool:
    """Whether somebody would rather talk to a person."""
    words = fold(text[:LONGEST])
    return any(pattern.search(words) for pattern in _PERSON)
