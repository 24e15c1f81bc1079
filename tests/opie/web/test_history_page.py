"""All chats of a person: found, taken away with what the page says, and brought in from a file."""

import asyncio
import json
import re
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.opie.models import Agent, AgentOSSession
from tests.opie.people import Person
from tests.opie.web.conftest import MakeChat, SignIn

Agents = dict[str, Agent]
HERE = "/agentos/history/"


def chats(text: str) -> list[str]:
    return re.findall(r"Choose “(.*?)”", text)


def as_the_form_sends(client: Client, text: str, *more: tuple[str, str]) -> dict[str, Any]:
    """The file that the page's form leads to, with what it carries along."""
    form = re.search(r'<form id="export".*?action="(.*?)"', text)
    assert form is not None
    hidden = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', text)
    query = [*hidden, ("format", "json"), *more]
    answer: Any = client.get(form[1], query_params=query)
    assert answer.status_code == 200

    async def whole() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    found: dict[str, Any] = json.loads(asyncio.run(whole()))
    return found


def test_what_is_shown_is_taken_away_and_brought_in_by_somebody_else(
    client: Client, person: Person, member: Person, sign_in: SignIn, agents: Agents, make_chat: MakeChat, settings: Any
) -> None:
    assert "You have no chats yet" in client.get(HERE).content.decode()
    made = {title: make_chat(person, agents["helper"], title=title) for title in ("<b>May", "June", "Old")}
    make_chat(person, agents["helper"], title="Empty", turns=0)
    AgentOSSession.objects.filter(title="Old").update(is_archived=True)
    text = client.get(HERE).content.decode()
    assert (sorted(chats(text)), "2 chats" in text) == (["&lt;b&gt;May", "June"], True)
    assert f"/agentos/session/{made['June'].pk}/" in text
    for asked, shown in (
        ("q=june", ["June"]), ("archived=1", ["Old"]), ("agent=helper", ["&lt;b&gt;May", "June"]), ("agent=x", []),
        ("from=2999-01-01", []), ("to=2999-01-01&q=question", ["&lt;b&gt;May", "June"]),
    ):  # fmt: skip
        page = client.get(f"{HERE}?{asked}").content.decode()
        assert sorted(chats(page)) == shown, asked
        if shown:
            taken = as_the_form_sends(client, page)["conversations"]
            assert len(taken) == len(shown), asked
    assert client.get(f"{HERE}?from=x").status_code == 400
    assert "No chat fits" in client.get(f"{HERE}?q=nothing").content.decode()
    chosen = as_the_form_sends(client, text, ("id", str(made["June"].pk)))
    assert [one["title"] for one in chosen["conversations"]] == ["June"]

    ben = sign_in(member)
    file = json.dumps(as_the_form_sends(client, text)).encode()

    def sent(body: bytes, status: int = 200) -> str:
        answer = ben.post(f"{HERE}import/", {"file": SimpleUploadedFile("chats.json", body)})
        assert answer.status_code == status
        return answer.content.decode()

    first = sent(file)
    assert ("2 chats came in" in first, "&lt;b&gt;May</a>" in first) == (True, True)
    assert "0 chats came in, 2 were there already" in sent(file)
    assert sorted(chats(ben.get(HERE).content.decode())) == ["&lt;b&gt;May", "June"]
    assert "This is no export of conversations" in sent(b"{}", 422)
    wrong = sent(file.replace(b'"role": "user"', b'"role": "<i>"', 1), 422)
    assert "conversations.0.messages.0.role: Input should be" in wrong
    assert "Choose a file" in ben.post(f"{HERE}import/").content.decode()
    settings.OPIE_CONVERSATIONS_LARGEST_FILE = 1000
    assert "too large: at most 0.001 MB" in sent(file, 422)
    assert AgentOSSession.objects.filter(user=member.user).count() == 2


def test_a_viewer_looks_and_brings_nothing_in(sign_in: SignIn, viewer: Person, agents: Agents) -> None:
    browser = sign_in(viewer)
    assert f"{HERE}import/" not in browser.get(HERE).content.decode()
    assert browser.post(f"{HERE}import/").status_code == 403
