"""Scores of candidates: success rate 40 %, response time 30 %, experience 20 %, priority 10 %. Pure.

A new agent is not judged by one run: its rate and its time begin at what is usual, with the weight of a few runs (a prior,
as in Bayesian averages), and move towards its own as it is used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log1p

from apps.opie.engine.dispatcher.matching import Match
from apps.opie.metrics.agents import AgentFigures
from apps.opie.models.agents import HIGHEST_PRIORITY

WEIGHTS: Mapping[str, float] = {"success_rate": 0.4, "response_time": 0.3, "experience": 0.2, "priority": 0.1}
# How many runs the usual weighs.
PRIOR_RUNS = 10
USUAL_RATE = 0.9
USUAL_MS = 8_000.0
# An answer that takes so long has half of what is to be had for time.
HALF_TIME_MS = 10_000.0
# So many runs are all the experience there is.
MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a candidate beside how well it fits."""

    figures: AgentFigures
    priority: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate with its score, whose parts add up to it."""

    agent_id: str
    score: float
    parts: Mapping[str, float]
    match: Match

    def as_json(self) -> dict[str, object]:
        return {
            "agent_id": self.agent_id,
            "score": self.score,
            "parts": dict(self.parts),
            "fit": self.match.fit,
            "words": list(self.match.words),
            "likeness": self.match.likeness,
        }


def scored(matches: Sequence[Match], standings: Mapping[str, Standing]) -> list[Candidate]:
    """The candidates, the best first; of equal scores the better fit, then the agent_id, decides."""
    found = [_scored(match, standings[match.agent_id]) for match in matches]
    return sorted(found, key=lambda one: (-one.score, -one.match.fit, one.agent_id))


def _scored(match: Match, standing: Standing) -> Candidate:
    figures = standing.figures
    shares = {
        "success_rate": _rate(figures),
        "response_time": HALF_TIME_MS / (HALF_TIME_MS + _milliseconds(figures)),
        "experience": min(1.0, log1p(figures.invocations) / log1p(MOST_RUNS)),
        "priority": standing.priority / HIGHEST_PRIORITY,
    }
    parts = {name: round(WEIGHTS[name] * share, 4) for name, share in shares.items()}
    return Candidate(match.agent_id, round(sum(parts.values()), 4), parts, match)


def _rate(figures: AgentFigures) -> float:
    judged = figures.successes + figures.failures
    return (figures.successes + PRIOR_RUNS * USUAL_RATE) / (judged + PRIOR_RUNS)


def _milliseconds(figures: AgentFigures) -> float:
    own = figures.average_duration_ms
    if own is None:
        return USUAL_MS
    return (figures.successes * own + PRIOR_RUNS * USUAL_MS) / (figures.successes + PRIOR_RUNS)
