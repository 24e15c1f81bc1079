"""German."""

PHRASES = {
    # --- the team ---------------------------------------------------------------------------------
    "records_cannot_be_read": (
        "Ich kann unsere Daten gerade nicht lesen. Bitte versuchen Sie es in ein paar Minuten noch einmal; wenn es eilt, fragen Sie"
        " nach einem Menschen."
    ),
    "who_are_you": (
        "Um Ihnen Ihre Einkäufe zu zeigen, muss ich wissen, wer Sie sind. Bitte nennen Sie mir Ihre Kundennummer oder die"
        " E-Mail-Adresse oder Telefonnummer Ihres Kontos."
    ),
    "not_found": "Damit konnte ich kein Konto finden.",
    "code_sent": (
        "Ich habe einen Code aus sechs Ziffern an {sent_to} geschickt. Bitte schreiben Sie ihn hier; er gilt zehn Minuten lang."
    ),
    "code_wrong": "Das ist nicht der Code.",
    "code_late": (
        "Dieser Code gilt nicht mehr. Bitte sagen Sie mir noch einmal, wer Sie sind, dann schicke ich Ihnen einen neuen."
    ),
    "code_not_sent": (
        "Um Ihnen Ihre Einkäufe zu zeigen, muss ich Ihnen einen Code schicken, und das ist mir nicht gelungen. Bitte sagen Sie mir"
        " später noch einmal, wer Sie sind; wenn es eilt, fragen Sie nach einem Menschen."
    ),
    "hand_over": "Ich konnte Ihr Konto nicht finden. Ich würde gern an einen Menschen aus unserem Team übergeben: Soll ich?",
    "handed_over": (
        "Ich habe jemanden aus unserem Team gerufen. Sie bekommen hier eine Antwort, sobald es geht; fragen Sie mich inzwischen"
        " gern alles zu unserem Katalog."
    ),
    "another": (
        "In diesem Gespräch geht es um das Konto, mit dem es begonnen hat, und ich kann darin kein anderes zeigen. Bitte beginnen"
        " Sie für ein anderes Konto ein neues Gespräch."
    ),
    "known_now": (
        "Danke, jetzt weiß ich, wer Sie sind. Ich kann Ihnen Ihre Rechnungen zeigen, was von Ihren Einkäufen am teuersten war, und"
        " wer Sie betreut. Was möchten Sie sehen?"
    ),
    "no_more": "Das war alles dazu.",
    "can": "Ich kann Alben, Lieder, Künstler und Genres in unserem Katalog nachsehen, und Ihre eigenen Rechnungen, sobald ich weiß, wer Sie sind.",
    "can_known": "Ich kann Alben, Lieder, Künstler und Genres in unserem Katalog nachsehen, und Ihre eigenen Rechnungen.",
    "what_to_know": "Was möchten Sie wissen?",
    "robot": "Ich bin der automatische Assistent des Ladens, kein Mensch.",
    "hello": "Hallo!",
    "you_are_welcome": "Gern geschehen!",
    "goodbye": "Auf Wiedersehen, und viel Freude mit der Musik!",
    "rules": "Das kann ich Ihnen leider nicht sagen: Wie der Laden arbeitet, etwa womit man bezahlt, wie es mit Erstattungen ist oder wohin geliefert wird, steht nicht in den Daten, die ich lesen kann.",
    "call_somebody": "Für alles andere schreiben Sie „Mensch“, dann rufe ich jemanden aus unserem Team.",
    "catalogue_help": (
        "Ich kann die Alben oder Lieder eines Künstlers nachsehen, die Lieder eines Genres, die Lieder auf einem Album oder ein Lied"
        " mit seinem Titel. Zum Beispiel: „Alben von AC/DC“, „Lieder in Jazz“, „das Album Nevermind“ oder „Habt ihr das Lied Enter"
        " Sandman?“"
    ),
    # --- taste ------------------------------------------------------------------------------------
    "forgotten": (
        "Ich habe vergessen, was ich mir über Sie gemerkt hatte: Ihren Geschmack und wonach Sie gefragt haben. Unsere Gespräche"
        " bleiben, bis Sie sie löschen."
    ),
    "noted": "Ich habe mir gemerkt: {names}.",
    "taken_out": "Aus dem, was Sie mögen, habe ich gestrichen: {names}.",
    "answers_in": "Antworten auf {name}",
    "as_you_like_it": "Nach Ihrem Geschmack: {names}?",
    "quoted": "„{name}“",
    "albums by": "Alben von {name}",
    "songs by": "Lieder von {name}",
    "songs in": "Lieder in {name}",
    "the song": "das Lied {name}",
    "the album": "das Album {name}",
    # --- the catalogue ----------------------------------------------------------------------------
    "genres": "Wir haben diese Genres: {names}.",
    "albums": "Wir haben {n} Album:|Wir haben {n} Alben:",
    "albums_by": "Wir haben {n} Album von {name}:|Wir haben {n} Alben von {name}:",
    "songs": "Wir haben {n} Lied:|Wir haben {n} Lieder:",
    "songs_by": "Wir haben {n} Lied von {name}:|Wir haben {n} Lieder von {name}:",
    "songs_in": "Wir haben {n} Lied in {name}:|Wir haben {n} Lieder in {name}:",
    "songs_on": "Wir haben das Album {album} von {name} mit {n} Lied:|Wir haben das Album {album} von {name} mit {n} Liedern:",
    "no_songs_on": "Wir haben das Album {album} von {name}, aber keine Lieder davon.",
    "which_album": "{n} Alben können gemeint sein:",
    "which_of_them": "Welches davon meinen Sie?",
    "album_by": "{album} von {name}",
    "by": " von {name}",
    "from": ", aus {album}",
    "more": "Es gibt noch {n} weiteres Ergebnis. Sagen Sie „mehr“, um es zu sehen.|Es gibt noch {n} weitere. Sagen Sie „mehr“, um die nächsten zu sehen.",
    "left_out": "Nachgesehen habe ich die ersten {n}.",
    "nothing_to_show": "Es gibt nichts zu zeigen.",
    "not_exact": "Genau „{asked}“ heißt bei uns nichts. Das gibt es zu {names}.",
    "nothing_called": "Etwas namens „{asked}“ haben wir nicht.",
    "none_of": "Von {names} haben wir nichts.",
    "and_more": "{names} und {n} weitere",
    "say_which_artist": "Bitte sagen Sie mir, welchen Künstler Sie meinen.",
    "say_which_genre": "Bitte sagen Sie mir, welches Genre Sie meinen.",
    "say_which_song": "Bitte sagen Sie mir, welches Lied Sie meinen.",
    "say_which_album": "Bitte sagen Sie mir, welches Album Sie meinen.",
    "unknown_artist": "Einen Künstler namens „{asked}“ kennen wir nicht.",
    "unknown_genre": "Ein Genre namens „{asked}“ kennen wir nicht.",
    "unknown_song": "Ein Lied namens „{asked}“ kennen wir nicht.",
    "unknown_album": "Ein Album namens „{asked}“ kennen wir nicht.",
    "album_not_by": "Ein Album namens „{asked}“ von „{artist}“ haben wir nicht.",
    "did_you_mean": "Meinten Sie {names}?",
    # --- purchases --------------------------------------------------------------------------------
    "invoices": "Sie haben {n} Rechnung:|Sie haben {n} Rechnungen, die neueste zuerst:",
    "newest": "Die neueste Ihrer {n} Rechnungen:",
    "next_newest": "Die nächste Ihrer {n} Rechnungen:",
    "invoice": "Rechnung {invoice} vom {date}, Summe {total}: {items}",
    "and_items": "und {n} weiteres|und {n} weitere",
    "items": "Sie haben {n} Stück gekauft:|Sie haben {n} Stücke gekauft, die teuersten zuerst:",
    "cheapest_items": "Sie haben {n} Stück gekauft:|Sie haben {n} Stücke gekauft, die günstigsten zuerst:",
    "item": "{track}: je {price}, {quantity} auf Rechnung {invoice} vom {date}",
    "employee": "Betreut werden Sie von:",
    "no_invoice": "Sie haben keine Rechnung {invoice}.",
    "nobody": "Um Rechnung {invoice} kümmert sich niemand Bestimmtes.",
    "bought_of": "Von „{name}“ haben Sie {n} Stück gekauft:|Von „{name}“ haben Sie {n} Stücke gekauft, die neuesten zuerst:",
    "bought_none_of": "Von „{name}“ haben Sie noch nichts gekauft.",
    "bought_nothing": "Sie haben noch nichts gekauft.",
    "sum": "Ihre Rechnung beträgt {total}.|Ihre {n} Rechnungen betragen zusammen {total}.",
    "sum_of_year": "Im Jahr {year} haben Sie {total} ausgegeben ({n} Rechnung).|Im Jahr {year} haben Sie {total} ausgegeben ({n} Rechnungen).",
    "count": "Sie haben {n} Rechnung.|Sie haben {n} Rechnungen.",
    "count_of_year": "Aus dem Jahr {year} haben Sie {n} Rechnung.|Aus dem Jahr {year} haben Sie {n} Rechnungen.",
    "invoice_is": "Das ist die Rechnung:",
    "of_year": "Aus dem Jahr {year} haben Sie {n} Rechnung:|Aus dem Jahr {year} haben Sie {n} Rechnungen:",
    "none_of_year": "Aus dem Jahr {year} haben Sie keine Rechnung.",
    "first": "Ihre erste Rechnung:",
    "largest": "Ihre größte Rechnung:",
    "last_but_one": "Die vor Ihrer letzten:",
    "before": "Die vor Rechnung {invoice}:",
    "none_before": "Vor Rechnung {invoice} gibt es keine: Sie ist Ihre erste.",
    "only_one": "Sie haben nur eine Rechnung.",
    "newest_some": "Ihre neueste Rechnung:|Ihre neuesten {n} Rechnungen:",
    "when_last": "Zuletzt haben Sie am {date} etwas gekauft:",
    "more_invoices": "Es gibt noch {n} weitere.",
}
