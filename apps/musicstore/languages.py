"""In which of five languages somebody writes, told by its commonest words; names of songs tell nothing."""

import re
from collections.abc import Sequence

from apps.musicstore.names import fold

LONGEST_TEXT = 500
# Folded: without accents. A word that two of them have counts for both.
_WORDS = {
    "en": (
        "a an the you your have has do does did what which who whom whose when where why how my mine me i im am is are was were be and or of"
        " by in on from to for with please thanks thank hello hi hey good morning evening show give tell list find any some all songs song"
        " albums track tracks artist artists invoice invoices order orders purchase purchases bought buy paid pay spent last latest first"
        " customer number can could would like want need it that this these those not no yes more next there their other than much many"
        " bye sorry lets anything something about before after"
    ),
    "de": (
        "ich du er sie wir ihr mein meine meiner meinen meinem der die das den dem des ein eine einen einem und oder von vom aus auf mit bei im"
        " ist sind war bin habe hast hat habt haben was welche welcher welches wer wem wann wo wie wieviel viel viele kann konnen mochte will"
        " gibt es zeig zeige zeigen mir mich bitte danke hallo guten morgen tag abend lied lieder alben kunstler rechnung rechnungen bestellung"
        " bestellungen gekauft kaufen bezahlt bezahlen zahlen ausgegeben letzte letzten letzter zuletzt erste kunde kundin kundennummer"
        " nummer nicht kein keine ja nein mehr weiter noch auch fur uber zu zum sprechen menschen mensch tschuss etwas andere davor geholfen"
    ),
    "es": (
        "yo tu usted el la los las un una unos unas y o de del al en con por para que cual cuales quien cuando donde como cuanto cuantas cuantos"
        " es son fue soy eres he has ha hay tiene tienes tienen teneis tengo mi mis su sus me muestra muestrame muestreme dime favor gracias hola"
        " buenos buenas dias tardes noches cancion canciones disco discos albumes artista artistas factura facturas pedido pedidos compra compras"
        " compre comprado pague pagar pago gaste gastado ultima ultimo primera primer cliente numero correo no si mas puedo quiero quisiera necesito"
        " busco algo adios vez hablar persona anterior otra otro ayudo"
    ),
    "fr": (
        "je tu il elle nous vous le la les l un une des du de d et ou a au aux en dans sur avec par pour que qui quoi quel quelle quels quelles"
        " quand comment combien est sont suis ai as avez avons mon ma mes votre vos moi montrez montre moi plait merci bonjour bonsoir salut"
        " chanson chansons morceaux disque disques artiste artistes facture factures commande commandes achat achats achete acheter paye payer"
        " depense derniere dernier premiere premier client cliente numero c ce cette ne pas non oui plus encore peux puis voudrais veux cherche"
        " quelque chose personne parler fois avant autre aide revoir"
    ),
    "pt": (
        "eu voce voces ele ela nos o a os as um uma uns umas e ou de do da dos das em no na nos nas com por para que qual quais quem quando onde"
        " como quanto quantas quantos foi sou estou tem tenho ha meu minha meus minhas seu sua me mostre mostra diga favor obrigado obrigada"
        " ola oi bom boa dia tarde noite musica musicas faixas disco discos albuns artista artistas fatura faturas pedido pedidos compra compras"
        " comprei comprado paguei pagar gastei ultima ultimo ultimas primeira primeiro cliente numero nao sim mais posso quero queria preciso"
        " procuro algo tchau vez falar pessoa anterior outra outro ajudou"
    ),
}
_BY_WORD = {
    word: frozenset(language for language, words in _WORDS.items() if word in words.split())
    for word in {word for words in _WORDS.values() for word in words.split()}
}
_BY_SIGN = (
    (re.compile("[äöüß]", re.IGNORECASE), "de"),
    (re.compile("[ñ¿¡]", re.IGNORECASE), "es"),
    (re.compile("[ãõ]", re.IGNORECASE), "pt"),
)
_NAMES = {
    "english": "en",
    "german": "de",
    "spanish": "es",
    "french": "fr",
    "portuguese": "pt",
    "brazilian portuguese": "pt",
}


# So many words that an older question need not be asked: "Nevermind album" in a German talk is German.
_SURE = 2.0
# "6", "da", "Nevermind": too little to tell a language by.
_LEAST = 0.5


def language_of_text(text: str, *, at_least: float = _LEAST) -> str | None:
    """The language that most of the words are of; None where that is none, or two are as likely."""
    # "L'album": what an apostrophe joins are two words.
    words = fold(re.sub("['’]", " ", text[:LONGEST_TEXT])).split()
    scores = dict.fromkeys(_WORDS, 0.0)
    for word in words:
        of = _BY_WORD.get(word, frozenset())
        for language in of:
            scores[language] += 1 / len(of)
    for sign, language in _BY_SIGN:
        scores[language] += _LEAST if sign.search(text[:LONGEST_TEXT]) else 0
    (first, best), (_, second), *_ = sorted(scores.items(), key=lambda pair: -pair[1])
    return first if best > second and best >= at_least else None


def language_of_talk(texts: Sequence[str]) -> str | None:
    """Of what somebody wrote, the newest first: the first that plainly tells a language, or else the first that tells one."""
    found = (language_of_text(text, at_least=least) for least in (_SURE, _LEAST) for text in texts)
    return next((language for language in found if language), None)


def code_of(name: str) -> str | None:
    """The code of a language that the team has phrases in, by its name in English."""
    return _NAMES.get(name.casefold())
