"""Profiles over REST and on the memory page: one's own, and a customer's only through a conversation that is verified."""

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from apps.musicstore.taste import TASTE
from apps.opie.models import AgentOSSession, MemoryProfile, SessionVerification
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of

OWN = f"agentos/memory-profiles/{TASTE}/"


def verified(person: Person, **fields: Any) -> str:
    session = AgentOSSession.objects.create(user=person.user, team=person.team)
    values = {"subject": "7", "method": "host", "expires_at": timezone.now() + timedelta(hours=1)} | fields
    SessionVerification.objects.create(session=session, kind="customer", verified_at=timezone.now(), **values)
    return f"conversations/{session.pk}/preferences/"


def test_ones_own_is_read_changed_and_forgotten(person: Person, member: Person) -> None:
    (listed,) = call("GET", "agentos/memory-profiles/", headers=person.headers).json()
    assert (listed["name"], listed["known"]["music_genres"]) == (TASTE, [])
    assert "music_genres" in listed["fields_schema"]["properties"]
    for genres in (["Jazz", "Pop"], ["Pop"]):
        changed = call("PATCH", OWN, {"music_genres": genres}, person.headers)
        assert changed.json()["known"]["music_genres"] == genres
    assert call("GET", OWN, headers=member.headers).json()["known"]["music_genres"] == []
    refused = call("PATCH", OWN, {"music_genres": "Jazz", "owner": "root"}, person.headers)
    assert (refused.status_code, list(error_of(refused)["fields"])) == (400, ["owner"])
    assert call("PATCH", OWN, ["Jazz"], person.headers).status_code == 400
    assert call("DELETE", OWN, headers=member.headers).status_code == 204
    assert MemoryProfile.objects.count() == 1
    assert call("DELETE", "agentos/memory-profiles/", headers=person.headers).status_code == 204
    assert not MemoryProfile.objects.exists()


def test_a_customers_is_reached_through_a_verified_conversation_alone(person: Person, member: Person) -> None:
    ours = verified(person)
    changed = call("PATCH", ours, {TASTE: {"favorite_artists": ["AC/DC"]}}, person.headers)
    assert changed.json()[TASTE]["favorite_artists"] == ["AC/DC"]
    assert call("GET", verified(person, subject="8"), headers=person.headers).json()[TASTE]["favorite_artists"] == []
    assert call("GET", OWN, headers=person.headers).json()["known"]["favorite_artists"] == []
    assert call("GET", ours, headers=member.headers).status_code == 404
    expired = call("GET", verified(person, expires_at=timezone.now()), headers=person.headers)
    assert (expired.status_code, error_of(expired)["code"]) == (403, "not_verified")
    for wrong in ({"other": {}}, {TASTE: []}, {TASTE: {"music_genres": 1}}, {TASTE: {"music_genres": ["a\0"]}}):
        assert call("PATCH", ours, wrong, person.headers).status_code == 400
    assert call("DELETE", ours, headers=person.headers).status_code == 204
    assert not MemoryProfile.objects.exists()


def test_the_memory_page_shows_changes_and_forgets_it(person: Person, agents: Any) -> None:
    agents["helper"].agent_id = "supervisor"
    agents["helper"].save()
    client = Client()
    client.force_login(person.user)
    page = client.get("/agentos/memory/").content.decode()
    assert "Taste in music" in page
    sent = {
        f"{TASTE}-music_genres": "Jazz\r\nOistrach, David & <b>\r\nJazz",
        f"{TASTE}-notification_settings__offers": "on",
    }
    assert client.post(f"/agentos/memory/profiles/{TASTE}/", sent).status_code == 302
    known = call("GET", OWN, headers=person.headers).json()["known"]
    assert (known["music_genres"], known["notification_settings"]) == (
        ["Jazz", "Oistrach, David & <b>"],
        {"orders": False, "new_releases": False, "offers": True},
    )
    assert "Jazz\nOistrach, David &amp; &lt;b&gt;</textarea>" in client.get("/agentos/memory/").content.decode()
    wrong = client.post(f"/agentos/memory/profiles/{TASTE}/", {f"{TASTE}-preferred_language": "x" * 41})
    assert (wrong.status_code, b'role="alert"' in wrong.content) == (422, True)
    assert client.post("/agentos/memory/profiles/other/", sent).status_code == 404
    assert client.post(f"/agentos/memory/profiles/{TASTE}/forget/").status_code == 302
    assert not MemoryProfile.objects.exists()
