"""Write a dataset into the store: all of it or nothing, and a second time without any change."""

from collections.abc import Sequence

from django.core.management.color import no_style
from django.db import IntegrityError, connection, models, transaction

from apps.musicstore.datasets import chinook, sample
from apps.musicstore.datasets.rows import TABLES, Dataset, Progress, SourceRefused, TableReport, written_fields
from apps.musicstore.models import Artist, Customer, Playlist, StoreLoad

BATCH = 1000
# Any number will do that nothing else in this database locks.
_LOCK = 7_303_014_201


def load(dataset: Dataset, progress: Progress | None = None) -> list[TableReport]:
    """What became of each table. Rows of the store that the dataset does not have stay.

    Raises SourceRefused, with nothing changed, when the store's own rows are in the way.
    """
    try:
        with transaction.atomic():
            _alone()
            _check_may_be_written(dataset)
            reports = [_write_table(model, dataset.rows[model], progress) for model in TABLES]
            reports.append(_write_playlists(dataset, progress))
            _continue_numbering()
            if any(report.created or report.updated for report in reports):
                StoreLoad.objects.create(dataset=dataset.name, source=dataset.source[:500], sha256=dataset.sha256)
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        raise SourceRefused(f"The rows clash with the store's rule {constraint}. Nothing was changed.") from None
    return reports


def holds_chinook() -> bool:
    """Whether the whole of Chinook was loaded here before."""
    return StoreLoad.objects.filter(dataset=chinook.NAME).exists()


def _alone() -> None:
    """One load at a time: the second waits, and then finds nothing to do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _check_may_be_written(dataset: Dataset) -> None:
    """Ids mean something only within one dataset: the sample must not be written over Chinook, nor either of them over rows
    that came from elsewhere."""
    if dataset.name == sample.NAME and holds_chinook():
        raise SourceRefused("The store holds Chinook: the sample would be written over it. Nothing was changed.")
    if not StoreLoad.objects.exists() and (Artist.objects.exists() or Customer.objects.exists()):
        raise SourceRefused(
            "The store has rows that init_db did not write, and their ids would clash. Nothing was changed."
        )


def _write_table(model: type[models.Model], rows: Sequence[models.Model], progress: Progress | None) -> TableReport:
    names = [field.attname for field in written_fields(model)]
    objects = model._default_manager
    there = {pk: tuple(values) for pk, *values in objects.values_list("pk", *names)}
    new, changed = [], []
    for row in rows:
        values = there.get(row.pk)
        if values is None:
            new.append(row)
        elif values != tuple(getattr(row, name) for name in names):
            changed.append(row)
    objects.bulk_create(new, batch_size=BATCH)
    fields = [field.name for field in written_fields(model)]
    objects.bulk_create(changed, batch_size=BATCH, update_conflicts=True, unique_fields=["id"], update_fields=fields)
    name = str(model._meta.verbose_name_plural)
    return _told(progress, TableReport(name, len(new), len(changed), len(rows) - len(new) - len(changed)))


def _write_playlists(dataset: Dataset, progress: Progress | None) -> TableReport:
    """What is on the dataset's playlists, and nothing else."""
    through = Playlist.tracks.through
    ids = [row.pk for row in dataset.rows[Playlist]]
    kept = through._default_manager.filter(playlist_id__in=ids)
    there = set(kept.values_list("playlist_id", "track_id"))
    new = [through(playlist_id=playlist, track_id=track) for playlist, track in sorted(dataset.playlists - there)]
    gone = there - dataset.playlists
    for playlist in {playlist for playlist, _ in gone}:
        kept.filter(playlist_id=playlist, track_id__in=[track for list_, track in gone if list_ == playlist]).delete()
    through._default_manager.bulk_create(new, batch_size=BATCH)
    return _told(progress, TableReport("playlist entries", len(new), len(gone), len(there & dataset.playlists)))


def _told(progress: Progress | None, report: TableReport) -> TableReport:
    if progress is not None:
        progress(report)
    return report


def _continue_numbering() -> None:
    """The next row that the store makes itself gets an id behind all of these."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(TABLES)):
            cursor.execute(statement)
