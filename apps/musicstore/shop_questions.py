"""Questions about the store itself: how one pays, where it delivers, what it does about refunds. Its records say nothing of that.

Only what is plainly no question about somebody's own purchases is one: who says "my", "I bought", "did I" or names an invoice
asks of their own, and has to say who they are. In English, German, Spanish, French and Portuguese.
"""

import re

from apps.musicstore.calls import LONGEST_MESSAGE
from apps.musicstore.invoice_questions import invoice_number
from apps.musicstore.names import fold

# All of these read what `fold` makes of a text: no accents, no apostrophes, one space.
_OWN = re.compile(
    r"\b(?:my|mine|our|ours|ive|i (?:have|had|just|already|never|once|recently|last|ever)|i (?:bought|ordered|paid|purchased|spent|got|made|was|placed|returned"
    r"|received|cancelled|canceled)|(?:did|have|had|was|were|am|do|does) i (?:buy|bought|order|ordered|pay for|paid|purchased?|spen[dt]|charged|billed|refunded|get charged"
    r"|got|owe|made?|receive[d]?|last|ever|still)|did (?:i|we)|last|latest|newest|previous|first|recent|charged me|billed me|refund me|these|those"
    r"|(?:the|this|that) (?:invoice|order|purchase|payment|receipt|bill|refund))\b"
    r"|\b(?:mein\w{0,2}|unser\w{0,2}|habe? ich|hatte ich|ich habe?|wurde ich|bin ich|letzte\w?|zuletzt|erste\w?|diese\w?"
    r"|die (?:rechnung|bestellung|zahlung|erstattung)|der (?:rechnung|bestellung|zahlung|erstattung))\b"
    r"|\b(?:mis?|nuestr[oa]s?|mios?|mias?|compre|compramos|pague|pagamos|pedi|gaste|he (?:comprado|pagado|pedido|gastado)|me (?:cobraron|cobro|han cobrado)|ultim[oa]s?"
    r"|est[ea]s?|primer[oa]?|l[ao] (?:factura|pedido|compra|pago)|el (?:pedido|pago|reembolso))\b"
    r"|\b(?:mon|ma|mes|notre|nos|jai|ai je|j ai|me suis|ma t on|derniere?s?|ce(?:tte|t)?|ces|premiere?|la (?:facture|commande)|le (?:paiement|remboursement))\b"
    r"|\b(?:meus?|minhas?|nossos?|nossas?|comprei|compramos|paguei|pagamos|pedi|gastei|fui cobrad[oa]|me cobraram|ultim[oa]s?|ess[ea]s?|dess[ea]s?|primeir[oa]"
    r"|a (?:fatura|compra)|o (?:pedido|pagamento|reembolso))\b"
)
_ONE = r"(?:i|you|we|one|people|someone|customers|a customer|anybody|anyone|it|they|the store|the shop|this store|this shop)"
_BUYING = r"(?:pay|order|buy|purchase|return|refund|cancel|checkout|check out|download|redeem|get (?:a|an) (?:refund|invoice|receipt)|get refunds|get invoices|ship|deliver)"
_ABOUT = tuple(
    re.compile(pattern)
    for pattern in (
        # English
        rf"\b(?:how|where|when|in what way) (?:do|does|can|could|would|should|will|must|may) {_ONE} {_BUYING}\b",
        r"\b(?:how|where) to (?:pay|order|buy|purchase|return|cancel|get a refund)\b",
        rf"\b(?:can|could|may|do|must|should|would) {_ONE} (?:also |only |have to |need to )?(?:pay|order|buy|purchase|return|cancel|get (?:a |an )?(?:refunds?|invoices?|receipts?))\b",
        r"\bdo (?:you|they) (?:also |only )?(?:take|accept|offer|give|do|have|allow|support|charge|issue|send|ship|deliver|make|provide|refund|handle|sell)\b.*"
        r"\b(?:payments?|cards?|credit|debit|visa|mastercard|paypal|cash|cheques?|checks?|bitcoin|crypto|transfer|refunds?|returns?|orders?|invoices?|receipts?|vouchers?"
        r"|discounts?|gift|abroad|overseas|internationally|worldwide|billing|money back|instal+ments?|subscriptions?|vat|tax(?:es)?|shipping|delivery)\b",
        r"\bdo (?:you|they) (?:ship|deliver|refund)\b",
        r"\b(?:payment|billing|purchase|ordering|refund|return|delivery|shipping) (?:methods?|options?|types?|means|ways|terms|polic(?:y|ies)|rules?|conditions?|process|procedure|info(?:rmation)?)\b",
        r"\b(?:methods?|means|ways|forms?|types?|kinds?) of (?:payments?|paying|billing|ordering)\b|\bpolic(?:y|ies) (?:on|for|about) \w+",
        r"\b(?:is|are) (?:it|there|payments?|orders?|billing|refunds?|paying|ordering|paypal|credit cards?)\b.*\b(?:possible|safe|secure|accepted|allowed|minimum|free|fees?|discounts?|vouchers?|taxe?s?|vat)\b",
        r"\bhow (?:long|much) (?:does|do|is|are|will) (?:an? |the )?(?:order|orders|delivery|shipping|refunds?|payments?)\b|\bhow (?:does|do) (?:the |your )?(?:billing|ordering|payments?|orders|invoices|refunds|"
        r"returns|shipping|delivery|store|shop) work\b|\bwhat (?:is|are|happens)\b.*\b(?:return|refund|payment|billing|delivery|shipping|privacy) (?:policy|policies|rules)\b",
        r"\b(?:opening|business|office) (?:hours|times)\b|\b(?:when|what time|until when) (?:do you|are you|is the (?:store|shop)|does the (?:store|shop)) (?:open|close)\w*\b",
        r"\b(?:paypal|credit cards?|visa|mastercard|apple pay|google pay|gift cards?|vouchers?) (?:accepted|possible|ok|okay|welcome)\b",
        # German
        r"\b(?:wie|womit|wo|wann|kann|kannst|konnte|muss|darf|koennte|soll) (?:kann |muss |darf |soll |konnte )?(?:man|ich|wir)\b.*\b(?:be)?(?:zahlen|bestellen|kaufen|zuruckgeben|umtauschen|stornieren|bezahlen)\b",
        r"\bwie (?:be)?zahle?n? (?:ich|man|wir)\b|\bwie bestelle?n? (?:ich|man|wir)\b|\bwie (?:funktioniert|lauft|geht) (?:die |das |eine? )?(?:bestell\w*|bezahl\w*|zahl\w*|erstatt\w*|ruckga\w*|rechnung\w*|einkauf\w*)",
        r"\b(?:zahlungs(?:arten?|moglichkeit\w*|weisen?|methoden?|mittel\w*|bedingungen)|liefer(?:ung|bedingungen|kosten|zeit\w*)|versand\w*|ruckgabe\w*|widerruf\w*|erstattung(?:en|sregeln|srichtlinie\w*)?"
        r"|offnungszeiten|agb|gutscheine?|mindestbestell\w*|umtausch)\b",
        r"\b(?:nehmt ihr|nehmen sie|akzeptier\w+|liefert ihr|liefern sie|verschickt ihr|versendet ihr|gibt es (?:rabatt|gutschein)\w*)\b",
        # Spanish
        r"\b(?:como|donde|cuando|con que) (?:se |puedo |puede |podemos |pueden |debo |hay que |tengo que )*(?:pagar?|pago|paga|comprar?|compra|compro|pedir|pide|hacer un pedido|devolver|cancelar)\b",
        r"\b(?:puedo|se puede|podemos|es posible|aceptan|aceptais|acepta|admiten|hacen|haceis|ofrecen|dan|dais)\b.*\b(?:pagar|pagos?|comprar|pedir|pedidos?|devolver|tarjetas?|paypal|transferencia|efectivo|envios?"
        r"|reembolsos?|devoluciones|facturas?|extranjero|descuentos?)\b",
        r"\b(?:formas?|metodos?|medios?|modos?|opciones|maneras?) de (?:pago|pagar|envio)\b|\b(?:politicas?|normas?|condiciones) de (?:devolucion\w*|reembolsos?|pago|compra|envio)\b|\bhorarios?\b|\bgastos de envio\b",
        # French
        r"\b(?:comment|ou|quand|peut on|puis je|on peut|est ce que (?:je|on) (?:peux|peut)|est il possible de?|pouvons nous)\b.*\b(?:payer|paie|paye|regler|commander|commande t on|acheter|retourner|annuler|rembourser)\b",
        r"\b(?:moyens?|modes?|methodes?|options) de (?:paiement|payement|livraison|reglement)\b|\b(?:politique|conditions|regles) de (?:remboursements?|retours?|vente|paiement|livraison)\b"
        r"|\bacceptez vous\b|\bvous acceptez\b|\blivrez vous\b|\bvous livrez\b|\bfaites vous (?:des )?(?:remboursements?|remises?|factures?)\b|\bhoraires\b|\bfrais de (?:port|livraison)\b",
        # Portuguese
        r"\b(?:como|onde|quando|com que) (?:se |posso |pode |podemos |podem |devo |eu |faco para |e que se )*(?:pagar?|pago|paga|comprar?|compro|pedir|fazer um pedido|devolver|cancelar)\b",
        r"\b(?:posso|da para|podemos|e possivel|aceitam|voces aceitam|fazem|oferecem|entregam|enviam)\b.*\b(?:pagar|pagamentos?|comprar|pedir|pedidos?|devolver|cartao|cartoes|paypal|pix|boleto|dinheiro|entregas?"
        r"|reembolsos?|devolucoes|faturas?|exterior|estrangeiro|descontos?)\b",
        r"\b(?:formas?|metodos?|meios?|modos?|opcoes) de (?:pagamento|pagar|entrega|envio)\b|\b(?:politicas?|regras?|condicoes) de (?:devoluc\w*|reembolsos?|pagamento|compra|trocas?)\b|\bhorarios?\b|\bfrete\b",
    )
)


def asks_about_shop(text: str) -> bool:
    """Whether it is plainly a question about how the store works, and not about anything that somebody has bought of it."""
    words = fold(text[:LONGEST_MESSAGE])
    if _OWN.search(words) or invoice_number(text) is not None:
        return False
    return any(pattern.search(words) for pattern in _ABOUT)
