"""Words as they are compared: in lower case, without accents and without most of their endings. Pure."""

import functools
import re
import unicodedata

_WORD = re.compile(r"[^\W_]+(?:[/&+.'’-][^\W_]+)*[+#]*")
_INSIDE = re.compile(r"[/&'’-]")
# The longest first; what is left must be a word still.
_ENDINGS = (
    *("ationen", "ierungen", "ungen", "ation", "ments", "ciones", "ingly", "ment", "ungs", "ings", "ción", "cion"),
    *("ing", "ies", "ung", "ern", "ed", "es", "en", "er", "ly", "os", "as", "s", "e", "n", "y", "a", "o"),
)
# So that stories and story meet, and cookies and cooks do not.
_INSTEAD = {"ies": "i", "y": "i"}
_SHORTEST = 4
_LONGEST_WORD = 40
_ARABIC_PREFIXES = ("وال", "بال", "لل", "ال", "و", "ب", "ل")
_ARABIC_ENDINGS = ("ات", "ين", "ون", "ها", "نا", "ة", "ه", "ي")
_SHORTEST_ARABIC = 3


def words_of(text: str) -> list[str]:
    """The words of a text in order, each as it is compared; what is joined by a hyphen is there whole and in parts."""
    return [word for word, _ in spelled(text)]


def spelled(text: str) -> list[tuple[str, str]]:
    """The same, each with how it was written, but for case and accents."""
    found: list[tuple[str, str]] = []
    for word in _WORD.findall(_plain(text)):
        parts = [part[:_LONGEST_WORD] for part in _INSIDE.split(word) if part]
        found += [(stem(part), part) for part in parts]
        if len(parts) > 1:
            found.append(("".join(parts)[:_LONGEST_WORD], word[:_LONGEST_WORD]))
    return found


def phrase_of(text: str) -> tuple[str, ...]:
    """A term of the vocabulary: its words, in order."""
    return tuple(stem(part) for word in _WORD.findall(_plain(text)) for part in _INSIDE.split(word) if part)


@functools.lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A word without its ending, as far as that is easy to see."""
    if "\u0600" <= word[0] <= "\u06ff":
        return _arabic(word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: -len(ending)] + _INSTEAD.get(ending, "")
    return word


def is_english(text: str) -> bool:
    """Whether a text may be taken for English: no other script, and no more of another language's small words."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter > "\u024f" for letter in letters) * 2 > len(letters):
        return False
    words = re.findall(r"[^\W\d_]+", text.casefold())
    english, *others = (sum(word in small for word in words) for small in _SMALL_WORDS)
    return english >= max(others)


# English first. None of the others' is a word of English.
_SMALL_WORDS = tuple(
    frozenset(words.split())
    for words in (
        "the a an and or of to in on for with is are be it this that we i you our my your can do how what which who not from",
        "der die das und oder ist sind ein eine einen einer ich wir mir mich uns unser unsere für mit von zu zum zur den dem"
        " im auf nicht wie welche wer bitte sich aus bei nach über",
        "el la los las un una unos y que de del para con por es son en al mi nuestro nuestra cómo qué cuál cuáles este esta"
        " esto se lo su sus dime",
        "le les des et est une du pour avec dans nous notre nos vous votre comment quel quelle sur pas ce cette",
        "il gli della dello per con sono nel nella che come quale questo questa nostro",
        "o os uma do da dos das em para com não como qual este esta nosso",
    )
)


def _arabic(word: str) -> str:
    for prefix in _ARABIC_PREFIXES:
        if word.startswith(prefix) and len(word) - len(prefix) >= _SHORTEST_ARABIC:
            word = word[len(prefix) :]
            break
    for ending in _ARABIC_ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_ARABIC:
            return word[: -len(ending)]
    return word


def _plain(text: str) -> str:
    """Lower case, and letters without their accents; Arabic without vowel marks, its alifs alike."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return plain.replace("أ", "ا").replace("إ", "ا").replace("آ", "ا").replace("ى", "ي")
