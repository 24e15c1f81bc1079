"""Which questions are about how the store works, and which about somebody's own purchases: these need to be verified."""

from apps.musicstore.shop_questions import asks_about_shop

ABOUT_THE_SHOP = {
    "English": [
        "how do I pay?", "which payment methods do you take?", "can I order from abroad?", "what is your refund policy?", "Do you accept PayPal?",
        "How can I order something?", "do you ship to Germany?", "Is it safe to pay by credit card?", "Can I get a refund?", "How do refunds work?",
        "what are your payment options", "do you send invoices?", "How long does an order take?", "is there a minimum order?",
        "When do you open, and where are you?", "how to order", "can one return an order?", "Do you charge VAT?", "What ways of paying are there?",
        "I am from Spain, can I order?",
    ],
    "German": [
        "Wie kann ich bezahlen?", "Welche Zahlungsarten gibt es?", "Kann ich aus dem Ausland bestellen?", "Wie sind Ihre Regeln für Erstattungen?",
        "Nehmen Sie Kreditkarten?", "Kann man eine Bestellung stornieren?",
    ],
    "Spanish": [
        "¿Cómo puedo pagar?", "¿Qué formas de pago hay?", "¿Puedo hacer un pedido desde el extranjero?", "¿Cuál es la política de reembolsos?",
        "¿Aceptan tarjetas?", "cómo se paga",
    ],
    "French": [
        "Comment puis-je payer ?", "Quels moyens de paiement acceptez-vous ?", "Puis-je commander depuis l'étranger ?",
        "Quelle est votre politique de remboursement ?", "Peut-on payer par carte ?",
    ],
    "Portuguese": [
        "Como posso pagar?", "Quais formas de pagamento vocês aceitam?", "Posso fazer um pedido do exterior?", "Qual é a política de reembolso?",
        "Vocês aceitam cartão?",
    ],
}  # fmt: skip
ONES_OWN = {
    "English": [
        "Show me my last invoice", "What did I buy last?", "how did I pay?", "How do I pay my invoice?", "how can I pay invoice 12", "order",
        "what did I pay last time", "I was charged twice, who can help me?", "invoices", "last order", "Where is my order?", "I want my money back",
        "can I get a refund for my last order?", "how can I see the invoice", "which payment method did I use?", "when did I order?",
        "How much have I paid?", "show all payments", "Did you get my payment?", "can you refund me", "is the order paid?",
        "how much did I spend in 2011?", "can I return the album I bought?", "I have a question on a payment", "My billing data are wrong",
        "Invoice 5 is wrong", "What did customer 2 order?", "How many orders have I made?", "can I get a refund for these songs?",
    ],
    "German": [
        "Was habe ich zuletzt gekauft?", "Wie habe ich bezahlt?", "Meine Rechnungen", "Zeig mir die letzte Rechnung", "Rechnung 12",
        "Wie kann ich meine Rechnung bezahlen?", "Wo ist die Bestellung?", "Wann habe ich bestellt?", "Kann ich meine Bestellung stornieren?",
    ],
    "Spanish": [
        "¿Qué compré la última vez?", "mis facturas", "¿Cómo puedo pagar mi factura?", "¿Cómo pagué?", "mi última compra", "¿Cuánto he pagado?",
        "¿Dónde está el pedido?", "¿Cómo puedo pagar la factura 12?",
    ],
    "French": [
        "Qu'est-ce que j'ai acheté ?", "Comment ai-je payé ?", "Mes factures", "Comment payer ma facture ?", "Où est la commande ?",
        "combien ai-je payé",
    ],
    "Portuguese": [
        "O que comprei?", "minhas faturas", "Como paguei?", "Como posso pagar a minha fatura?", "Onde está o pedido?", "quanto paguei",
        "qual foi a minha última compra",
    ],
}  # fmt: skip


def test_what_is_about_the_shop() -> None:
    assert [text for texts in ABOUT_THE_SHOP.values() for text in texts if not asks_about_shop(text)] == []
    assert [text for texts in ONES_OWN.values() for text in texts if asks_about_shop(text)] == []
