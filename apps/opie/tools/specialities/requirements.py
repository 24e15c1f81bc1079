"""Tools of the business analyst: what is wrong with a requirement or a story, found by rule."""

import re
from collections.abc import Iterator

from apps.opie.tools.specialities.tables import bullets, require, require_text, table

LONGEST_REQUIREMENT = 40
# What cannot be tested, and what to ask instead.
WEAK = (
    (r"fast|quick(?:ly)?|slow|responsive|real[- ]time|immediately|promptly|instantly", "How fast: a time, at which load, for which share of cases?"),
    (r"easy|easily|simple|intuitive|user[- ]friendly|convenient|seamless(?:ly)?", "Who must be able to do what, in which time, with how many errors?"),
    (r"secure(?:ly)?|safe(?:ly)?|robust|reliable|reliably|stable|resilient", "Against what, and measured how: an availability, a standard, a threat?"),
    (r"large|small|big|many|several|some|few|various|numerous|high|low|sufficient|adequate|enough", "How many, or how much?"),
    (r"flexible|scalable|modular|maintainable|efficient(?:ly)?|optimal|state[- ]of[- ]the[- ]art|modern|better|best|good", "By which measure, and which value?"),
    (r"appropriate(?:ly)?|suitable|relevant|reasonable|proper(?:ly)?|as (?:needed|required|appropriate)|where possible|if possible|normal(?:ly)?|typical(?:ly)?|usual(?:ly)?|generally|often|sometimes|minimi[sz]e|maximi[sz]e", "In which cases exactly, and who decides?"),
    (r"etc\.?|and so on|such as|including but not limited to|and/or|TBD|TBC|to be (?:defined|determined|decided)", "What exactly? Name all of it."),
    (r"support(?:s|ed)?|handle[sd]?|process(?:es|ed)?|manage[sd]?|deal with", "What does the system do, and what is the result?"),
)  # fmt: skip
MODAL = re.compile(r"\b(shall|must)\b", re.IGNORECASE)
WEAK_MODAL = re.compile(r"\b(should|may|might|could|can|will|would)\b", re.IGNORECASE)
MEASURE = re.compile(
    r"\d+(?:[.,]\d+)?\s*(?:%|per ?cent|ms|milliseconds?|s\b|sec(?:onds?)?|min(?:utes?)?|h\b|hours?|days?|weeks?|months?|years?|"
    r"kb|mb|gb|tb|users?|people|requests?|records?|rows?|items?|characters?|pages?|times?|attempts?|clicks?|pixels?|px|€|\$|£|eur|usd)",
    re.IGNORECASE,
)
STORY = re.compile(
    r"\bas an? (?P<role>.+?),?\s+i (?:want|need|would like)(?: to)? (?P<goal>.+?)(?:,?\s+so that (?P<benefit>.+))?$",
    re.IGNORECASE | re.DOTALL,
)
GHERKIN = ("given", "when", "then")
MOST_CRITERIA = 8


def check_requirement(text: str) -> str:
    """Find weak words, missing measures and other faults in one requirement (IEEE 830, SMART). Knows English only.

    Args:
        text: One requirement, as it would stand in the specification.
    """
    text = require_text(text, "the requirement")
    found = [(word, ask) for pattern, ask in WEAK for word in _words(pattern, text)]
    faults = list(_faults(text))
    rows = [("unclear word", f"“{word}”", ask) for word, ask in found] + [
        (kind, what, ask) for kind, what, ask in faults
    ]
    measurable = bool(MEASURE.search(text)) and not found
    verdicts = {
        "Specific": not found and not any(kind == "more than one" for kind, _, _ in faults),
        "Measurable": measurable,
        "Achievable": None,
        "Relevant": None,
        "Time-bound or condition": bool(re.search(r"\b(within|when|after|before|until|at least|at most|every)\b|\d", text, re.IGNORECASE)),
    }  # fmt: skip
    said = {True: "holds by these rules", False: "does not hold yet", None: "for people to judge"}
    lines = bullets(f"{name}: {said[holds]}" for name, holds in verdicts.items())
    shown = table(["Fault", "What", "Ask"], rows) if rows else "These rules find no fault."
    return f"{shown}\n\n{lines}"


def check_user_story(story: str, acceptance_criteria: list[str]) -> str:
    """Check the form of a user story and whether its criteria can be tested (Given, When, Then). Knows English only.

    Args:
        story: As a <role>, I want <goal>, so that <benefit>.
        acceptance_criteria: Its criteria, one each.
    """
    story = require_text(story, "the story")
    require(acceptance_criteria, "acceptance criteria", least=0, most=50)
    notes = list(_notes_on_story(story)) + list(_notes_on_criteria(acceptance_criteria))
    return (
        bullets(notes)
        if notes
        else "The form holds: role, goal and benefit are named, and every criterion is Given, When, Then."
    )


def _words(pattern: str, text: str) -> list[str]:
    found = re.findall(rf"(?<![\w-])(?:{pattern})(?![\w-])", text, re.IGNORECASE)
    return list(dict.fromkeys(word.lower() for word in found))


def _faults(text: str) -> Iterator[tuple[str, str, str]]:
    modals = MODAL.findall(text)
    if not modals:
        weak = WEAK_MODAL.search(text)
        yield "not binding", weak.group(1) if weak else "no “shall”", "Is it a requirement? Then write “shall”."
    if len(modals) > 1 or ";" in text:
        yield (
            "more than one",
            f"{max(len(modals), 2)} statements",
            "Give each statement a requirement and an id of its own.",
        )
    if re.search(r"\bshall not\b|\bmust not\b|\bnever\b", text, re.IGNORECASE):
        yield "negative", "what it does not do", "Can it be said as something that can be observed?"
    if re.search(r"\b(?:shall|must) be \w+(?:ed|en)\b(?!.*\bby\b)", text, re.IGNORECASE):
        yield "no actor", "passive", "Who or what does it?"
    if len(text.split()) > LONGEST_REQUIREMENT:
        yield "long", f"{len(text.split())} words", f"Can it be said in {LONGEST_REQUIREMENT} words?"


def _notes_on_story(story: str) -> Iterator[str]:
    form = STORY.search(story)
    if form is None:
        yield "The story does not say role, goal and benefit: As a <role>, I want <goal>, so that <benefit>."
        return
    if form["role"].strip().lower() in {"user", "the user", "customer", "person", "someone"}:
        yield f"“{form['role'].strip()}” is no role: which users, in which situation?"
    if not form["benefit"]:
        yield "The benefit is missing (so that …): without it nobody can find a cheaper way."
    if re.search(r"\band\b", form["goal"], re.IGNORECASE):
        yield "The goal has an “and” in it: can it be split into two stories?"
    if re.search(
        r"\b(button|dropdown|table|database|API|endpoint|column|screen|popup|modal)\b", form["goal"], re.IGNORECASE
    ):
        yield "The goal names a solution. Say what the person wants to reach; the team finds how."


def _notes_on_criteria(criteria: list[str]) -> Iterator[str]:
    if not criteria:
        yield "There are no acceptance criteria: nobody can tell when it is done."
    if len(criteria) > MOST_CRITERIA:
        yield f"{len(criteria)} criteria: the story may be too large for one sprint. Split it."
    for place, criterion in enumerate(criteria, start=1):
        missing = [word for word in GHERKIN if not re.search(rf"\b{word}\b", criterion, re.IGNORECASE)]
        if missing:
            yield f"Criterion {place} has no {', no '.join(word.capitalize() for word in missing)}."
        weak = [word for pattern, _ in WEAK[:2] for word in _words(pattern, criterion)]
        if weak:
            yield f"Criterion {place} cannot be tested: “{', '.join(weak)}”."
