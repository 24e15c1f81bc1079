"""What a tool of the store answers: a page of rows that fits into an answer, and how to get the next."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypedDict

from django.db.models import Count, QuerySet, Window

MOST_ROWS = 25
DEFAULT_ROWS = 20
# Behind it there is nothing in any store, and no number that the database would refuse.
_LAST_PAGE = 100_000

Row = dict[str, Any]


class Answer(TypedDict, total=False):
    """JSON for the model. `message` says in a sentence what there is to know beside the rows; `more` how to go on. `albums` are
    those that a title means, where the rows are what is on them."""

    total: int
    page: int
    page_size: int
    rows: list[Row]
    message: str
    more: str
    nearest: list[str]
    albums: list[Row]
    number_of_albums: int


def page_of(
    query: "QuerySet[Any, Any]", page: int, page_size: int, show: Callable[[Sequence[Row]], Iterable[Row]]
) -> Answer:
    """One page of the query's rows, as `show` has them, in one statement; two for a page behind the last."""
    page = min(max(1, page), _LAST_PAGE)
    page_size = min(max(1, page_size), MOST_ROWS)
    start = (page - 1) * page_size
    rows = list(query.annotate(of=Window(Count("*")))[start : start + page_size])
    total = int(rows[0]["of"]) if rows else query.count() if page > 1 else 0
    answer: Answer = {"total": total, "page": page, "page_size": page_size, "rows": list(show(rows))}
    if total and not rows:
        answer["more"] = f"There are no more than {-(-total // page_size)} pages."
    elif start + len(rows) < total:
        answer["more"] = f"{total - start - len(rows)} more: ask again with page={page + 1}."
    return answer


def nothing(message: str, nearest: Sequence[str] = ()) -> Answer:
    """No rows, and why."""
    answer: Answer = {"total": 0, "page": 1, "page_size": DEFAULT_ROWS, "rows": [], "message": message}
    if nearest:
        answer["nearest"] = list(nearest)
    return answer
