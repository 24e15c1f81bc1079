"""Whether, when and on which invoice something was bought: the names that a message may mean by it."""

import re
from collections.abc import Iterator

from apps.musicstore.catalogue_questions import AROUND, sentences_of
from apps.musicstore.names import fold

_FLAGS = re.IGNORECASE
_NAME = r"(?P<name>\S.{0,80}?)"
_PAPER = r"(?:invoices?|orders?|purchases?|bills?|receipts?)"
_SONGS = r"(?:songs?|tracks?|music|albums?)"
_BOUGHT = r"(?:buy|bought|purchased?|order(?:ed)?|get|own|pay\s+for|paid\s+for|spend\s+on|spent\s+on)"
_ASKED = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\b{_SONGS}\s+(?:by|of|from)\s+{_NAME}\s+(?:did|have|had|do)\s+i\b",
        rf"\b(?:did|have|had|do)\s+i\s+(?:(?:ever|already|once|just)\s+)*{_BOUGHT}\s+{_NAME}$",
        rf"\bi\s+(?:ever\s+|already\s+|have\s+)*(?:bought|purchased|paid\s+for)\s+{_NAME}$",
        rf"\b{_PAPER}\b.*?\b(?:have|has|had|with|contain(?:s|ed)?|include[sd]?|of|for)\s+{_NAME}$",
        # "My order is late" names nothing.
        rf"\b(?:which|what)\b.*?\b{_PAPER}\s+(?:is|was|are|were)\s+{_NAME}$",
        rf"\b(?:is|was|are|were)\s+{_NAME}\s+(?:on|in|among)\s+(?:(?:one|any)\s+of\s+)?my\s+{_PAPER}$",
        rf"\bhabe?\s+ich\s+(?:(?:schon|je|jemals|mal|denn|bereits|auch)\s+)*{_NAME}\s+(?:ein)?(?:gekauft|bestellt|bezahlt)$",
        rf"\b(?:welche[rn]?\s+rechnung(?:en)?\s+(?:ist|sind|steht|stehen|hat|haben|enth[äa]lt|enthalten)|rechnung(?:en)?\s+mit)\s+{_NAME}$",
        rf"\b(?:he\s+comprado|compr[ée])\s+(?:ya\s+|alguna\s+vez\s+)*{_NAME}$",
        rf"\b(?:qu[ée]\s+facturas?\s+(?:tienen?|contienen?|est[áa]n?|hay)|facturas?\s+con)\s+{_NAME}$",
        rf"(?:\bj['’]ai|\bai[\s-]je)\s+(?:d[ée]j[àa]\s+)?achet[ée]e?s?\s+{_NAME}$",
        rf"\b(?:quel(?:le)?s?\s+(?:factures?|commandes?)\s+(?:ont|a|contien(?:t|nent)|est|sont)|factures?\s+avec)\s+{_NAME}$",
        rf"\b(?:j[áa]\s+)?comprei\s+(?:alguma\s+vez\s+)?{_NAME}$",
        rf"\b(?:(?:qual|quais|que)\s+faturas?\s+(?:t[êe]m|cont[êé]m|est[áa]|est[ãa]o)|faturas?\s+com)\s+{_NAME}$",
    )
)
_BEFORE = re.compile(
    r"^(?:(?:anything|something|any|some|the|a|an|songs?|tracks?|music|albums?|copy|called|named|by|from|of|for"
    r"|etwas|was|lieder|musik|das|die|der|lied|album|alben|von|aus"
    r"|algo|canciones|canci[óo]n|m[úu]sica|la|el|las|los|de|del"
    r"|quelque\s+chose|chansons?|la|le|les|des|une?|du"
    r"|alguma\s+coisa|m[úu]sicas|faixas?|a|o|da|do)\s+)+",
    _FLAGS,
)
_AFTER = re.compile(
    r"(?:\s+(?:on|in)\s+(?:it|them|there)|\s+(?:already|yet|before|ever|once|from\s+you|with\s+you|here|drauf|darauf|schon)"
    r"|\s+(?:in|en|em|im\s+jahr|from|of)\s+(?:19|20)[0-9]{2})+$",
    _FLAGS,
)
# Of these alone no name is made.
_NO_NAME = re.compile(
    r"(?:(?:anything|something|everything|nothing|it|them|this|that|these|those|all|last|first|most|least|recently|lately|before|today"
    r"|yesterday|year|month|week|times?|day|things?|songs?|tracks?|albums?|music|expensive|cheapest|much|many|often|from|you|here|there"
    r"|with|in|on|at|the|an?|my|me|i|so|far|until|now|ever|again|invoices?|orders?"
    r"|etwas|was|alles|nichts|zuletzt|letzte[ns]?|jahr|monat|mal|lied(?:er)?|alben|am|meisten|bei|euch|ihnen|im|heute|gestern"
    r"|algo|todo|nada|ayer|hoy|est[ea]|ese|el|las?|los|ultim[oa]|vez|ano|mes|mas|caro|aqui|canciones|discos"
    r"|quelque|chose|tout|rien|hier|derniere?|fois|annee|mois|plus|cher|chez|vous|chansons|disques|les?|des"
    r"|tudo|ontem|hoje|mais|musicas|faixas|os?|as|no|na|(?:19|20)[0-9]{2})(?: |$))+"
)
_BY = re.compile(r"(?P<title>\S.*?)\s+(?:by|von|de|par|por)\s+(?P<artist>\S.*)", _FLAGS)


def names_bought(message: str) -> list[str]:
    """The names that the message may ask after, the likeliest first. What is none finds nothing among what was bought."""
    found = [name for sentence in sentences_of(message) for name in _names_in(sentence.strip(AROUND))]
    return list(dict.fromkeys(name for name in found if fold(name) and not _NO_NAME.fullmatch(fold(name))))


def title_and_artist(name: str) -> tuple[str, str]:
    """Both, where the name has both: "Kashmir by Led Zeppelin"."""
    found = _BY.fullmatch(name)
    return (found["title"], found["artist"]) if found else ("", "")


def _names_in(sentence: str) -> Iterator[str]:
    for pattern in _ASKED:
        if found := pattern.search(_AFTER.sub("", sentence)):
            whole = found["name"].strip(AROUND)
            # "The Trooper" as it is, and without what may be words around a name.
            yield whole
            plain = _BEFORE.sub("", whole).strip(AROUND)
            yield plain
            if by := _BY.match(plain):
                yield by["title"]
