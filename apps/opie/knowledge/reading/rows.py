"""Rows of a table as lines that can be understood alone."""

from collections.abc import Sequence

_BETWEEN = " | "
# How far down a table its header may stand, below a title or empty rows.
_HEADER_WITHIN = 10


class Table:
    """Makes a line of each row; from the header on, with each value's name before it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._seen = 0

    def line(self, cells: Sequence[str]) -> str:
        """Nothing, for a row in which nothing is."""
        cells = [" ".join(cell.split()) for cell in cells]
        if not any(cells):
            return ""
        self._seen += 1
        if self._names:
            return _BETWEEN.join(self._named(at, cell) for at, cell in enumerate(cells) if cell)
        if self._seen <= _HEADER_WITHIN and _is_header(cells):
            self._names = cells
        return _BETWEEN.join(cell for cell in cells if cell)

    def _named(self, at: int, cell: str) -> str:
        name = self._names[at] if at < len(self._names) else ""
        return f"{name}: {cell}" if name else cell


def _is_header(cells: Sequence[str]) -> bool:
    """Two names at least, all different, and none a number."""
    names = [cell for cell in cells if cell]
    words = all(any(letter.isalpha() for letter in name) and len(name) <= 80 for name in names)
    return len(names) >= 2 and len(set(names)) == len(names) and words
