"""manage.py clear_conversations: delete conversations for good. What they cost stays in the books."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from apps.opie.agentos.conversation_export import conversations_of
from apps.opie.agentos.who import user_named
from apps.opie.models import AgentOSRun, AgentOSSession

AT_A_TIME = 200
LONGEST_AGO = 365 * 100


class Command(BaseCommand):
    help = "Deletes conversations with all that was said in them. Those in which an answer is being written are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=int, metavar="DAYS", help="in which nothing was said for so many days")
        parser.add_argument("--user", help="only of this person: an id or e-mail address")
        parser.add_argument("--archived", action="store_true", help="only archived ones")
        parser.add_argument("--all", action="store_true", help="everybody's, when nothing else narrows it")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        narrowed = options["older_than"] is not None or options["user"] or options["archived"] or options["all"]
        if not narrowed:
            raise CommandError("Say which: --older-than, --user, --archived; or --all for every conversation there is.")
        wanted = list(_wanted(options).values_list("pk", flat=True))
        if options["dry_run"]:
            self.stdout.write(f"{len(wanted)} conversations would be deleted.")
            return
        deleted = 0
        for start in range(0, len(wanted), AT_A_TIME):
            deleted += _delete(wanted[start : start + AT_A_TIME])
            self.stdout.write(f"{min(start + AT_A_TIME, len(wanted))} of {len(wanted)} conversations")
        kept = len(wanted) - deleted
        self.stdout.write(f"{deleted} deleted." + (f" {kept} kept: something is being said in them." if kept else ""))


def _wanted(options: dict[str, Any]) -> QuerySet[AgentOSSession]:
    days = options["older_than"]
    if days is not None and not 0 <= days <= LONGEST_AGO:
        raise CommandError(f"--older-than takes a number of days from 0 to {LONGEST_AGO}.")
    user_id = user_named(options["user"]).pk if options["user"] else None
    before = timezone.now() - timedelta(days=days) if days is not None else None
    sessions = conversations_of(user_id, before=before)
    return sessions.filter(is_archived=True) if options["archived"] else sessions


@transaction.atomic
def _delete(wanted: list[UUID]) -> int:
    """A question that is asked at this moment holds its session's lock: that one is kept."""
    live = AgentOSRun.objects.live().filter(session=OuterRef("pk"))
    free = AgentOSSession.objects.filter(pk__in=wanted).select_for_update(skip_locked=True, of=("self",))
    locked = [session.pk for session in free]
    idle = AgentOSSession.objects.filter(pk__in=locked).exclude(Exists(live))
    return idle.delete()[1].get(AgentOSSession._meta.label, 0)
