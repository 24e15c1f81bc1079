"""Telling those who can do something about it: by mail, from the worker, once what led to it is committed."""

from uuid import UUID

from apps.opie import jobs

TASK, MAIL_JOB = "opie.tell_managers", "opie.mail"


def tell_person(address: str, *, subject: str, text: str) -> None:
    """Have one person told. The job is in the caller's transaction too."""
    jobs.defer(MAIL_JOB, address=address, subject=f"[Opie] {subject}", text=text)


def tell_managers(team_id: UUID | None, *, permission: str, subject: str, text: str) -> None:
    """Have everybody told who holds the permission in the team; for what is the installation's own, its superusers.

    The job is in the caller's transaction: what is rolled back is not told.
    """
    jobs.defer(TASK, team_id=str(team_id) if team_id else None, permission=permission, subject=subject, text=text)
