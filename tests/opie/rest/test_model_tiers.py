"""/api/v1/model-tiers/: which models each tier stands for, and who may say so."""

from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import AuditEntry
from apps.opie.models import AIPlatform, ModelTier, PlatformListing
from apps.opie.providers.catalogue import CHEAP, STRONG
from tests.opie.people import Person
from tests.opie.rest.caller import call, error_of


@pytest.fixture
def openai(person: Person) -> AIPlatform:
    return AIPlatform.objects.create(
        platform_name="openai", api_type="openai", api_key="sk-of-nobody", default_model=STRONG.model
    )


def put(who: Person, tier: str, *models: dict[str, str], **more: Any) -> Any:
    return call("PUT", f"model-tiers/{tier}/", {"models": list(models)} | more, who.headers)


def test_all_tiers_are_listed_with_what_they_stand_for(person: Person, openai: AIPlatform) -> None:
    found = call("GET", "model-tiers/", headers=person.headers).json()
    assert [row["tier"] for row in found["results"]] == ["analysis", "economy", "writing", "fallback"]
    assert found["count"] == 4
    assert found["results"][1] == {
        "tier": "economy", "source": "table",
        "models": [{"platform": "openai", "model": CHEAP.model, "not_offered_since": None}],
        "default": {"api_type": "openai", "model": CHEAP.model},
    }  # fmt: skip
    assert found["results"][2]["models"] == []


def test_a_team_changes_a_tier_and_goes_back(person: Person, member: Person, openai: AIPlatform) -> None:
    answer = put(person, "analysis", {"platform": "openai", "model": "ours"}, {"platform": "openai"})
    assert answer.status_code == 200, answer.content
    assert answer.json()["source"] == "team"
    assert [one["model"] for one in answer.json()["models"]] == ["ours", STRONG.model]
    assert call("GET", "model-tiers/analysis/", headers=member.headers).json() == answer.json()
    put(person, "analysis", {"platform": "openai", "model": "newer"})
    entry = AuditEntry.objects.filter(action="model_tier.changed").latest("id")
    assert entry.after == {"analysis": [{"platform": "openai", "model": "newer"}]}
    assert put(person, "analysis").json()["source"] == "table"
    assert not ModelTier.objects.exists()


def test_it_is_the_teams_alone(person: Person, stranger: Person, openai: AIPlatform) -> None:
    put(person, "analysis", {"platform": "openai", "model": "ours"})
    assert call("GET", "model-tiers/analysis/", headers=stranger.headers).json()["source"] == "table"


def test_the_installations_is_for_superusers(person: Person, stranger: Person, openai: AIPlatform) -> None:
    mine = {"platform": "openai", "model": "of-all"}
    assert put(person, "writing", mine, for_installation=True).status_code == 403
    person.user.is_superuser = True
    person.user.save()
    assert put(person, "writing", mine, for_installation=True).json()["source"] == "installation"
    assert call("GET", "model-tiers/writing/", headers=stranger.headers).json()["source"] == "installation"


def test_who_may_not_manage_platforms_only_reads(member: Person, openai: AIPlatform) -> None:
    assert put(member, "analysis", {"platform": "openai"}).status_code == 403
    assert call("GET", "model-tiers/analysis/", headers=member.headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "models"),
        ({"models": "openai"}, "models"),
        ({"models": [{"model": "m"}]}, "models"),
        ({"models": [{"platform": "nobodys"}]}, "models"),
        ({"models": [{"platform": "openai"}, {"platform": "openai", "model": ""}]}, "models"),
        ({"models": [{"platform": "openai", "model": f"m{n}"} for n in range(9)]}, "models"),
        ({"models": [], "for_installation": "perhaps"}, "for_installation"),
        ({"models": [], "more": 1}, "more"),
    ],
)
def test_what_cannot_be_used_names_its_field(person: Person, openai: AIPlatform, body: Any, field: str) -> None:
    answer = call("PUT", "model-tiers/analysis/", body, person.headers)
    assert answer.status_code == 400
    assert any(name.startswith(field) for name in error_of(answer)["fields"])
    assert not ModelTier.objects.exists()


@pytest.mark.parametrize("tier", ["best", "ANALYSIS", "%00"])
def test_a_tier_that_is_none(person: Person, tier: str) -> None:
    assert call("GET", f"model-tiers/{tier}/", headers=person.headers).status_code == 404
    assert put(person, tier).status_code == 404


def test_an_agent_says_its_tier(person: Person) -> None:
    body = {"agent_id": "tiered", "name": "Tiered", "tier": "economy"}
    assert call("POST", "agents/", body, person.headers).json()["tier"] == "economy"
    assert call("PATCH", "agents/tiered/", {"tier": ""}, person.headers).json()["tier"] == ""
    for wrong in ("fallback", "best", 3):
        assert "tier" in error_of(call("PATCH", "agents/tiered/", {"tier": wrong}, person.headers))["fields"]


def test_what_is_not_offered_any_more_is_shown(person: Person, openai: AIPlatform) -> None:
    now = timezone.now()
    PlatformListing.objects.create(platform=openai, models_listed=[STRONG.model], missing={}, listed_at=now)
    economy = call("GET", "model-tiers/economy/", headers=person.headers).json()["models"]
    assert economy == [{"platform": "openai", "model": CHEAP.model, "not_offered_since": now.isoformat()}]
    assert call("GET", "model-tiers/analysis/", headers=person.headers).json()["models"][0]["not_offered_since"] is None
    for shown in (
        call("GET", "platforms/", headers=person.headers).json()["results"][0],
        call("GET", f"platforms/{openai.pk}/", headers=person.headers).json(),
    ):
        assert shown["not_offered"] == {CHEAP.model: now.isoformat()}
