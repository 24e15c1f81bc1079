"""Every address of the web process × a visitor of a widget, whom nobody knows: what is listed here, and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.tokens import issue_pair
from apps.opie.engine.saying import say
from apps.opie.engine.visiting import Begun, begin_visit
from apps.opie.models import SupportWidget
from apps.opie.models.messages import MessageRole
from tests.architecture.callers import make_callers, make_things
from tests.architecture.open_addresses import OPEN
from tests.architecture.page_addresses import PAGES
from tests.architecture.test_addresses import BODIES, REST, SWAGGER, address

_FRAME = "/widget/<uuid:widget_id>/conversations/"
_ONE = f"{_FRAME}<uuid:session_id>/"
_CONVERSATION = "/api/v1/conversations/<uuid:conversation_id>/"
# (with ids of their own, with those of the owner of the team). A 400 says: let in, and told what is wrong with an empty body.
LISTED: dict[tuple[str, str], tuple[int, int]] = {
    ("GET", "/api/v1/conversations/"): (200, 200),
    ("POST", "/api/v1/conversations/"): (201, 201),
    ("GET", "/api/v1/conversations/statistics/"): (200, 200),
    ("GET", _CONVERSATION): (200, 404),
    # Theirs to read alone.
    ("PATCH", _CONVERSATION): (403, 403),
    ("DELETE", _CONVERSATION): (403, 403),
    ("GET", f"{_CONVERSATION}messages/"): (200, 404),
    ("POST", f"{_CONVERSATION}continue_from_message/"): (400, 400),
    ("POST", "/api/v1/chat/"): (200, 404),
    ("POST", "/api/v1/chat/<uuid:thread_id>/resume/"): (400, 400),
    ("POST", _FRAME): (201, 404),
    ("GET", _ONE): (200, 404),
    ("POST", f"{_ONE}customer/"): (400, 400),
    ("POST", f"{_ONE}messages/"): (400, 400),
    ("POST", f"{_ONE}messages/<uuid:message_id>/react/"): (200, 404),
    ("DELETE", f"{_ONE}messages/<uuid:message_id>/react/"): (204, 404),
    ("POST", f"{_ONE}person/"): (200, 404),
    ("DELETE", f"{_ONE}person/"): (200, 404),
}
# Open to everybody, with a token or without: to the frame's own page, which `_ask` says it is.
OF_THE_FRAME: dict[tuple[str, str], int] = {
    ("POST", "/widget/<uuid:widget_id>/customer/"): 400,
    ("POST", "/widget/<uuid:widget_id>/visit/"): 201,
}
REACTED = {("POST", f"{_ONE}messages/<uuid:message_id>/react/"): {"reaction": "thumbs_up"}}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.OPIE_OFFLINE_PAUSE_MS = 0
    settings.AGENTOS_ENABLED = False


def _asking(token: str) -> Callable[[tuple[str, str], dict[str, str]], int]:
    def ask(row: tuple[str, str], things: dict[str, str]) -> int:
        method, route = row
        said = (BODIES | REACTED).get(row, {}).items()
        body = {name: things.get(value, value) if isinstance(value, str) else value for name, value in said}
        sent = b"" if method == "GET" else json.dumps(body).encode()
        headers = {"Authorization": token, "Origin": "http://testserver"}
        client = Client(raise_request_exception=False)
        path = address(route, things)
        return int(client.generic(method, path, sent, "application/json", headers=headers).status_code)

    return ask


def _visit(things: dict[str, str]) -> tuple[Begun, dict[str, str]]:
    """A visitor of the owner's widget, and the ids of what is theirs."""
    widget = SupportWidget.objects.get(pk=things["widget_id"])
    begun = begin_visit(widget)
    own = str(begun.session.pk)
    say(begun.session.pk, MessageRole.USER, "Hello?", {})
    answer = say(begun.session.pk, MessageRole.ASSISTANT, "Hello!", {})
    ids = {"session_id": own, "conversation_id": own, "thread_id": own, "message_id": str(answer.pk)}
    return begun, things | ids


def test_a_visitor_reaches_what_is_listed_and_there_what_is_theirs() -> None:
    owner, _ = make_callers()
    things, elsewhere = make_things(owner), make_things(owner)
    begun, own = _visit(things)
    ask = _asking(f"Visitor {begun.token}")
    foreign = elsewhere | {"agent_id": own["agent_id"]}
    got = {row: (ask(row, own), ask(row, foreign)) for row in LISTED}
    assert got == LISTED
    assert {row: ask(row, own) for row in OF_THE_FRAME} == OF_THE_FRAME


def test_a_visitor_is_nobody_at_every_other_address() -> None:
    owner, _ = make_callers()
    begun, own = _visit(make_things(owner))
    user = User.objects.get(pk=begun.principal.user_id)
    ask = _asking(f"Visitor {begun.token}")
    rest = [row for row in REST if row not in LISTED]
    assert {row: status for row in rest if (status := ask(row, own)) != 401} == {}
    assert {row: status for row in PAGES if (status := ask(row, own)) != 302} == {}
    nobody = {row: statuses[0] for row, statuses in OPEN.items() if row not in LISTED and row not in OF_THE_FRAME}
    assert {row: status for row in nobody if (status := ask(row, own)) not in (nobody[row], 401)} == {}
    assert ask(("GET", SWAGGER), own) == 401
    # Neither as a token of another kind, not even where visitors are let in.
    for token in (f"Bearer {begun.token}", f"Bearer {issue_pair(user).access}"):
        ask = _asking(token)
        assert {row: status for row in (*REST, *LISTED) if (status := ask(row, own)) != 401} == {}
