"""manage.py import_conversations: what export_conversations wrote as JSON, as one person's. Safe to repeat."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.principal import Principal, principal_for
from apps.api.errors import InvalidInput
from apps.opie.agentos.conversation_file import ConversationInFile, read_conversations
from apps.opie.agentos.conversation_import import BroughtIn, import_in_pieces
from apps.opie.agentos.who import user_named
from apps.opie.management.commands.export_conversations import team_named


class Command(BaseCommand):
    help = "Brings conversations in, with branches, reactions and times. One that is there already is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--file", required=True, help="what export_conversations --format=json wrote")
        parser.add_argument("--user", required=True, help="whose they become: an id or e-mail address")
        parser.add_argument("--team", help="in which of their teams: its slug; the default one unless given")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        principal = _principal(options["user"], options["team"])
        conversations = _read(options["file"])
        brought_in = BroughtIn([])
        for piece in import_in_pieces(principal, conversations):
            brought_in.conversations.extend(piece)
            self.stdout.write(f"{len(brought_in.conversations)} of {len(conversations)} conversations")
        self.stdout.write(f"{len(brought_in.new)} brought in, {brought_in.known} there already.")
        if missing := brought_in.missing_agents:
            self.stdout.write(f"Without their agents, which are not there for this person: {', '.join(missing)}.")


def _principal(user: str, team: str | None) -> Principal:
    person = user_named(user)
    principal = principal_for(person, team_named(team))
    if principal.team_id is None:
        raise CommandError(f"{person.email} is not in {f'the team {team}' if team else 'any team'}.")
    return principal


def _read(path: str) -> list[ConversationInFile]:
    try:
        return read_conversations(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandError(f"{path} is no text in UTF-8.") from None
    except InvalidInput as error:
        named = [f"{where}: {' '.join(why)}" for where, why in error.fields.items()]
        raise CommandError("\n".join([f"{path}: {error.message}", *named])) from None
