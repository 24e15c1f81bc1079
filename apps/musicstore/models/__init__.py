"""The rows of the store: Chinook's tables, with its ids."""

from apps.musicstore.models.asked import AskedForCustomer
from apps.musicstore.models.catalogue import Album, Artist, Genre, MediaType, Playlist, Track, albums_by_title
from apps.musicstore.models.loads import StoreLoad
from apps.musicstore.models.sales import Customer, Employee, Invoice, InvoiceLine

__all__ = [
    "Album",
    "Artist",
    "AskedForCustomer",
    "Customer",
    "Employee",
    "Genre",
    "Invoice",
    "InvoiceLine",
    "MediaType",
    "Playlist",
    "StoreLoad",
    "Track",
    "albums_by_title",
]
