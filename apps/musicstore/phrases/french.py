"""French."""

PHRASES = {
    # --- the team ---------------------------------------------------------------------------------
    "records_cannot_be_read": (
        "Je ne peux pas lire nos données pour le moment. Réessayez dans quelques minutes, s'il vous plaît ; si c'est urgent, demandez"
        " à parler à une personne."
    ),
    "who_are_you": (
        "Pour vous montrer vos achats, j'ai besoin de savoir qui vous êtes. Indiquez-moi, s'il vous plaît, votre numéro de client, ou"
        " l'adresse e-mail ou le numéro de téléphone de votre compte."
    ),
    "not_found": "Je n'ai trouvé aucun compte avec cela.",
    "code_sent": "J'ai envoyé un code à six chiffres à {sent_to}. Écrivez-le ici, s'il vous plaît ; il est valable dix minutes.",
    "code_wrong": "Ce n'est pas le bon code.",
    "code_late": "Ce code n'est plus valable. Redites-moi qui vous êtes, s'il vous plaît, et je vous en enverrai un autre.",
    "code_not_sent": (
        "Pour vous montrer vos achats, je dois vous envoyer un code, et je n'ai pas pu le faire. Redites-moi plus tard qui vous êtes,"
        " s'il vous plaît ; si c'est urgent, demandez à parler à une personne."
    ),
    "hand_over": "Je n'ai pas trouvé votre compte. J'aimerais passer la main à une personne de notre équipe : est-ce que je le fais ?",
    "handed_over": (
        "J'ai prévenu une personne de notre équipe. Elle vous répondra ici dès que possible ; en attendant, demandez-moi tout ce que"
        " vous voulez sur notre catalogue."
    ),
    "another": (
        "Cette conversation porte sur le compte avec lequel elle a commencé, et je ne peux pas en montrer d'autre ici. Pour un autre"
        " compte, commencez une nouvelle conversation, s'il vous plaît."
    ),
    "known_now": (
        "Merci, je sais maintenant qui vous êtes. Je peux vous montrer vos factures, ce que vous avez acheté de plus cher et qui"
        " s'occupe de vous. Que souhaitez-vous voir ?"
    ),
    "no_more": "C'était tout.",
    "can": "Je peux chercher des albums, des chansons, des artistes et des genres dans notre catalogue, et vos propres factures dès que je sais qui vous êtes.",
    "can_known": "Je peux chercher des albums, des chansons, des artistes et des genres dans notre catalogue, ainsi que vos propres factures.",
    "what_to_know": "Que souhaitez-vous savoir ?",
    "robot": "Je suis l'assistant automatique du magasin, pas une personne.",
    "hello": "Bonjour !",
    "you_are_welcome": "Je vous en prie !",
    "goodbye": "Au revoir, et bonne écoute !",
    "rules": "Je regrette de ne pas pouvoir vous le dire : le fonctionnement du magasin, par exemple les moyens de paiement, les remboursements ou les livraisons, ne figure pas dans les données que je peux lire.",
    "call_somebody": "Pour tout le reste, écrivez « personne » et je préviendrai quelqu'un de notre équipe.",
    "catalogue_help": (
        "Je peux chercher les albums ou les chansons d'un artiste, les chansons d'un genre, les chansons d'un album ou une chanson par"
        " son titre. Par exemple : « albums de AC/DC », « chansons de Jazz », « l'album Nevermind » ou « avez-vous la chanson Enter"
        " Sandman ? »"
    ),
    # --- taste ------------------------------------------------------------------------------------
    "forgotten": (
        "J'ai oublié ce que j'avais noté sur vous : vos goûts et ce que vous avez demandé. Nos conversations restent jusqu'à ce que"
        " vous les supprimiez."
    ),
    "noted": "J'ai noté : {names}.",
    "taken_out": "J'ai retiré de ce que vous aimez : {names}.",
    "answers_in": "réponses en {name}",
    "as_you_like_it": "À votre goût : {names} ?",
    "quoted": "« {name} »",
    "albums by": "albums de {name}",
    "songs by": "chansons de {name}",
    "songs in": "chansons de {name}",
    "the song": "la chanson {name}",
    "the album": "l'album {name}",
    # --- the catalogue ----------------------------------------------------------------------------
    "genres": "Nous avons ces genres : {names}.",
    "albums": "Nous avons {n} album :|Nous avons {n} albums :",
    "albums_by": "Nous avons {n} album de {name} :|Nous avons {n} albums de {name} :",
    "songs": "Nous avons {n} chanson :|Nous avons {n} chansons :",
    "songs_by": "Nous avons {n} chanson de {name} :|Nous avons {n} chansons de {name} :",
    "songs_in": "Nous avons {n} chanson dans le genre {name} :|Nous avons {n} chansons dans le genre {name} :",
    "songs_on": "Nous avons l'album {album} de {name}, avec {n} chanson :|Nous avons l'album {album} de {name}, avec {n} chansons :",
    "no_songs_on": "Nous avons l'album {album} de {name}, mais aucune de ses chansons.",
    "which_album": "Il peut s'agir de {n} albums :",
    "which_of_them": "Duquel parlez-vous ?",
    "album_by": "{album} de {name}",
    "by": " de {name}",
    "from": ", de l'album {album}",
    "more": "Il y en a encore {n}. Dites « plus » pour voir la suite.",
    "left_out": "J'ai cherché les {n} premiers.",
    "nothing_to_show": "Il n'y a rien à montrer.",
    "not_exact": "Rien ne s'appelle exactement « {asked} ». Voici ce qu'il y a de {names}.",
    "nothing_called": "Nous n'avons rien qui s'appelle « {asked} ».",
    "none_of": "Nous n'avons rien de {names}.",
    "and_more": "{names} et {n} autres",
    "say_which_artist": "Dites-moi, s'il vous plaît, de quel artiste vous parlez.",
    "say_which_genre": "Dites-moi, s'il vous plaît, de quel genre vous parlez.",
    "say_which_song": "Dites-moi, s'il vous plaît, de quelle chanson vous parlez.",
    "say_which_album": "Dites-moi, s'il vous plaît, de quel album vous parlez.",
    "unknown_artist": "Nous ne connaissons aucun artiste appelé « {asked} ».",
    "unknown_genre": "Nous ne connaissons aucun genre appelé « {asked} ».",
    "unknown_song": "Nous ne connaissons aucune chanson appelée « {asked} ».",
    "unknown_album": "Nous ne connaissons aucun album appelé « {asked} ».",
    "album_not_by": "Nous n'avons aucun album appelé « {asked} » de « {artist} ».",
    "did_you_mean": "Vouliez-vous dire {names} ?",
    # --- purchases --------------------------------------------------------------------------------
    "invoices": "Vous avez {n} facture :|Vous avez {n} factures, la plus récente d'abord :",
    "newest": "La plus récente de vos {n} factures :",
    "next_newest": "La suivante de vos {n} factures :",
    "invoice": "Facture {invoice} du {date}, total {total} : {items}",
    "and_items": "et {n} autre|et {n} autres",
    "items": "Vous avez acheté {n} article :|Vous avez acheté {n} articles, les plus chers d'abord :",
    "cheapest_items": "Vous avez acheté {n} article :|Vous avez acheté {n} articles, les moins chers d'abord :",
    "item": "{track} : {price} l'unité, {quantity} sur la facture {invoice} du {date}",
    "employee": "Voici qui s'occupe de vous :",
    "no_invoice": "Vous n'avez pas de facture {invoice}.",
    "nobody": "Personne en particulier ne s'occupe de la facture {invoice}.",
    "bought_of": "De « {name} », vous avez acheté {n} article :|De « {name} », vous avez acheté {n} articles, le plus récent d'abord :",
    "bought_none_of": "De « {name} », vous n'avez encore rien acheté.",
    "bought_nothing": "Vous n'avez encore rien acheté.",
    "sum": "Votre facture s'élève à {total}.|Vos {n} factures s'élèvent à {total} en tout.",
    "sum_of_year": "En {year}, vous avez dépensé {total} ({n} facture).|En {year}, vous avez dépensé {total} ({n} factures).",
    "count": "Vous avez {n} facture.|Vous avez {n} factures.",
    "count_of_year": "Pour {year}, vous avez {n} facture.|Pour {year}, vous avez {n} factures.",
    "invoice_is": "Voici la facture :",
    "of_year": "Pour {year}, vous avez {n} facture :|Pour {year}, vous avez {n} factures :",
    "none_of_year": "Pour {year}, vous n'avez aucune facture.",
    "first": "Votre première facture :",
    "largest": "Votre facture la plus élevée :",
    "last_but_one": "Celle d'avant la dernière :",
    "before": "Celle d'avant la facture {invoice} :",
    "none_before": "Il n'y en a pas avant la facture {invoice} : c'est la première.",
    "only_one": "Vous n'avez qu'une facture.",
    "newest_some": "Votre facture la plus récente :|Vos {n} factures les plus récentes :",
    "when_last": "Votre dernier achat date du {date} :",
    "more_invoices": "Il y en a encore {n}.",
}
