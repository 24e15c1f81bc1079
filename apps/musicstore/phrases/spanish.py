"""Spanish."""

PHRASES = {
    # --- the team ---------------------------------------------------------------------------------
    "records_cannot_be_read": (
        "Ahora mismo no puedo leer nuestros datos. Inténtelo de nuevo en unos minutos, por favor; si es urgente, pida hablar con una"
        " persona."
    ),
    "who_are_you": (
        "Para mostrarle sus compras necesito saber quién es. Dígame, por favor, su número de cliente, o el correo electrónico o el"
        " teléfono de su cuenta."
    ),
    "not_found": "No he encontrado ninguna cuenta con eso.",
    "code_sent": "He enviado un código de seis cifras a {sent_to}. Escríbalo aquí, por favor; vale durante diez minutos.",
    "code_wrong": "Ese no es el código.",
    "code_late": "Ese código ya no vale. Dígame otra vez quién es, por favor, y le enviaré otro.",
    "code_not_sent": (
        "Para mostrarle sus compras tengo que enviarle un código, y no he podido hacerlo. Dígame más tarde otra vez quién es, por"
        " favor; si es urgente, pida hablar con una persona."
    ),
    "hand_over": "No he encontrado su cuenta. Me gustaría pasarle con una persona de nuestro equipo: ¿lo hago?",
    "handed_over": (
        "He avisado a una persona de nuestro equipo. Le responderá aquí en cuanto pueda; mientras tanto, pregúnteme lo que quiera"
        " sobre nuestro catálogo."
    ),
    "another": (
        "Esta conversación trata de la cuenta con la que empezó, y en ella no puedo mostrar ninguna otra. Para otra cuenta, empiece"
        " una conversación nueva, por favor."
    ),
    "known_now": (
        "Gracias, ahora sé quién es. Puedo mostrarle sus facturas, lo más caro que ha comprado y quién le atiende. ¿Qué le gustaría"
        " ver?"
    ),
    "no_more": "Eso era todo.",
    "can": "Puedo buscar álbumes, canciones, artistas y géneros en nuestro catálogo, y sus propias facturas en cuanto sepa quién es.",
    "can_known": "Puedo buscar álbumes, canciones, artistas y géneros en nuestro catálogo, y sus propias facturas.",
    "what_to_know": "¿Qué le gustaría saber?",
    "robot": "Soy el asistente automático de la tienda, no una persona.",
    "hello": "¡Hola!",
    "you_are_welcome": "¡De nada!",
    "goodbye": "¡Hasta pronto, y que disfrute de la música!",
    "rules": "Lo siento, eso no puedo decírselo: cómo funciona la tienda, por ejemplo las formas de pago, los reembolsos o los envíos, no está en los datos que puedo leer.",
    "call_somebody": "Para todo lo demás, escriba «persona» y avisaré a alguien de nuestro equipo.",
    "catalogue_help": (
        "Puedo buscar los álbumes o las canciones de un artista, las canciones de un género, las canciones de un álbum o una canción"
        " por su título. Por ejemplo: «álbumes de AC/DC», «canciones de Jazz», «el álbum Nevermind» o «¿tienen la canción Enter"
        " Sandman?»"
    ),
    # --- taste ------------------------------------------------------------------------------------
    "forgotten": (
        "He olvidado lo que había anotado sobre usted: sus gustos y lo que ha pedido antes. Nuestras conversaciones se quedan hasta"
        " que las borre."
    ),
    "noted": "He anotado: {names}.",
    "taken_out": "He quitado de lo que le gusta: {names}.",
    "answers_in": "respuestas en {name}",
    "as_you_like_it": "A su gusto: ¿{names}?",
    "quoted": "«{name}»",
    "albums by": "álbumes de {name}",
    "songs by": "canciones de {name}",
    "songs in": "canciones de {name}",
    "the song": "la canción {name}",
    "the album": "el álbum {name}",
    # --- the catalogue ----------------------------------------------------------------------------
    "genres": "Tenemos estos géneros: {names}.",
    "albums": "Tenemos {n} álbum:|Tenemos {n} álbumes:",
    "albums_by": "Tenemos {n} álbum de {name}:|Tenemos {n} álbumes de {name}:",
    "songs": "Tenemos {n} canción:|Tenemos {n} canciones:",
    "songs_by": "Tenemos {n} canción de {name}:|Tenemos {n} canciones de {name}:",
    "songs_in": "Tenemos {n} canción de {name}:|Tenemos {n} canciones de {name}:",
    "songs_on": "Tenemos el álbum {album} de {name}, con {n} canción:|Tenemos el álbum {album} de {name}, con {n} canciones:",
    "no_songs_on": "Tenemos el álbum {album} de {name}, pero ninguna de sus canciones.",
    "which_album": "Puede tratarse de {n} álbumes:",
    "which_of_them": "¿A cuál de ellos se refiere?",
    "album_by": "{album} de {name}",
    "by": " de {name}",
    "from": ", del álbum {album}",
    "more": "Hay {n} más. Diga «más» para verlo.|Hay {n} más. Diga «más» para ver los siguientes.",
    "left_out": "He buscado los {n} primeros.",
    "nothing_to_show": "No hay nada que mostrar.",
    "not_exact": "No hay nada que se llame exactamente «{asked}». Esto es lo que hay de {names}.",
    "nothing_called": "No tenemos nada llamado «{asked}».",
    "none_of": "No tenemos nada de {names}.",
    "and_more": "{names} y {n} más",
    "say_which_artist": "Dígame, por favor, a qué artista se refiere.",
    "say_which_genre": "Dígame, por favor, a qué género se refiere.",
    "say_which_song": "Dígame, por favor, a qué canción se refiere.",
    "say_which_album": "Dígame, por favor, a qué álbum se refiere.",
    "unknown_artist": "No conocemos a ningún artista llamado «{asked}».",
    "unknown_genre": "No conocemos ningún género llamado «{asked}».",
    "unknown_song": "No conocemos ninguna canción llamada «{asked}».",
    "unknown_album": "No conocemos ningún álbum llamado «{asked}».",
    "album_not_by": "No tenemos ningún álbum llamado «{asked}» de «{artist}».",
    "did_you_mean": "¿Se refería a {names}?",
    # --- purchases --------------------------------------------------------------------------------
    "invoices": "Tiene {n} factura:|Tiene {n} facturas, primero la más reciente:",
    "newest": "La más reciente de sus {n} facturas:",
    "next_newest": "La siguiente de sus {n} facturas:",
    "invoice": "Factura {invoice} del {date}, total {total}: {items}",
    "and_items": "y {n} más",
    "items": "Ha comprado {n} artículo:|Ha comprado {n} artículos, primero los más caros:",
    "cheapest_items": "Ha comprado {n} artículo:|Ha comprado {n} artículos, primero los más baratos:",
    "item": "{track}: {price} cada uno, {quantity} en la factura {invoice} del {date}",
    "employee": "Le atiende:",
    "no_invoice": "No tiene ninguna factura {invoice}.",
    "nobody": "De la factura {invoice} no se ocupa nadie en particular.",
    "bought_of": "De «{name}» ha comprado {n} artículo:|De «{name}» ha comprado {n} artículos, el más reciente primero:",
    "bought_none_of": "De «{name}» aún no ha comprado nada.",
    "bought_nothing": "Todavía no ha comprado nada.",
    "sum": "Su factura suma {total}.|Sus {n} facturas suman {total} en total.",
    "sum_of_year": "En {year} gastó {total} ({n} factura).|En {year} gastó {total} ({n} facturas).",
    "count": "Tiene {n} factura.|Tiene {n} facturas.",
    "count_of_year": "De {year} tiene {n} factura.|De {year} tiene {n} facturas.",
    "invoice_is": "Esta es la factura:",
    "of_year": "De {year} tiene {n} factura:|De {year} tiene {n} facturas:",
    "none_of_year": "De {year} no tiene ninguna factura.",
    "first": "Su primera factura:",
    "largest": "Su factura más alta:",
    "last_but_one": "La anterior a la última:",
    "before": "La anterior a la factura {invoice}:",
    "none_before": "Antes de la factura {invoice} no hay ninguna: es la primera.",
    "only_one": "Tiene una sola factura.",
    "newest_some": "Su factura más reciente:|Sus {n} facturas más recientes:",
    "when_last": "Compró algo por última vez el {date}:",
    "more_invoices": "Hay {n} más.",
}
