"""The store's rows, for staff."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from apps.musicstore.models import (
    Album,
    Artist,
    Customer,
    Employee,
    Genre,
    Invoice,
    InvoiceLine,
    MediaType,
    Playlist,
    StoreLoad,
    Track,
)

if TYPE_CHECKING:
    _Lines = admin.TabularInline[InvoiceLine, Invoice]
else:
    _Lines = admin.TabularInline


@admin.register(Artist, Genre)
class NamedAdmin(admin.ModelAdmin[Any]):
    list_display = ["name", "id"]
    search_fields = ["name", "folded"]


@admin.register(MediaType)
class MediaTypeAdmin(admin.ModelAdmin[MediaType]):
    list_display = ["name", "id"]
    search_fields = ["name"]


@admin.register(Album)
class AlbumAdmin(admin.ModelAdmin[Album]):
    list_display = ["title", "artist"]
    list_select_related = ["artist"]
    search_fields = ["title", "artist__folded"]
    autocomplete_fields = ["artist"]


@admin.register(Track)
class TrackAdmin(admin.ModelAdmin[Track]):
    list_display = ["name", "album", "genre", "unit_price"]
    list_filter = ["genre", "media_type"]
    list_select_related = ["album", "genre"]
    search_fields = ["name", "folded"]
    autocomplete_fields = ["album", "genre"]


@admin.register(Playlist)
class PlaylistAdmin(admin.ModelAdmin[Playlist]):
    list_display = ["name", "id"]
    search_fields = ["name"]
    # Thousands of tracks would make a very long box.
    autocomplete_fields = ["tracks"]


@admin.register(Employee)
class EmployeeAdmin(admin.ModelAdmin[Employee]):
    list_display = ["full_name", "title", "reports_to"]
    list_select_related = ["reports_to"]
    search_fields = ["first_name", "last_name", "email"]
    autocomplete_fields = ["reports_to"]


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    list_display = ["full_name", "email", "country", "support_rep"]
    list_filter = ["country"]
    list_select_related = ["support_rep"]
    search_fields = ["first_name", "last_name", "company", "email", "national_phone"]
    autocomplete_fields = ["support_rep"]


class LinesInline(_Lines):
    model = InvoiceLine
    extra = 0
    autocomplete_fields = ["track"]


@admin.register(Invoice)
class InvoiceAdmin(admin.ModelAdmin[Invoice]):
    list_display = ["id", "customer", "invoice_date", "total"]
    list_select_related = ["customer"]
    search_fields = ["=id", "customer__last_name", "customer__email"]
    date_hierarchy = "invoice_date"
    autocomplete_fields = ["customer"]
    inlines = [LinesInline]


@admin.register(StoreLoad)
class StoreLoadAdmin(admin.ModelAdmin[StoreLoad]):
    """What was loaded when: to look at."""

    list_display = ["dataset", "source", "loaded_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: StoreLoad | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: StoreLoad | None = None) -> bool:  # noqa: ARG002
        return False
