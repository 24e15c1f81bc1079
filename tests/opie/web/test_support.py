"""The widget's script and frame as a browser gets them, and the pages on which a team sets widgets up and answers."""

from typing import Any
from uuid import uuid4

from django.test import Client

from apps.accounts.models import AuditEntry
from apps.accounts.principal import principal_for
from apps.opie.agentos.widget_rows import make_widget
from apps.opie.engine.reacting import react
from apps.opie.engine.saying import say
from apps.opie.engine.visiting import begin_visit
from apps.opie.models import Agent, AgentOSSession, SupportWidget
from apps.opie.models.messages import MessageRole
from tests.opie.people import Person, make_person
from tests.opie.web.conftest import SignIn

SHOP, OTHER = "https://shop.example", "http://localhost:8080"


def widget_of(person: Person) -> SupportWidget:
    wanted = {"name": "Shop", "agent_id": "helper", "greeting": "Hello <b>you</b>!", "allowed_origins": [SHOP, OTHER]}
    return make_widget(person.principal, wanted)


def asked_in(widget: SupportWidget, text: str) -> AgentOSSession:
    session = begin_visit(widget).session
    AgentOSSession.objects.filter(pk=session.pk).update(title=text)
    say(session.pk, MessageRole.USER, text, {})
    return session


def directives(response: Any) -> dict[str, str]:
    return dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))


def test_only_the_named_pages_show_the_frame(person: Person, agents: dict[str, Agent], client: Client) -> None:
    widget, nobody = widget_of(person), Client()
    path = f"/widget/{widget.pk}/"
    frame = nobody.get(path, {"origin": OTHER})
    assert directives(frame)["frame-ancestors"] == f"{SHOP} {OTHER}"
    assert "X-Frame-Options" not in frame
    assert not frame.cookies
    assert f'data-host="{OTHER}"' in frame.content.decode()
    assert "Hello &lt;b&gt;you&lt;/b&gt;!" in frame.content.decode()
    for stranger in ("https://evil.example", "https://shop.example.evil.example", "null", "", "javascript:alert(1)"):
        assert 'data-host=""' in nobody.get(path, {"origin": stranger}).content.decode(), stranger
    script = nobody.get(f"/widget/{widget.pk}.js")
    assert script["Content-Type"] == "text/javascript; charset=utf-8"
    assert len(script.content) < 4096
    assert not script.cookies
    # Every other page is for no frame at all.
    for page in ("/agentos/", "/agentos/support/", "/agentos/widgets/"):
        other = client.get(page)
        assert (other["X-Frame-Options"], directives(other)["frame-ancestors"]) == ("DENY", "'none'"), page
    SupportWidget.objects.update(is_active=False)
    for gone in (path, f"/widget/{widget.pk}.js", f"/widget/{uuid4()}/"):
        assert nobody.get(gone).status_code == 404, gone


def test_a_widget_is_set_up_and_its_secret_shown_once(person: Person, agents: dict[str, Agent], client: Client) -> None:
    body = {"name": "Shop", "agent_id": "helper", "allowed_origins": f"{SHOP}\n{OTHER}", "is_active": "on"}
    wrong = client.post("/agentos/widgets/new/", body | {"allowed_origins": "http://shop.example"})
    assert (wrong.status_code, "has to begin with https://" in wrong.content.decode()) == (422, True)
    page = client.post("/agentos/widgets/new/", body, follow=True)
    widget = SupportWidget.objects.get()
    assert widget.secret in page.content.decode()
    address = f"/agentos/widgets/{widget.pk}/"
    again = client.get(address).content.decode()
    assert widget.secret not in again
    assert f"/widget/{widget.pk}.js" in again
    renewed = client.post(f"{address}secret/", follow=True).content.decode()
    assert SupportWidget.objects.get().secret != widget.secret
    assert SupportWidget.objects.get().secret in renewed
    assert client.post(address, body | {"name": "Store", "is_active": ""}, follow=True).status_code == 200
    changed = SupportWidget.objects.get()
    assert (changed.name, changed.is_active, changed.allowed_origins) == ("Store", False, [SHOP, OTHER])
    assert "Store" in client.get("/agentos/widgets/").content.decode()
    session = asked_in(changed, "Where is my order?")
    begin_visit(changed)  # who said nothing is not counted
    assert "1 conversation was had through it." in client.get(address).content.decode()
    gone = client.post(f"{address}delete/", follow=True).content.decode()
    assert "Its 1 conversation can still be read under Support." in gone
    assert not SupportWidget.objects.exists()
    # The team reads on, under the name that the widget had, and has nobody to answer.
    for place in ("/agentos/support/", "/agentos/support/?state=closed", f"/agentos/support/{session.pk}/"):
        page = client.get(place).content.decode()
        assert [word in page for word in ("Where is my order?", "Store", "Widget deleted")] == [True] * 3, place
    assert "Take over" not in page
    assert "Where is my order?" not in client.get("/agentos/support/?state=agent").content.decode()
    refused = client.post(f"/agentos/support/{session.pk}/take-over/", follow=True).content.decode()
    assert "Its widget is deleted" in refused


def test_staff_sees_answers_and_hands_back(
    person: Person, member: Person, agents: dict[str, Agent], client: Client, sign_in: SignIn
) -> None:
    widget = widget_of(person)
    first, second = asked_in(widget, "Where is my order?"), asked_in(widget, "Do you have shoes?")
    AgentOSSession.objects.create(user=member.user, team=person.team, title="Private", message_count=1)
    page = client.get("/agentos/support/").content.decode()
    assert page.index("Do you have shoes?") < page.index("Where is my order?")
    assert "Private" not in page
    assert "Where is my order?" not in client.get("/agentos/support/?q=shoes").content.decode()
    address = f"/agentos/support/{first.pk}/"
    assert "Take over" in client.get(address).content.decode()
    client.get(address)
    assert AuditEntry.objects.filter(action="support.view", object_id=str(first.pk)).count() == 1

    assert "Hand back" in client.post(f"{address}take-over/", follow=True).content.decode()
    colleague = sign_in(make_person("cleo", person.team, "admin"))
    refused = colleague.post(f"{address}take-over/", follow=True).content.decode()
    assert "ann@example.com has this conversation." in refused
    assert "Your reply" not in refused
    assert "Write a message." in client.post(f"{address}reply/", {"message": " "}, follow=True).content.decode()
    said = client.post(f"{address}reply/", {"message": "On its <i>way</i>."}, follow=True).content.decode()
    assert "On its &lt;i&gt;way&lt;/i&gt;." in said
    assert 'data-seen="thumbs' not in said
    react(principal_for(first.user), first.messages.get(is_answer=True).pk, "thumbs_down", "<b>Late</b>")
    seen = client.get(address).content.decode()
    assert ('data-seen="thumbs_down"' in seen, "&lt;b&gt;Late&lt;/b&gt;" in seen) == (True, True)
    assert "Taken over by" in client.get("/agentos/support/?state=taken_over").content.decode()
    assert "Where is my order?" not in client.get("/agentos/support/?state=agent").content.decode()
    client.post(f"{address}hand-back/")
    first.refresh_from_db()
    assert (first.taken_over_by, first.taken_over_at, first.message_count) == (None, None, 2)
    assert client.get(f"/agentos/support/{second.pk}/").status_code == 200
