"""What is on sale."""

from decimal import Decimal
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.musicstore.names import folded_column, squeezed, words_of

NOT_NEGATIVE = [MinValueValidator(Decimal(0))]


class Named(models.Model):
    """A row that people name in their own spelling. The database keeps the forms in which its name is looked for."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=200)
    folded = models.GeneratedField(
        expression=folded_column("name"), output_field=models.TextField(), db_persist=True, editable=False
    )
    words = models.GeneratedField(
        expression=words_of("name"), output_field=SearchVectorField(), db_persist=True, editable=False
    )

    class Meta:
        abstract = True
        indexes = [
            models.Index(squeezed(), name="%(app_label)s_%(class)s_squeezed"),
            GinIndex(fields=["words"], name="%(app_label)s_%(class)s_words"),
        ]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="%(app_label)s_%(class)s_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Artist(Named):
    class Meta(Named.Meta):
        ordering = ["name", "id"]


class Genre(Named):
    class Meta(Named.Meta):
        ordering = ["name", "id"]


class MediaType(models.Model):
    """How a track is encoded."""

    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="musicstore_mediatype_has_a_name")]

    def __str__(self) -> str:
        return self.name


class Album(models.Model):
    """It is looked for by its title as others by their names (`albums_by_title`)."""

    id = models.AutoField(primary_key=True)
    title = models.CharField(max_length=160)
    artist = models.ForeignKey(Artist, on_delete=models.PROTECT, related_name="albums", db_index=False)
    folded = models.GeneratedField(
        expression=folded_column("title"), output_field=models.TextField(), db_persist=True, editable=False
    )
    words = models.GeneratedField(
        expression=words_of("title"), output_field=SearchVectorField(), db_persist=True, editable=False
    )

    class Meta:
        ordering = ["title", "id"]
        indexes = [
            models.Index(fields=["artist", "title"], name="musicstore_album_by_artist"),
            models.Index(squeezed(), name="musicstore_album_squeezed"),
            GinIndex(fields=["words"], name="musicstore_album_words"),
        ]
        constraints = [models.CheckConstraint(condition=~Q(title=""), name="musicstore_album_has_a_title")]

    def __str__(self) -> str:
        return self.title


def albums_by_title() -> "models.QuerySet[Any, Any]":
    """Albums with their titles as `name`, as `finding` looks for rows, and the artist's name as `by`."""
    return Album.objects.annotate(name=F("title"), by=F("artist__name"))


class Track(Named):
    """A song, or a piece of speech or film: Chinook sells these too."""

    album = models.ForeignKey(Album, on_delete=models.PROTECT, related_name="tracks", null=True, blank=True)
    media_type = models.ForeignKey(MediaType, on_delete=models.PROTECT, related_name="tracks")
    genre = models.ForeignKey(
        Genre, on_delete=models.PROTECT, related_name="tracks", null=True, blank=True, db_index=False
    )
    composer = models.CharField(max_length=220, blank=True)
    milliseconds = models.PositiveIntegerField()
    bytes = models.PositiveIntegerField(null=True, blank=True)
    unit_price = models.DecimalField(max_digits=10, decimal_places=2, validators=NOT_NEGATIVE)

    class Meta(Named.Meta):
        ordering = ["name", "id"]
        indexes = [
            *Named.Meta.indexes,
            models.Index(fields=["genre", "name", "id"], name="musicstore_track_by_genre"),
        ]
        constraints = [
            *Named.Meta.constraints,
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="musicstore_track_price_not_negative"),
        ]


class Playlist(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=120)
    tracks = models.ManyToManyField(Track, related_name="playlists", blank=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="musicstore_playlist_has_a_name")]

    def __str__(self) -> str:
        return self.name
