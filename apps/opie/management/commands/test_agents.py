"""manage.py test_agents: ask agents questions and look at what they answer. Ends with 1 when one fails."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.principal import Principal, principal_for
from apps.api.errors import OpieError
from apps.opie.agentos.service import AgentOSService
from apps.opie.agentos.who import staff_or_first_owner, user_named
from apps.opie.engine.outcome import RunResult
from apps.opie.models import Agent
from apps.opie.models.runs import RunStatus

EXPECTED = " => "
SHOWN = 300
# One word that is a path, or ends as files of text do.
_LIKE_A_FILE = re.compile(r"\S*(/\S*|\.(txt|md|csv))")


@dataclass(frozen=True, slots=True)
class Query:
    """A question, and what the answer has to contain, if that was said."""

    text: str
    expected: str = ""

    @classmethod
    def read(cls, line: str) -> "Query":
        text, _, expected = line.partition(EXPECTED)
        return cls(text.strip(), expected.strip())


class Command(BaseCommand):
    help = (
        "Asks each agent each query, each in a conversation of its own that is deleted again, and prints answer, time and "
        "cost. A query passes when the agent answers, and the "
        f"answer contains what stands after '{EXPECTED.strip()}' in the query, where something does."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--agent", action="append", help="an agent's id; repeat it for several, all unless given")
        parser.add_argument(
            "--queries",
            nargs="+",
            action="extend",
            required=True,
            help="the queries, or one file with a query in each line; may be repeated",
        )
        parser.add_argument("--user", help="ask as this person: an id or e-mail address; else somebody of the staff")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        principal = principal_for(user_named(options["user"]) if options["user"] else staff_or_first_owner())
        queries = _queries(options["queries"])
        agents = _agents(principal, options["agent"])
        asked = failed = 0
        for agent_id in agents:
            for query in queries:
                asked += 1
                self.stdout.write(f"[{asked}/{len(agents) * len(queries)}] {agent_id}: {query.text}")
                failed += not self._ask(AgentOSService(principal), agent_id, query)
        self.stdout.write(f"{asked - failed} passed, {failed} failed.")
        if failed:
            raise CommandError(f"{failed} of {asked} failed.", returncode=1)

    def _ask(self, service: AgentOSService, agent_id: str, query: Query) -> bool:
        started = time.perf_counter()
        try:
            result = _answer(service, agent_id, query.text)
        except OpieError as error:
            said, cost, why = "", "unknown", error.message
        else:
            said, cost = result.content, "unknown" if result.cost is None else f"{result.cost:f} {result.currency}"
            why = _why_not(result, query)
        seconds = time.perf_counter() - started
        if said:
            self.stdout.write(f"  {' '.join(said.split())[:SHOWN]}")
        self.stdout.write(f"  {'FAIL' if why else 'pass'}  {seconds:.2f} s  cost {cost}{f'  {why}' if why else ''}")
        return not why


def _answer(service: AgentOSService, agent_id: str, question: str) -> RunResult:
    """In a conversation that is nobody's: no agent remembers a test as said by the person, and it is deleted. What it cost
    stays in the books."""
    session = service.create_session(agent_id, speaks_for_others=True)
    try:
        return service.send_message(agent_id, question, session.pk, raise_failure=False)
    finally:
        session.delete()


def _why_not(result: RunResult, query: Query) -> str:
    if result.status != RunStatus.COMPLETED:
        return result.error["message"] if result.error else f"The run is {result.status}."
    if not result.content.strip():
        return "It answered nothing."
    if query.expected.casefold() not in result.content.casefold():
        return f"The answer does not contain “{query.expected}”."
    return ""


def _queries(given: list[str]) -> list[Query]:
    if len(given) == 1 and _LIKE_A_FILE.fullmatch(given[0]) and not Path(given[0]).is_file():
        raise CommandError(f"There is no file {given[0]}.")
    if len(given) == 1 and Path(given[0]).is_file():
        try:
            given = Path(given[0]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"{given[0]} cannot be read as text in UTF-8.") from None
    queries = [Query.read(line) for line in given if line.strip()]
    if not queries:
        raise CommandError("There is no query.")
    return queries


def _agents(principal: Principal, named: list[str] | None) -> list[str]:
    offered = list(Agent.objects.served_to(principal).order_by("agent_id").values_list("agent_id", flat=True))
    if missing := sorted(set(named or ()) - set(offered)):
        raise CommandError(f"Not there for this person: {', '.join(missing)}.")
    if not offered:
        raise CommandError("No agent is offered to this person. Run manage.py create_default_agents.")
    return named or offered
