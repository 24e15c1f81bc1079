"""English."""

PHRASES = {
    # --- the team ---------------------------------------------------------------------------------
    "records_cannot_be_read": (
        "I cannot read our records at the moment. Please try again in a few minutes; if it is urgent, ask for a person."
    ),
    "who_are_you": (
        "To show you your purchases I need to know who you are. Please tell me your customer number, or the e-mail address or"
        " telephone number of your account."
    ),
    "not_found": "I could not find an account by that.",
    "code_sent": "I have sent a code of six digits to {sent_to}. Please write it here; it is valid for ten minutes.",
    "code_wrong": "That is not the code.",
    "code_late": "That code is no longer valid. Please tell me again who you are, and I will send you another.",
    "code_not_sent": (
        "To show you your purchases I have to send you a code, and I could not send one. Please tell me again later who you"
        " are; if it is urgent, ask for a person."
    ),
    "hand_over": "I could not find your account. I would like to hand over to one of our people: shall I?",
    "handed_over": (
        "I have asked one of our people to come. They will answer here as soon as they can; meanwhile, ask me whatever you like"
        " about our catalogue."
    ),
    "another": (
        "This conversation is about the account it was begun with, and I can show no other in it. Please start a new"
        " conversation for another account."
    ),
    "known_now": (
        "Thank you, I know now who you are. I can show you your invoices, what was most expensive of what you bought, and who"
        " looks after you. What would you like to see?"
    ),
    "no_more": "That was all there is of it.",
    "can": "I can look up albums, songs, artists and genres in our catalogue, and your own invoices once I know who you are.",
    "can_known": "I can look up albums, songs, artists and genres in our catalogue, and your own invoices.",
    "what_to_know": "What would you like to know?",
    "robot": "I am the store's automatic assistant, not a person.",
    "hello": "Hello!",
    "you_are_welcome": "You are welcome!",
    "goodbye": "Goodbye, and enjoy the music!",
    "rules": "I am sorry, I cannot tell you that: how the store works, such as its ways of paying, its refunds and its deliveries, is not in the records that I can read.",
    "call_somebody": "For everything else, write “person” and I will ask one of our people to come.",
    "catalogue_help": (
        "I can look up the albums or songs of an artist, the songs in a genre, the songs on an album, or one song by its title. For"
        " example: “albums by AC/DC”, “songs in Jazz”, “the album Nevermind”, or “do you have the song Enter Sandman?”"
    ),
    # --- taste ------------------------------------------------------------------------------------
    "forgotten": (
        "I have forgotten what I had noted about you: your taste and what you asked for before. Our chats stay until you delete"
        " them."
    ),
    "noted": "I have noted: {names}.",
    "taken_out": "I have taken out of what you like: {names}.",
    "answers_in": "answers in {name}",
    "as_you_like_it": "As you like it: {names}?",
    "quoted": "“{name}”",
    "albums by": "albums by {name}",
    "songs by": "songs by {name}",
    "songs in": "songs in {name}",
    "the song": "the song {name}",
    "the album": "the album {name}",
    # --- the catalogue ----------------------------------------------------------------------------
    "genres": "The store has these genres: {names}.",
    "albums": "The store has {n} album:|The store has {n} albums:",
    "albums_by": "The store has {n} album by {name}:|The store has {n} albums by {name}:",
    "songs": "The store has {n} song:|The store has {n} songs:",
    "songs_by": "The store has {n} song by {name}:|The store has {n} songs by {name}:",
    "songs_in": "The store has {n} song in {name}:|The store has {n} songs in {name}:",
    "songs_on": "The store has the album {album} by {name}, with {n} song:|The store has the album {album} by {name}, with {n} songs:",
    "no_songs_on": "The store has the album {album} by {name}, but no songs of it.",
    "which_album": "{n} albums could be meant:",
    "which_of_them": "Which of them do you mean?",
    "album_by": "{album} by {name}",
    "by": " by {name}",
    "from": ", from {album}",
    "more": "There is {n} more. Say “more” to see it.|There are {n} more. Say “more” to see the next.",
    "left_out": "I have looked up the first {n}.",
    "nothing_to_show": "There is nothing to show.",
    "not_exact": "Nothing is called “{asked}” exactly. This is what there is of {names}.",
    "nothing_called": "The store has nothing called “{asked}”.",
    "none_of": "The store has nothing of {names}.",
    "and_more": "{names} and {n} more",
    "say_which_artist": "Please tell me which artist you mean.",
    "say_which_genre": "Please tell me which genre you mean.",
    "say_which_song": "Please tell me which song you mean.",
    "say_which_album": "Please tell me which album you mean.",
    "unknown_artist": "The store knows no artist called “{asked}”.",
    "unknown_genre": "The store knows no genre called “{asked}”.",
    "unknown_song": "The store knows no song called “{asked}”.",
    "unknown_album": "The store knows no album called “{asked}”.",
    "album_not_by": "The store has no album called “{asked}” by “{artist}”.",
    "did_you_mean": "Did you mean {names}?",
    # --- purchases --------------------------------------------------------------------------------
    "invoices": "You have {n} invoice:|You have {n} invoices, the newest first:",
    "newest": "The newest of your {n} invoices:",
    "next_newest": "The next of your {n} invoices:",
    "invoice": "Invoice {invoice} of {date}, total {total}: {items}",
    "and_items": "and {n} more",
    "items": "You have bought {n} item:|You have bought {n} items, the most expensive first:",
    "cheapest_items": "You have bought {n} item:|You have bought {n} items, the cheapest first:",
    "item": "{track}: {price} each, {quantity} on invoice {invoice} of {date}",
    "employee": "This is who looks after you:",
    "no_invoice": "You have no invoice {invoice}.",
    "nobody": "Nobody in particular looks after invoice {invoice}.",
    "bought_of": "You have bought {n} item of “{name}”:|You have bought {n} items of “{name}”, the newest first:",
    "bought_none_of": "You have bought nothing of “{name}” yet.",
    "bought_nothing": "You have bought nothing yet.",
    "sum": "Your invoice comes to {total}.|Your {n} invoices come to {total} in all.",
    "sum_of_year": "In {year} you spent {total} ({n} invoice).|In {year} you spent {total} ({n} invoices).",
    "count": "You have {n} invoice.|You have {n} invoices.",
    "count_of_year": "From {year} you have {n} invoice.|From {year} you have {n} invoices.",
    "invoice_is": "This is the invoice:",
    "of_year": "From {year} you have {n} invoice:|From {year} you have {n} invoices:",
    "none_of_year": "You have no invoice from {year}.",
    "first": "Your first invoice:",
    "largest": "Your largest invoice:",
    "last_but_one": "The one before your last:",
    "before": "The one before invoice {invoice}:",
    "none_before": "There is none before invoice {invoice}: it is your first.",
    "only_one": "You have one invoice.",
    "newest_some": "Your newest invoice:|Your newest {n} invoices:",
    "when_last": "You last bought something on {date}:",
    "more_invoices": "There is {n} more.|There are {n} more.",
}
