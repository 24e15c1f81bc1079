"""Who is in the team, and whose words are whose: the way that is left when no model can be asked."""

from typing import Literal

from apps.opie.extend import keyword_route, members_meant, register_keyword_route

Member = Literal["music_agent", "invoice_agent"]

SUPERVISOR = "supervisor"
MUSIC_AGENT: Member = "music_agent"
INVOICE_AGENT: Member = "invoice_agent"
WORDS: dict[Member, tuple[str, ...]] = {
    MUSIC_AGENT: (
        *("song", "artist", "album", "genre", "track"),
        *("Lied", "Lieder", "Alben", "Künstler"),
        *("álbum", "álbumes", "canción", "canciones", "cancion", "artista", "género"),
        *("chanson", "artiste"),
        *("álbuns", "gênero"),
    ),
    INVOICE_AGENT: (
        *("invoice", "purchase", "order", "payment", "billing"),
        *("receipt", "refund", "money back", "bought", "purchased", "paid", "charged", "spent"),
        *("did I buy", "did I pay", "did I spend", "do I pay", "last buy", "last bought", "I spend", "have I spent"),
        *("looks after me", "betreut mich", "me atiende", "occupe de moi", "me atende"),
        *("Rechnung", "Rechnungen", "Bestellung", "Bestellungen", "Einkauf", "Einkäufe", "Einkäufen"),
        *("gekauft", "eingekauft", "bestellt", "bezahlt", "ausgegeben"),
        *("factura", "pedido", "compré", "compre", "pagué", "gasté", "gaste", "mis compras", "mi compra"),
        *("última compra", "ultima compra", "últimas compras", "ultimas compras", "primera compra"),
        *("facture", "commande", "acheté", "achete", "payé", "dépensé", "depense", "mes achats", "mon achat"),
        *("dernier achat", "derniers achats", "premier achat"),
        *("fatura", "comprei", "paguei", "gastei", "minhas compras", "minha compra"),
        *("primeira compra",),
    ),
}
# "In order to" orders nothing.
IDIOMS = (
    *("made to order", "law and order", "new order", "paid attention"),
    *("in order to", "in order that", "in order for", "out of order"),
    *("keep track", "lose track", "lost track"),
)


def register_routes() -> None:
    """Once, when the app is ready."""
    for member, words in WORDS.items():
        register_keyword_route(SUPERVISOR, member, words, idioms=IDIOMS)


def is_about_catalogue(message: str) -> bool:
    """Whether it has words of the catalogue, whatever else it has."""
    return MUSIC_AGENT in members_meant(SUPERVISOR, message)


def is_about_purchases(message: str) -> bool:
    """Whether it has words of purchases, whatever else it has."""
    return INVOICE_AGENT in members_meant(SUPERVISOR, message)


def route(message: str) -> str | None:
    """The member whose words are in the message; None when there are those of both, or of neither."""
    return keyword_route(SUPERVISOR, message)
