"""Telling those who can do something about it: by mail, from the worker, once what led to it is committed."""

from uuid import UUID

from procrastinate.contrib.django import app

TASK = "opie.tell_managers"


def tell_managers(team_id: UUID | None, *, permission: str, subject: str, text: str) -> None:
    """Have everybody told who holds the permission in the team; for what is the installation's own, its superusers.

    The job is in the caller's transaction: what is rolled back is not told.
    """
    app.configure_task(TASK).defer(
        team_id=str(team_id) if team_id else None, permission=permission, subject=subject, text=text
    )
