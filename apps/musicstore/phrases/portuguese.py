"""Portuguese, as in Brazil."""

PHRASES = {
    # --- the team ---------------------------------------------------------------------------------
    "records_cannot_be_read": (
        "Não consigo ler nossos dados no momento. Tente de novo em alguns minutos, por favor; se for urgente, peça para falar com uma"
        " pessoa."
    ),
    "who_are_you": (
        "Para mostrar suas compras, preciso saber quem você é. Diga-me, por favor, seu número de cliente, ou o e-mail ou o telefone da"
        " sua conta."
    ),
    "not_found": "Não encontrei nenhuma conta com isso.",
    "code_sent": "Enviei um código de seis dígitos para {sent_to}. Escreva-o aqui, por favor; ele vale por dez minutos.",
    "code_wrong": "Esse não é o código.",
    "code_late": "Esse código já não vale. Diga-me de novo quem você é, por favor, e eu envio outro.",
    "code_not_sent": (
        "Para mostrar suas compras, preciso enviar um código, e não consegui. Diga-me mais tarde de novo quem você é, por favor; se"
        " for urgente, peça para falar com uma pessoa."
    ),
    "hand_over": "Não encontrei sua conta. Gostaria de passar a conversa para uma pessoa da nossa equipe: posso?",
    "handed_over": (
        "Chamei uma pessoa da nossa equipe. Ela vai responder aqui assim que puder; enquanto isso, pergunte o que quiser sobre o nosso"
        " catálogo."
    ),
    "another": (
        "Esta conversa é sobre a conta com que começou, e não posso mostrar outra nela. Para outra conta, comece uma conversa nova,"
        " por favor."
    ),
    "known_now": (
        "Obrigado, agora sei quem você é. Posso mostrar suas faturas, o que você comprou de mais caro e quem atende você. O que"
        " gostaria de ver?"
    ),
    "no_more": "Isso era tudo.",
    "can": "Posso procurar álbuns, músicas, artistas e gêneros no nosso catálogo, e suas próprias faturas assim que souber quem você é.",
    "can_known": "Posso procurar álbuns, músicas, artistas e gêneros no nosso catálogo, e suas próprias faturas.",
    "what_to_know": "O que gostaria de saber?",
    "robot": "Sou o assistente automático da loja, não uma pessoa.",
    "hello": "Olá!",
    "you_are_welcome": "De nada!",
    "goodbye": "Até logo, e aproveite a música!",
    "rules": "Desculpe, isso eu não posso dizer: como a loja funciona, por exemplo as formas de pagamento, os reembolsos ou as entregas, não está nos dados que posso ler.",
    "call_somebody": "Para todo o resto, escreva “pessoa” e eu chamo alguém da nossa equipe.",
    "catalogue_help": (
        "Posso procurar os álbuns ou as músicas de um artista, as músicas de um gênero, as músicas de um álbum ou uma música pelo"
        " título. Por exemplo: “álbuns de AC/DC”, “músicas de Jazz”, “o álbum Nevermind” ou “vocês têm a música Enter Sandman?”"
    ),
    # --- taste ------------------------------------------------------------------------------------
    "forgotten": (
        "Esqueci o que tinha anotado sobre você: seu gosto e o que você pediu antes. Nossas conversas ficam até você apagá-las."
    ),
    "noted": "Anotei: {names}.",
    "taken_out": "Tirei do que você gosta: {names}.",
    "answers_in": "respostas em {name}",
    "as_you_like_it": "Do seu gosto: {names}?",
    "quoted": "“{name}”",
    "albums by": "álbuns de {name}",
    "songs by": "músicas de {name}",
    "songs in": "músicas de {name}",
    "the song": "a música {name}",
    "the album": "o álbum {name}",
    # --- the catalogue ----------------------------------------------------------------------------
    "genres": "Temos estes gêneros: {names}.",
    "albums": "Temos {n} álbum:|Temos {n} álbuns:",
    "albums_by": "Temos {n} álbum de {name}:|Temos {n} álbuns de {name}:",
    "songs": "Temos {n} música:|Temos {n} músicas:",
    "songs_by": "Temos {n} música de {name}:|Temos {n} músicas de {name}:",
    "songs_in": "Temos {n} música de {name}:|Temos {n} músicas de {name}:",
    "songs_on": "Temos o álbum {album} de {name}, com {n} música:|Temos o álbum {album} de {name}, com {n} músicas:",
    "no_songs_on": "Temos o álbum {album} de {name}, mas nenhuma das músicas dele.",
    "which_album": "Podem ser {n} álbuns:",
    "which_of_them": "Qual deles você quer dizer?",
    "album_by": "{album} de {name}",
    "by": " de {name}",
    "from": ", do álbum {album}",
    "more": "Há mais {n}. Diga “mais” para ver.|Há mais {n}. Diga “mais” para ver os próximos.",
    "left_out": "Procurei os primeiros {n}.",
    "nothing_to_show": "Não há nada para mostrar.",
    "not_exact": "Nada se chama exatamente “{asked}”. Isto é o que há de {names}.",
    "nothing_called": "Não temos nada chamado “{asked}”.",
    "none_of": "Não temos nada de {names}.",
    "and_more": "{names} e mais {n}",
    "say_which_artist": "Diga-me, por favor, de que artista você fala.",
    "say_which_genre": "Diga-me, por favor, de que gênero você fala.",
    "say_which_song": "Diga-me, por favor, de que música você fala.",
    "say_which_album": "Diga-me, por favor, de que álbum você fala.",
    "unknown_artist": "Não conhecemos nenhum artista chamado “{asked}”.",
    "unknown_genre": "Não conhecemos nenhum gênero chamado “{asked}”.",
    "unknown_song": "Não conhecemos nenhuma música chamada “{asked}”.",
    "unknown_album": "Não conhecemos nenhum álbum chamado “{asked}”.",
    "album_not_by": "Não temos nenhum álbum chamado “{asked}” de “{artist}”.",
    "did_you_mean": "Você quis dizer {names}?",
    # --- purchases --------------------------------------------------------------------------------
    "invoices": "Você tem {n} fatura:|Você tem {n} faturas, a mais recente primeiro:",
    "newest": "A mais recente das suas {n} faturas:",
    "next_newest": "A próxima das suas {n} faturas:",
    "invoice": "Fatura {invoice} de {date}, total {total}: {items}",
    "and_items": "e mais {n}",
    "items": "Você comprou {n} item:|Você comprou {n} itens, os mais caros primeiro:",
    "cheapest_items": "Você comprou {n} item:|Você comprou {n} itens, os mais baratos primeiro:",
    "item": "{track}: {price} cada, {quantity} na fatura {invoice} de {date}",
    "employee": "Quem atende você:",
    "no_invoice": "Você não tem nenhuma fatura {invoice}.",
    "nobody": "Ninguém em particular cuida da fatura {invoice}.",
    "bought_of": "De “{name}” você comprou {n} item:|De “{name}” você comprou {n} itens, o mais recente primeiro:",
    "bought_none_of": "De “{name}” você ainda não comprou nada.",
    "bought_nothing": "Você ainda não comprou nada.",
    "sum": "Sua fatura soma {total}.|Suas {n} faturas somam {total} ao todo.",
    "sum_of_year": "Em {year} você gastou {total} ({n} fatura).|Em {year} você gastou {total} ({n} faturas).",
    "count": "Você tem {n} fatura.|Você tem {n} faturas.",
    "count_of_year": "De {year} você tem {n} fatura.|De {year} você tem {n} faturas.",
    "invoice_is": "Esta é a fatura:",
    "of_year": "De {year} você tem {n} fatura:|De {year} você tem {n} faturas:",
    "none_of_year": "De {year} você não tem nenhuma fatura.",
    "first": "Sua primeira fatura:",
    "largest": "Sua maior fatura:",
    "last_but_one": "A anterior à última:",
    "before": "A anterior à fatura {invoice}:",
    "none_before": "Não há nenhuma antes da fatura {invoice}: é a primeira.",
    "only_one": "Você tem só uma fatura.",
    "newest_some": "Sua fatura mais recente:|Suas {n} faturas mais recentes:",
    "when_last": "Você comprou algo pela última vez em {date}:",
    "more_invoices": "Há mais {n}.",
}
