"""A customer's number in an ordinary sentence, in English, German, Spanish, French and Portuguese.

A number counts where it is said to be one. To somebody who was just asked for it, an answer that is little more than the
number counts too; a number that belongs to anything else never does.
"""

import re
from collections.abc import Iterator

_FLAGS = re.IGNORECASE

_WHO = r"(?:customer|client|account|member|kund(?:e|in)|client[ea])"
_LABEL = r"(?:id|number|nummer|n[úu]mero|num[ée]ro|no\.?|nr\.?|num\.?|n[°º])"
# "Kundennummer", "número de cliente", "numéro de client".
_WHOSE_LABEL = (
    rf"(?:{_WHO}(?:['’]s)?[\s_-]*{_LABEL}|kunden[\s_-]*{_LABEL}"
    rf"|{_LABEL}\s+(?:de\s+|d['’])?(?:client[ea]?|compte|cuenta|conta))"
)
# Without the "no", which is a number's only right before it, and elsewhere a no.
_WORDS_OF_LABEL = r"(?:(?:kunden[\s_-]*)?(?:id|number|nummer|nr\.?)|n[úu]mero|num[ée]ro|num\.?|n[°º])(?:\s+de\s+{who})?"
_EQUALS = r"\s*(?:['’]s\b|(?:is|ist|lautet|es|est|é)\b|=|:)?\s*"
_UNIT = (
    r"(?:years?|months?|weeks?|days?|hours?|minutes?|times?|dollars?|euros?|pounds?|percent|copies|songs?|albums?|tracks?"
    r"|artists?|invoices?|orders?|purchases?|jahren?|monaten?|wochen?|tagen?|stunden?|uhr|mal|stück|lieder|alben|rechnungen"
    r"|años?|anos?|mes(?:es)?|semanas?|d[íi]as?|horas?|veces|vezes|canci[óo]n(?:es)?|discos?|m[úu]sicas?|facturas?|faturas?"
    r"|ans?|années?|mois|jours?|heures?|fois|chansons?|factures?|a\.?m|p\.?m)"
)
# What ends an id, and does not make it a part of another number, of a word, of an amount, or somebody else's.
_END = rf"(?![\w@%]|[.,/:-][0-9]|\s*[€$£%]|\s+[0-9(]|['’]s\b|\s+{_UNIT}\b)"
_NUMBER = rf"#?\s*(?<![\w.])(?<![€$£])(?<![€$£]\s)(?P<id>[0-9]{{1,9}}){_END}"
_I_AM = (
    r"(?:i\s+am|i['’]?m|we\s+are|we['’]?re|this\s+is|it\s+is|it['’]?s|as|here\s+is|ich\s+bin|wir\s+sind|hier\s+ist|das\s+ist"
    r"|(?<!\bno\s)(?<!\bnão\s)(?<!\bnao\s)(?:soy|somos|sou)|je\s+suis|c['’]est)"
)
_THE = r"(?:(?:your|the|a|der|die|ein|eine|ihre?|el|la|un|una|su|le|une|votre|o|um|uma|seu|sua)\s+)?"
_STORY = (
    r"(?!\s+(?:has|had|have|bought|ordered|did|does|paid|purchased|owns|got|is|was|hat|hatte|kaufte|ist|war|ha|hab[íi]a"
    r"|compr[óo]|comprou|tem|tinha|es|era|est|a|avait|qui)\b)"
)
_SAID = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\b{_WHOSE_LABEL}{_EQUALS}{_NUMBER}",
        rf"(?:^|[.!?;:,(\n]\s*|\b(?:my|our|user|personal|store|with|under|and|by|meine?|mi|mon|meu)\s+)id(?:\s+{_LABEL})?{_EQUALS}{_NUMBER}",
        rf"\b{_I_AM}\s+{_THE}{_WHO}\s*{_NUMBER}{_STORY}",
        rf"(?:^|[.!?;:,(\n]\s*|\b(?:hi|hello|hey|hallo|hola|bonjour|ol[áa])\W+){_WHO}\s*{_NUMBER}{_STORY}",
    )
)
# What is enough where the number was asked for.
_SAID_WHEN_ASKED = tuple(
    re.compile(pattern, _FLAGS)
    for pattern in (
        rf"\b(?:my|our|meine?|mi|mon|meu)\s+{_LABEL}{_EQUALS}{_NUMBER}",
        rf"\b{_I_AM}\s+{_THE}{_LABEL}\s*{_NUMBER}{_STORY}",
    )
)
_OR = r"or|and|oder|und|o|y|ou|et|e"
# An answer that begins with these and the number, and has nothing but these up to the next comma.
_BEFORE = (
    r"yes|yeah|yep|sure|ok(?:ay)?|oh|ah|uh|u[hm]m?|hm+|well|sorry|hi|hello|hey|it|is|was|its|it['’]s|that|that['’]s|this|my|the|i|i['’]?m"
    r"|am|think|believe|guess|would|should|must|be|as|of\s+course|here\s+(?:it\s+is|you\s+go)|customer['’]s"
    r"|ja|ach|äh|also|gut|hallo|entschuldigung|es|das|ist|wäre|ich|bin|glaube|denke|der|die|meine?|lautet"
    r"|s[íi]|hola|perd[óo]n|soy|mi|el|la|creo|que|ser[íi]a|oui|bonjour|pardon|c['’]est|je|suis|crois|pense|qu['’]il|mon|ma|le|est"
    r"|sim|ol[áa]|desculpe|sou|eu|meu|minha|o|a|é|acho"
    rf"|{_WHO}|{_WORDS_OF_LABEL.format(who=_WHO)}"
)
_AFTER = (
    r"thanks?|thank\s+you|please|sorry|here|i\s+(?:think|believe|guess)|it\s+is|if\s+i\s+remember\s+(?:right|correctly|well)"
    rf"|is\s+(?:mine|my\s+(?:{_WHOSE_LABEL}|{_LABEL}))|danke|bitte|hier|(?:glaube?|denke?)\s+ich|ist\s+(?:meine?|das)(?:\s+(?:{_WHOSE_LABEL}|{_LABEL}))?"
    rf"|gracias|por\s+favor|aqu[íi]|creo(?:\s+yo)?|es\s+mi\s+(?:{_WHOSE_LABEL}|{_LABEL})|merci|s['’]il\s+(?:vous|te)\s+pla[îi]t|ici|je\s+(?:crois|pense)"
    rf"|est\s+mon\s+(?:{_WHOSE_LABEL}|{_LABEL})|obrigad[oa]|(?:eu\s+)?acho|é\s+o?\s*meu\s+(?:{_WHOSE_LABEL}|{_LABEL})"
)
_SPACE = r"[^\w-]+(?:-\s+)?"
_ANSWER = re.compile(
    rf"\W*(?:(?:no|nope|nein|non|não)\s*,\s*)?(?:(?:{_BEFORE})(?!\w){_SPACE}){{0,8}}(?:no\b\.?\s*)?{_NUMBER}"
    rf"(?:[\s,]+(?:{_AFTER})\b){{0,3}}(?=\W*$|\s*[.!?;,:\n]|\s*\)(?!\s*[0-9])|\s+(?:{_OR})\s+{_THE}[0-9])",
    _FLAGS,
)
_ANOTHER = re.compile(
    rf"\s*(?:,|(?:{_OR})\b|&|/)\s*(?:(?:{_OR})\s+)?{_THE}(?:{_WHO}\s*)?(?:{_LABEL}\s*)?{_NUMBER}", _FLAGS
)
# "6, or maybe 7", "6, no, 7", "6, sorry, it's 7".
_RATHER = re.compile(
    r"[^0-9]{0,20}?\b(?:maybe|perhaps|possibly|or|no|nope|sorry|i\s+mean|rather|actually|wait|oder|vielleicht|nein|o|quizás?|tal\s+vez|perdón"
    rf"|ou|peut-être|non|pardon|talvez|não|desculpe)\b(?:\W+(?:{_BEFORE})\b){{0,3}}\W+{_NUMBER}",
    _FLAGS,
)
_DENIED = re.compile(
    r"\b(?:not|never|nor|no longer|isn['’]?t|aren['’]?t|wasn['’]?t|ain['’]?t|nicht|kein\w{0,2}|nie|pas|jamais|nunca|não)"
    r"\s+(?:\w+\s+){0,3}$",
    _FLAGS,
)
_SOMEBODY_ELSE = re.compile(
    r"\b(?:his|her|their|other(?!\s+(?:day|week|month))|another|someone|somebody|friend|wife|husband|brother|sister|mother|father|(?<!your\s)boss|(?<!your\s)colleague"
    r"|neighbou?r|seine?|freund(?:in)?|frau|mann|bruder|schwester|mutter|vater|chef(?:in)?|kolleg(?:e|in)|su|amig[oa]|espos[oa]"
    r"|mujer|marido|mulher|herman[oa]|madre|padre|jef[ea]|son|sa|amie?|femme|mari|frère|sœur|mère|père|irmão|irmã|mãe|pai)"
    r"(?:['’]s|s)?\b[^.;!?\n,]{0,40},?\s*$",
    _FLAGS,
)

_A_CUSTOMER = re.compile(rf"\b{_WHO}s?\s*(?:{_LABEL}\s*)?#?\s*(?P<id>[0-9]{{1,9}})(?![\w@]|[.,/-][0-9])", _FLAGS)


def numbers_in(text: str, *, asked: bool = False) -> Iterator[str]:
    """Every number that is said to be the speaker's own as a customer. With `asked`, they were just asked for it."""
    if asked and (found := _ANSWER.match(text)):
        yield from _with_others(text, found)
    for pattern in (*_SAID, *(_SAID_WHEN_ASKED if asked else ())):
        for found in told(pattern, text):
            yield from _with_others(text, found)


def names_another(text: str, customer: int) -> bool:
    """Whether it asks of a customer with another number than this one: "the invoices of customer 7"."""
    return any(int(found["id"]) != customer for found in _A_CUSTOMER.finditer(text))


def told(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Where the pattern is, unless it is denied, or said of somebody else."""
    for found in pattern.finditer(text):
        before = text[max(0, found.start() - 80) : found.start()]
        if not _DENIED.search(before) and not _SOMEBODY_ELSE.search(before):
            yield found


def _with_others(text: str, found: re.Match[str]) -> Iterator[str]:
    """The number, and those that are named beside it: "customer 5 or 6" is not customer 5."""
    yield found["id"]
    place = found.end("id")
    while another := _ANOTHER.match(text, place):
        yield another["id"]
        place = another.end()
    if rather := _RATHER.match(text, place):
        yield rather["id"]
