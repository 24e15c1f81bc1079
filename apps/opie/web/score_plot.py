"""A drawing of whether high scores of the dispatcher end well: where each line, point and word of it goes. Pure.

Two panels share the axis of scores: above, the share of answers that went well, with the range in which the true share
likely is; below, how many choices it is of. The template draws it, on the page in the theme's colours and as a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from apps.opie.metrics.dispatches import BANDS, Outcomes

WIDE, NARROW = 720, 340
_LEFT, _RIGHT = 44, 10
_SHARE_TOP, _SHARE_BOTTOM = 30, 170
_COUNT_TOP, _COUNT_BOTTOM = 222, 300
HEIGHT = 346
_FEWEST_BANDS = 4
_SURE = 1.96  # 95 %


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis, and where it is."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """One band of scores. `share_y` and the ends of its likely range are None until a run has ended."""

    band: str
    outcomes: Outcomes
    x: int
    bar_left: int
    bar_width: int
    bar_top: int
    share_y: int | None = None
    likely_top: int | None = None
    likely_bottom: int | None = None
    likely: tuple[float, float] | None = None

    @property
    def ended(self) -> int:
        return self.outcomes.completed_runs + self.outcomes.failed_runs

    @property
    def bar_height(self) -> int:
        return _COUNT_BOTTOM - self.bar_top

    @property
    def count_y(self) -> int:
        """Where the number above the bar stands."""
        return self.bar_top - 5


@dataclass(frozen=True, slots=True)
class ScorePlot:
    """The drawing for one width. Everything in it is a whole number, so that no language writes it otherwise."""

    width: int
    columns: list[Column]
    scores: list[Tick]
    shares: list[Tick]
    counts: list[Tick]
    height: int = HEIGHT
    left: int = _LEFT
    share_bottom: int = _SHARE_BOTTOM
    count_bottom: int = _COUNT_BOTTOM

    @property
    def right(self) -> int:
        return self.width - _RIGHT

    @property
    def middle(self) -> int:
        return (self.left + self.right) // 2

    @property
    def line(self) -> str:
        """The points of the line from share to share."""
        return " ".join(f"{one.x},{one.share_y}" for one in self.columns if one.share_y is not None)


def draw(by_score: Mapping[tuple[float, float], Outcomes], width: int = WIDE) -> ScorePlot:
    """The drawing of what came of choices, by the bands of their scores."""
    known = {round(low * BANDS): outcomes for (low, _), outcomes in by_score.items()}
    last = max(known, default=BANDS - 1)
    first = max(0, min(*known, last - _FEWEST_BANDS + 1) if known else last - _FEWEST_BANDS + 1)
    step = (width - _LEFT - _RIGHT) / (last - first + 1)
    most = round_above(max((one.choices for one in known.values()), default=1))
    return ScorePlot(
        width,
        [_column(band, outcomes, _LEFT + (band - first) * step, step, most) for band, outcomes in known.items()],
        scores=[Tick(round(_LEFT + n * step), f"{(first + n) / BANDS:.1f}") for n in range(last - first + 2)],
        shares=[Tick(_share_y(percent / 100), f"{percent} %") for percent in (0, 50, 100)],
        counts=[Tick(_COUNT_BOTTOM, "0"), Tick(_COUNT_TOP, str(most))],
    )


def likely_range(completed: int, ended: int) -> tuple[float, float]:
    """Between which shares the true one is, in 95 of 100 cases (Wilson's interval); three of three are not yet 100 %."""
    share = completed / ended
    middle = share + _SURE**2 / (2 * ended)
    half = _SURE * sqrt(share * (1 - share) / ended + _SURE**2 / (4 * ended**2))
    whole = 1 + _SURE**2 / ended
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _column(band: int, outcomes: Outcomes, left: float, step: float, most: int) -> Column:
    bar_top = round(_COUNT_BOTTOM - (_COUNT_BOTTOM - _COUNT_TOP) * outcomes.choices / most)
    column = {
        "band": f"{band / BANDS:.1f}–{(band + 1) / BANDS:.1f}",
        "outcomes": outcomes,
        "x": round(left + step / 2),
        "bar_left": round(left + step * 0.2),
        "bar_width": round(step * 0.6),
        "bar_top": bar_top,
    }
    ended = outcomes.completed_runs + outcomes.failed_runs
    if not ended:
        return Column(**column)  # type: ignore[arg-type]  # each value is of its field's type
    low, high = likely_range(outcomes.completed_runs, ended)
    return Column(
        **column,  # type: ignore[arg-type]
        share_y=_share_y(outcomes.completed_runs / ended),
        likely_top=_share_y(high),
        likely_bottom=_share_y(low),
        likely=(low, high),
    )


def _share_y(share: float) -> int:
    return round(_SHARE_BOTTOM - (_SHARE_BOTTOM - _SHARE_TOP) * share)


def round_above(count: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, …"""
    size = 1
    while True:
        for step in (1, 2, 5):
            if count <= step * size:
                return step * size
        size *= 10
