"""Rows go after each test that commits: deleted where there are any, which takes milliseconds.

Django's own way truncates every table whether or not it has rows, and writes content types and permissions anew: a fifth of
a second, thousands of times.
"""

from functools import cache

from django.db import connection

# Written once, when the database is made.
_KEPT = {"django_content_type", "auth_permission"}
# The worker's, which Django does not manage: a job that a test left would be found by the next.
_JOBS = ("procrastinate_events", "procrastinate_periodic_defers", "procrastinate_jobs", "procrastinate_workers")
# Searches would go through what was deleted, and graphs would stay as large.
_TRUNCATED = "opie_chunk"


def clear_rows() -> None:
    """Leave the tables of all models empty, but for the two that come with the database. Needs the right to set
    session_replication_role (tests/services.py grants it): foreign keys, and rows that are kept for ever, stand in the way.
    """
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in _tables()))
        filled = [name for (name,) in cursor.fetchall()]
        if not filled:
            return
        cursor.execute("SET session_replication_role = replica")
        try:
            for name in filled:
                cursor.execute(f"TRUNCATE {name}" if name.startswith(_TRUNCATED) else f"DELETE FROM {name}")
        finally:
            cursor.execute("RESET session_replication_role")


@cache
def _tables() -> tuple[str, ...]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    return (*sorted(set(names) - _KEPT), *_JOBS)
