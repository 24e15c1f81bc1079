"""Statements that are asked all the time: PostgreSQL keeps their plans, and their values travel beside them.

Django's own cursors write values into the text of a statement, which is a new statement to PostgreSQL each time:
planning what a turn asks took it longer than answering.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper


@contextmanager
def prepared_cursor() -> Iterator[CursorWrapper]:
    """A cursor of Django's connection for a statement of fixed text, which is prepared when a connection has been asked
    it a few times (`prepare_threshold` in the settings). A value whose type PostgreSQL cannot tell needs a cast."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = ServerBindingCursor(connection.connection)  # type: ignore[call-arg] # psycopg's own, to the stubs
    with connection._prepare_cursor(cursor) as wrapped:  # type: ignore[attr-defined] # errors and logs as of any other
        yield wrapped
