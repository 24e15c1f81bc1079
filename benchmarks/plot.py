"""The figures of an answer as a picture: plain SVG, so that no library is needed to draw a few bars."""

from html import escape
from pathlib import Path
from typing import Any

PANELS = (
    ("answers_per_second", "answers a second (more is better)"),
    ("first_p95_ms", "first token, p95, ms"),
    ("last_p95_ms", "last token, p95, ms"),
    ("cpu_ms_per_answer", "CPU of the server, ms an answer"),
)
COLOURS = ("#9aa5b1", "#d98e32", "#2f7d6d")
BAR, GAP, WIDTH, TOP, HEIGHT = 22, 26, 420, 46, 150


def draw(found: dict[str, Any], path: Path) -> None:
    """Write a picture of name → callers → figures: a panel for each figure, a group of bars for each load."""
    panels = [
        f'<g transform="translate({index % 2 * WIDTH},{index // 2 * (TOP + HEIGHT + 40) + 40})">'
        f"{_panel(found, figure, title)}</g>"
        for index, (figure, title) in enumerate(PANELS)
    ]
    size = f'width="{2 * WIDTH}" height="{2 * (TOP + HEIGHT + 40) + 40}"'
    legend = "".join(
        f'<rect x="{20 + 140 * index}" y="14" width="12" height="12" fill="{colour}"/>'
        f'<text x="{38 + 140 * index}" y="24">{escape(name)}</text>'
        for index, (name, colour) in enumerate(zip(found, COLOURS, strict=False))
    )
    start = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    background = '<rect width="100%" height="100%" fill="white"/>'
    path.write_text("\n".join([start, background, legend, *panels, "</svg>"]) + "\n")


def _panel(found: dict[str, Any], figure: str, title: str) -> str:
    loads = list(next(iter(found.values())))
    most = max((by_callers[load].get(figure, 0) for by_callers in found.values() for load in loads), default=0) or 1
    drawn = [f'<text x="20" y="24" font-weight="bold">{escape(title)}</text>']
    for group, load in enumerate(loads):
        left = 20 + group * (len(found) * BAR + GAP)
        for place, (by_callers, colour) in enumerate(zip(found.values(), COLOURS, strict=False)):
            value = by_callers[load].get(figure, 0)
            tall = round(value / most * HEIGHT, 1)
            x, y = left + place * BAR, TOP + HEIGHT - tall
            drawn.append(f'<rect x="{x}" y="{y}" width="{BAR - 3}" height="{tall}" fill="{colour}"/>')
            drawn.append(f'<text x="{x + 9}" y="{y - 3}" font-size="9" text-anchor="middle">{_short(value)}</text>')
        drawn.append(f'<text x="{left}" y="{TOP + HEIGHT + 16}">{load} caller{"" if load == "1" else "s"}</text>')
    return "".join(drawn)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
