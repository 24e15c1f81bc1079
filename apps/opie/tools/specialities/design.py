"""Tools of the designer: contrast as WCAG computes it, and the System Usability Scale."""

import re
from statistics import mean

from pydantic import BaseModel, Field

from apps.api.errors import InvalidInput
from apps.opie.tools.specialities.tables import number, require, require_none, table

Colour = tuple[int, int, int]

NAMED: dict[str, Colour] = {
    "black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
    "orange": (255, 165, 0), "navy": (0, 0, 128),
}  # fmt: skip
HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
RGB = re.compile(r"rgb\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)", re.IGNORECASE)
# Of WCAG 2.1: which success criterion asks for which ratio of what.
RULES = (
    (4.5, "AA, text (1.4.3)"),
    (3.0, "AA, large text: from 24 px, or 18.66 px bold (1.4.3)"),
    (3.0, "AA, parts of controls and graphics (1.4.11)"),
    (7.0, "AAA, text (1.4.6)"),
    (4.5, "AAA, large text (1.4.6)"),
)
AA_TEXT = 4.5
STATEMENTS = 10
# Mean of many studies: what is above is better than average.
AVERAGE_SUS = 68


class Answers(BaseModel):
    """One person's ten answers."""

    answers: list[int] = Field(description="Ten answers in the order of the statements, 1 disagree to 5 agree")


def contrast_ratio(foreground: str, background: str) -> str:
    """The contrast of two colours, and whether it is enough for WCAG 2.1 AA and AAA.

    Args:
        foreground: The colour of the text or the icon, such as #767676 or rgb(118, 118, 118)
        background: The colour behind it
    """
    front, back = _colour("foreground", foreground), _colour("background", background)
    ratio = contrast_of(front, back)
    rows = [(rule, f"{number(needed, 1)}:1", "pass" if ratio >= needed else "fail") for needed, rule in RULES]
    # Cut and not rounded: 4.499 is no 4.5.
    shown = f"Contrast {int(ratio * 100) / 100:.2f}:1\n\n" + table(["For", "Needed", "Verdict"], rows)
    if ratio >= AA_TEXT:
        return shown
    nearest = passing_colour(front, back)
    return f"{shown}\n\nThe nearest colour of this kind that passes for text: #{bytes(nearest).hex()}"


def contrast_of(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white), whichever comes first."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def passing_colour(front: Colour, back: Colour) -> Colour:
    """The colour nearest to `front`, mixed with black or white, that passes for text on `back`."""
    ways = []
    for end in ((0, 0, 0), (255, 255, 255)):
        for step in range(256):
            mixed = _mixed(front, end, step)
            if contrast_of(mixed, back) >= AA_TEXT:
                ways.append((step, mixed))
                break
    return min(ways)[1]


def usability_score(people: list[Answers]) -> str:
    """The System Usability Scale: a score from 0 to 100 out of ten answers of each person.

    Args:
        people: Each person's ten answers from 1 to 5, in the order of the questionnaire.
    """
    require(people, "people")
    wrong = [
        place
        for place, one in enumerate(people, start=1)
        if len(one.answers) != STATEMENTS or not set(one.answers) <= {1, 2, 3, 4, 5}
    ]
    require_none([f"Person {place}: give ten answers from 1 to 5." for place in wrong])
    scores = [sus_of(one.answers) for one in people]
    rows = [(place, number(score)) for place, score in enumerate(scores, start=1)]
    verdict = "above" if mean(scores) > AVERAGE_SUS else "not above"
    few = " Fewer than five people: take it as a hint." if len(people) < 5 else ""
    return (
        table(["Person", "Score"], rows)
        + f"\n\nMean {number(mean(scores), 1)}, {verdict} the usual average of {AVERAGE_SUS}. It is no percentage.{few}"
    )


def sus_of(answers: list[int]) -> float:
    """Odd statements are for the product, even ones against it."""
    return 2.5 * sum(one - 1 if place % 2 == 0 else 5 - one for place, one in enumerate(answers))


def _colour(name: str, text: str) -> Colour:
    text = text.strip().lower()
    if text in NAMED:
        return NAMED[text]
    if found := HEX.fullmatch(text):
        digits = found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1])
        red, green, blue = bytes.fromhex(digits)
        return red, green, blue
    if (found := RGB.fullmatch(text)) and all(int(part) <= 255 for part in found.groups()):
        return int(found[1]), int(found[2]), int(found[3])
    raise InvalidInput(
        f"{name}: write the colour as #rrggbb or rgb(r, g, b). Colours that let others through must be mixed first."
    )


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def _mixed(one: Colour, other: Colour, step: int) -> Colour:
    red, green, blue = (round(a + (b - a) * step / 255) for a, b in zip(one, other, strict=True))
    return red, green, blue
