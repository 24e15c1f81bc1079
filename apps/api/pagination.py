"""Lists, a page at a time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from rest_framework.pagination import PageNumberPagination
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
        name = self.page_size_query_param
        wanted = request.query_params.get(name) if name else None
        if name is None or wanted is None:
            return self.page_size
        if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted) <= LARGEST_PAGE:
            raise InvalidInput(fields={name: [f"Choose a number from 1 to {LARGEST_PAGE}."]})
        return int(wanted)

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: "APIView | None" = None
    ) -> list[Any] | None:
        wanted = request.query_params.get(self.page_query_param, "1")
        if wanted != "last" and not (wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 10**9):
            raise InvalidInput(fields={self.page_query_param: ["Choose a page number, from 1 on."]})
        return super().paginate_queryset(queryset, request, view)


class LimitPagination(PagePagination):
    """The same, with `limit` as the name of the page's size."""

    page_size_query_param = "limit"
