"""Drawings of the statistics of conversations: where each bar, line and word goes. Pure.

Days: two panels share the axis of time, messages above and conversations below. Agents: a bar of answers for each. The
templates draw them, on the page in the theme's colours and as files.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apps.opie.metrics.conversations import AgentInConversations, ConversationsAt
from apps.opie.web.score_plot import Tick, round_above
from apps.opie.web.statistics_period import Pieces

_LEFT, _RIGHT = 44, 10
_MESSAGES_TOP, _MESSAGES_BOTTOM = 30, 170
_CONVERSATIONS_TOP, _CONVERSATIONS_BOTTOM = 222, 300
_LABEL_WIDTH = 92
_ROW = 44
_LETTER_WIDTH = 8
MOST_AGENTS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, and the whole in which it stands. Text, so that no language writes a number otherwise."""

    y: str
    height: str


@dataclass(frozen=True, slots=True)
class TimeColumn:
    """One piece of the time, and its two bars."""

    name: str
    at: ConversationsAt
    x: str
    width: str
    messages: Bar
    conversations: Bar


@dataclass(frozen=True, slots=True)
class TimePlot:
    """The drawing of days for one width."""

    width: int
    columns: list[TimeColumn]
    times: list[Tick]
    messages: list[Tick]
    conversations: list[Tick]
    height: int = 328
    left: int = _LEFT
    messages_bottom: int = _MESSAGES_BOTTOM
    conversations_bottom: int = _CONVERSATIONS_BOTTOM

    @property
    def right(self) -> int:
        return self.width - _RIGHT


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent's name and bar. `name` is cut to what fits."""

    name: str
    full_name: str
    answers: int
    text_y: int
    bar_y: int
    bar_width: str


@dataclass(frozen=True, slots=True)
class AgentPlot:
    """The drawing of agents for one width."""

    width: int
    rows: list[AgentRow]

    @property
    def height(self) -> int:
        return len(self.rows) * _ROW


def draw_times(pieces: Pieces, found: Iterable[ConversationsAt], width: int) -> TimePlot:
    """Every piece has its place, also those in which nothing was."""
    known = {one.first_day: one for one in found}
    all_of_them = [known.get(day, ConversationsAt(day)) for day in pieces.first_days]
    step = (width - _LEFT - _RIGHT) / max(1, len(all_of_them))
    most_messages = round_above(max((one.messages for one in all_of_them), default=1))
    most_conversations = round_above(max((one.conversations for one in all_of_them), default=1))
    columns = [
        TimeColumn(
            pieces.name(one.first_day),
            one,
            x=f"{_LEFT + number * step + step * 0.15:.1f}",
            width=f"{step * 0.7:.1f}",
            messages=_bar(one.messages / most_messages, _MESSAGES_TOP, _MESSAGES_BOTTOM),
            conversations=_bar(one.conversations / most_conversations, _CONVERSATIONS_TOP, _CONVERSATIONS_BOTTOM),
        )
        for number, one in enumerate(all_of_them)
    ]
    return TimePlot(
        width,
        columns,
        times=_labels(pieces, width, step),
        messages=[Tick(_MESSAGES_BOTTOM, "0"), Tick(_MESSAGES_TOP, str(most_messages))],
        conversations=[Tick(_CONVERSATIONS_BOTTOM, "0"), Tick(_CONVERSATIONS_TOP, str(most_conversations))],
    )


def draw_agents(agents: Sequence[AgentInConversations], width: int) -> AgentPlot:
    """The most used of them; the table has all."""
    shown = agents[:MOST_AGENTS]
    most = max((one.answers for one in shown), default=1)
    letters = width // _LETTER_WIDTH - 14
    return AgentPlot(
        width,
        [
            AgentRow(
                one.name if len(one.name) <= letters else f"{one.name[: letters - 1]}…",
                one.name,
                one.answers,
                text_y=number * _ROW + 14,
                bar_y=number * _ROW + 21,
                bar_width=f"{max(2.0, width * one.answers / most):.1f}",
            )
            for number, one in enumerate(shown)
        ],
    )


def _bar(share: float, top: int, bottom: int) -> Bar:
    height = (bottom - top) * share
    return Bar(f"{bottom - height:.1f}", f"{height:.1f}")


def _labels(pieces: Pieces, width: int, step: float) -> list[Tick]:
    """The names of as many pieces as can be read beside each other."""
    every = max(1, round(_LABEL_WIDTH / step + 0.5))
    return [
        Tick(round(_LEFT + (number + 0.5) * step), pieces.label(day))
        for number, day in enumerate(pieces.first_days)
        if number % every == 0 and _LEFT + (number + 0.5) * step < width - _LABEL_WIDTH // 4
    ]
