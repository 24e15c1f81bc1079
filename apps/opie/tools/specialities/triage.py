"""Tools of bug triage: a severity and a priority with their reasons, and reports that say the same."""

import re
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal

from pydantic import BaseModel, Field

from apps.opie.tools.specialities.tables import bullets, percent, require, table

Impact = Literal["system_down", "main_function", "side_function", "cosmetic"]
Affected = Literal["all", "many", "some", "one"]
Security = Literal["none", "possible", "exposed"]
Where = Literal["production", "test"]

SEVERITIES = ("S1 critical", "S2 major", "S3 minor", "S4 trivial")
OF_IMPACT: dict[str, int] = {"system_down": 0, "main_function": 1, "side_function": 2, "cosmetic": 3}
# When somebody answers, and when it is mended or got around.
PROMISES = (
    "answer within 15 minutes at any hour, mended or got around within 4 hours",
    "answer within 1 hour in working time, mended within 1 working day",
    "answer within 1 working day, mended within 10 working days",
    "answer within 5 working days, mended when there is time",
)
SIMILAR = 0.35
LEAST_WORD = 3
NO_NEWS = frozenset(
    {"the", "and", "for", "not", "with", "when", "that", "this", "from", "are", "was", "has", "have", "but", "you"}
)


class Report(BaseModel):
    """A report of a fault."""

    id: str = Field(max_length=50)
    title: str = Field(max_length=300)
    text: str = Field(default="", max_length=5000)


@dataclass(slots=True)
class Verdict:
    """Severity (how bad it is) and priority (how soon) as indexes, and why."""

    severity: int
    priority: int
    reasons: list[str] = field(default_factory=list)


def classify_bug(
    impact: Impact,
    affected: Affected,
    workaround: bool = False,
    data_loss: bool = False,
    security: Security = "none",
    where: Where = "production",
) -> str:
    """Severity S1 to S4 and priority P0 to P3 of a fault, with the reasons.

    Args:
        impact: system_down, main_function (something people came for does not work), side_function or cosmetic
        affected: all, many, some or one of those who use it
        workaround: whether people can reach the same in another way
        data_loss: whether data is lost, wrong or doubled
        security: none, possible (a weakness), or exposed (data or rights were open to others)
        where: production, or test for a fault that no customer meets yet
    """
    verdict = judge(impact, affected, workaround=workaround, data_loss=data_loss, security=security, where=where)
    return "\n".join(
        [
            f"Severity: {SEVERITIES[verdict.severity]}",
            f"Priority: P{verdict.priority} ({PROMISES[verdict.priority]})",
            bullets(verdict.reasons),
        ]
    )


def judge(
    impact: Impact, affected: Affected, *, workaround: bool, data_loss: bool, security: Security, where: Where
) -> Verdict:
    """The rules: what is lost or laid open counts before everything else; then how many, and whether there is a way around."""
    verdict = Verdict(OF_IMPACT[impact], 0, [f"Impact: {impact.replace('_', ' ')}."])
    _weigh_damage(verdict, data_loss=data_loss, security=security)
    verdict.priority = verdict.severity
    grave = data_loss or security == "exposed"
    if affected == "all" and verdict.priority and impact != "cosmetic":
        _move(verdict, -1, "Everybody is affected: one step sooner.")
    if affected == "one" and not grave:
        _move(verdict, +1, "One person is affected: one step later.")
    if workaround and not grave and security == "none":
        _move(verdict, +1, "There is a way around it: one step later.")
    if where == "test":
        _move(verdict, +1, "No customer meets it yet: one step later.")
    return verdict


def similar_reports(reports: list[Report]) -> str:
    """Pairs of reports that use the same words and may be about the same fault.

    Args:
        reports: The reports to compare.
    """
    require(reports, "reports", least=2, most=100)
    words = {report.id: _words(f"{report.title} {report.text}") for report in reports}
    pairs = [(_alike(words[a.id], words[b.id]), a, b) for a, b in combinations(reports, 2)]
    found = sorted((pair for pair in pairs if pair[0] >= SIMILAR), key=lambda pair: (-pair[0], pair[1].id, pair[2].id))
    if not found:
        return "No two of these reports use the same words. They may still be about the same fault: read those of one part together."
    rows = [(a.id, b.id, percent(alike, 0), ", ".join(sorted(words[a.id] & words[b.id])[:8])) for alike, a, b in found]
    return table(["Report", "Report", "Same words", "Which"], rows)


def _weigh_damage(verdict: Verdict, *, data_loss: bool, security: Security) -> None:
    if data_loss:
        verdict.severity = 0
        verdict.reasons.append("Data is lost or wrong: always critical.")
    if security == "exposed":
        verdict.severity = 0
        verdict.reasons.append(
            "Data or rights were open to others: always critical; whoever is in charge of data protection must know at once."
        )
    elif security == "possible" and verdict.severity > 1:
        verdict.severity = 1
        verdict.reasons.append("A weakness that somebody could use: major at least.")


def _move(verdict: Verdict, steps: int, why: str) -> None:
    verdict.priority = min(len(PROMISES) - 1, max(0, verdict.priority + steps))
    verdict.reasons.append(why)


def _words(text: str) -> frozenset[str]:
    return frozenset(
        word for word in re.findall(r"\w+", text.lower()) if len(word) >= LEAST_WORD and word not in NO_NEWS
    )


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0
