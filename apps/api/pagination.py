"""Lists, a page at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import LimitOffsetPagination, PageNumberPagination
from rest_framework.request import Request

from apps.api.errors import InvalidInput

if TYPE_CHECKING:
    from rest_framework.views import APIView

LARGEST_PAGE = 200


class PagePagination(PageNumberPagination):
    """`?page=&page_size=` → `{"count", "next", "previous", "results"}`. A number that cannot be used is 400."""

    page_size = 25
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int | None:
        name = self.name_of_size(request)
        wanted = request.query_params.get(name) if name else None
        if name is None or wanted is None:
            return self.page_size
        if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= LARGEST_PAGE:
            raise InvalidInput(fields={name: [f"Choose a number from 1 to {LARGEST_PAGE}."]})
        return int(wanted)

    def name_of_size(self, request: Request) -> str | None:  # noqa: ARG002 - for subclasses
        """What the caller calls the page's size."""
        return self.page_size_query_param

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        wanted = request.query_params.get(self.page_query_param, "1")
        if wanted != "last" and not (wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 10**9):
            raise InvalidInput(fields={self.page_query_param: ["Choose a page number, from 1 on."]})
        return super().paginate_queryset(queryset, request, view)


class LimitPagination(PagePagination):
    """The same, with `limit` as another name of `page_size`."""

    def name_of_size(self, request: Request) -> str | None:
        return "limit" if "limit" in request.query_params else super().name_of_size(request)


class OffsetPagination(LimitOffsetPagination):
    """`?limit=&offset=`, in the same shape. A number that cannot be used is 400."""

    default_limit = 50
    max_limit = LARGEST_PAGE

    def get_limit(self, request: Request) -> int:
        return _number(request, "limit", 1, LARGEST_PAGE, self.default_limit)

    def get_offset(self, request: Request) -> int:
        return _number(request, "offset", 0, 10**9 - 1, 0)


def _number(request: Request, name: str, least: int, most: int, unless_sent: int) -> int:
    wanted = request.query_params.get(name, str(unless_sent))
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 9 or not least <= int(wanted) <= most:
        raise InvalidInput(fields={name: [f"Choose a number from {least} to {most}."]})
    return int(wanted)
