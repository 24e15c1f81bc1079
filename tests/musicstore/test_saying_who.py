"""Who somebody says they are, in ordinary sentences of several languages: the table of what counts and what does not."""

import pytest

from apps.musicstore.customers import claims_in, recognise
from apps.musicstore.models import Customer

# Said by somebody who was just asked for their number.
ANSWERS = {
    "English": [
        "6", "Oh, customer 6", "it's 6", "It’s 6!", "6, I think", "my number is 6", "I'm no. 6", "I am number 6", "No. 6", "#6",
        "no, it's 6", "Sorry, I think it is 6.", "6 it is", "6 is my customer number", "6 here", "Hi! That would be 6, thanks",
        "Customer's number: 6", "It's 6. Show me my last invoice", "it's 6, what did I buy in 2009?", "６", "The number is 6 :-)",
        "Well... I believe my customer id is 6, please show invoice 12", "I'm 6", "customer 6, please", "Of course: 6.",
        "what did I buy last year? my number is 6", "Yes, number 6", "account 6", "(6)", "'6'", "Here you go: 6",
    ],
    "German": [
        "Kunde 6", "Kundin 6", "Kundennummer 6", "Kunden-Nr. 6", "Meine Kundennummer ist 6", "Nummer 6", "Nr. 6", "die 6",
        "Ich bin Kunde 6", "Ich bin die Nummer 6.", "Ich glaube, es ist die 6", "6, glaube ich", "Ja, 6 bitte", "meine Nummer lautet 6",
        "Nein, es ist 6", "6 ist meine Kundennummer",
    ],
    "Spanish": [
        "cliente 6", "la 6", "el 6", "Soy el cliente 6", "soy la clienta 6", "Mi número es 6", "mi número de cliente es el 6", "nº 6",
        "creo que es el 6", "6, creo", "Es el 6, gracias", "Perdón, soy el 6", "6, por favor",
    ],
    "French": [
        "client 6", "le 6", "C'est le 6", "Je suis le client 6", "je suis la cliente 6", "Mon numéro est 6", "mon numéro de client est 6",
        "n° 6", "6, je crois", "Oui, c'est 6, merci", "6, s'il vous plaît",
    ],
    "Portuguese": [
        "o 6", "a 6", "Sou o cliente 6", "Meu número é 6", "meu número de cliente é 6", "É o 6, obrigada", "acho que é 6", "6, acho",
        "Sou a 6",
    ],
}  # fmt: skip
# Plain enough without having been asked.
CLAIMS = [
    "I'm customer 6", "Ich bin Kunde 6", "Ich bin Ihr Kunde 6", "Meine Kundennummer ist 6", "Soy el cliente 6", "Soy su cliente 6",
    "mi número de cliente es 6", "Je suis le client 6", "mon numéro de client est 6", "Sou o cliente 6", "meu número de cliente é 6",
    "Hola, cliente 6", "Kunde 6: meine Rechnungen bitte", "customer ID ６",
]  # fmt: skip
# No customer's number, asked for or not.
NONE = [
    "I bought 6 songs", "from 2009", "invoice 12", "6 songs", "I have 6", "6 years", "6 of them", "at 6 am", "6 am", "6 p.m.", "$6",
    "6 €", "6%", "6.5", "6-7", "6/7", "6 7", "not 6", "it's not 6", "my number isn't 6", "6th", "track 6", "6 euros", "Rechnung 6",
    "factura 6", "la factura 6", "facture 6", "fatura 6", "pedido 6", "6 canciones", "6 Lieder", "6 chansons", "6 músicas", "um 6 Uhr",
    "Ich bin nicht Kunde 6", "nicht die 6", "No soy el cliente 6", "no es el 6", "Je ne suis pas le client 6", "ce n'est pas le 6",
    "Não sou o cliente 6", "não é 6", "I bought 3 albums. 6, I think", "In 2009 I bought it", "customer 6's invoices",
    "What did customer 6 buy?", "Kunde 6 hat das gekauft", "el cliente 6 compró esto", "my friend is customer 6",
    "mein Freund ist Kunde 6", "mi amigo es el cliente 6", "Mein Freund hat die Kundennummer 6", "su número de cliente es 6",
    "my order number is 6", "the 6 o'clock news", "seit 6 Jahren", "it's 6 degrees", "It's 6:30", "6²", "Blink 182", "U2", "A-6",
]  # fmt: skip
# Two are nobody: the team asks again.
DOUBTS = [
    "5 or 6", "it's 5 or 6", "5, maybe 6", "5, no, 6", "5, sorry, it's 6", "5. Or maybe it is 6?", "Kunde 5 oder 6", "la 5 o la 6",
    "le 5 ou le 6", "my number is 5, I mean 6", "5, 6", "I'm customer 5 or maybe 6",
]  # fmt: skip


def numbers(text: str, *, asked: bool) -> list[str]:
    return [claim.text for claim in claims_in(text, asked=asked) if claim.kind == "id"]


@pytest.mark.parametrize("language", ANSWERS)
def test_who_was_asked_answers_in_their_own_words(language: str) -> None:
    heard = {text: numbers(text, asked=True) for text in ANSWERS[language]}
    assert {text: found for text, found in heard.items() if found != ["6"]} == {}


def test_a_number_is_a_customers_only_where_that_is_said() -> None:
    assert {text: found for text in CLAIMS if (found := numbers(text, asked=False)) != ["6"]} == {}
    heard = {(text, asked): numbers(text, asked=asked) for text in NONE for asked in (True, False)}
    assert {key: found for key, found in heard.items() if found} == {}
    assert {text: found for text in DOUBTS if (found := numbers(text, asked=True)) != ["5", "6"]} == {}


WINNIPEG = [
    "+1 (204) 452-6452", "12044526452", "204-452-6452", "+1 204 452 6452", "tel:+12044526452", "(204) 452-6452.",
    "My phone: <+1 (204) 452-6452>!", "You reach me at 204–452–6452, thanks", "２０４-４５２-６４５２", "+1\u00a0204\u202f452\u202f6452",
    "Mi teléfono es 204.452.6452", "It's 204-452-6452, and I bought 6 songs in 2009",
    "AARON@YAHOO.CA", "my e-mail is Aaron@Yahoo.ca.", "mailto:aaron@yahoo.ca", "Aaron M <aaron@yahoo.ca>", "It's 'aaron@yahoo.ca'!",
    "(aaron@yahoo.ca)", "“aaron@yahoo.ca”?", "aaron＠yahoo.ca", "Meine Adresse ist aaron@yahoo.ca, danke", "aaron@yahoo.ca; invoice 12 please",
]  # fmt: skip
STUTTGART = [
    "+49 0711 2842222",
    "+49 711 2842222",
    "+49 (0)711 2842222",
    "0711/2842222",
    "0711 2842222",
    "Handy: 0711-284 22 22",
]
NOBODY = [
    "Rechnung 12044526452", "my friend's e-mail is aaron@yahoo.ca", "not aaron@yahoo.ca", "aaron@yahoo.ca.example.org", "xaaron@yahoo.ca",
    "+49 204 452 6452", "452-6452", "aaron at yahoo.ca", "204-452-64521",
]  # fmt: skip
TWO = [
    "aaron@yahoo.ca or leonekohler@surfeu.de", "I'm customer 32, my e-mail is leonekohler@surfeu.de", "+1 204 452 6452, +49 0711 2842222",
    "customer 2, call me at 204-452-6452", "2, or aaron@yahoo.ca",
]  # fmt: skip


@pytest.mark.django_db
def test_addresses_and_telephones_in_sentences() -> None:
    for pk, email, phone in (
        (32, "aaron@yahoo.ca", "+1 (204) 452-6452"),
        (2, "leonekohler@surfeu.de", "+49 0711 2842222"),
    ):
        Customer.objects.create(id=pk, first_name="A", last_name="B", email=email, phone=phone)
    for asked in (True, False):
        found = {text: recognise(text, asked=asked) for text in WINNIPEG + STUTTGART + NOBODY + TWO}
        who = {text: one.customer.pk if one.customer else None for text, one in found.items()}
        expected = (
            dict.fromkeys(WINNIPEG, 32) | dict.fromkeys(STUTTGART, 2) | dict.fromkeys(NOBODY) | dict.fromkeys(TWO)
        )
        if not asked:
            expected["2, or aaron@yahoo.ca"] = 32
        assert {text: pk for text, pk in who.items() if pk != expected[text]} == {}
        assert {found[text].outcome for text in TWO if expected[text] is None} == {"ambiguous"}
