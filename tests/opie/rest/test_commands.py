"""The command library over REST."""

from typing import Any

import pytest

from apps.opie.models import (
    Agent,
    AgentOSRun,
    CommandExecution,
    CommandFavourite,
    CommandTemplate,
    CommandVersion,
)
from tests.opie.people import Person, make_key
from tests.opie.rest.caller import call, error_of

REVIEW: dict[str, Any] = {
    "slug": "review",
    "name": "Review code",
    "description": "Looks for faults.",
    "category": "engineering",
    "tags": ["code", "quality"],
    "template": "Review this:\n{{code}}\n{{#if strict}}\nBe strict.\n{{/if}}",
    "parameters": [
        {"name": "code", "type": "text", "required": True, "max_length": 40},
        {"name": "strict", "type": "boolean", "default": False},
    ],
    "required_capabilities": ["CODE_REVIEW"],
    "recommended_agent": "helper",
}


def make(person: Person, **changes: Any) -> dict[str, Any]:
    answer = call("POST", "commands/", REVIEW | changes, person.headers)
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def addresses(person: Person, query: str = "") -> list[str]:
    answer = call("GET", f"commands/{query}", headers=person.headers)
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"count", "next", "previous", "results"}
    return [row["address"] for row in answer.json()["results"]]


def test_a_command_is_made_read_changed_and_deleted(person: Person, agents: dict[str, Agent]) -> None:
    made = make(person)
    assert made | REVIEW == made
    assert (made["address"], made["version"], made["visibility"], made["may_manage"]) == (
        "my.review",
        1,
        "private",
        True,
    )
    read = call("GET", "commands/review/", headers=person.headers).json()
    assert [field["widget"] for field in read["form"]] == ["textarea", "checkbox"]
    changed = call("PATCH", "commands/my.review/", {"tags": ["Fast", "fast "], "visibility": "team"}, person.headers)
    assert (changed.json()["tags"], changed.json()["version"], changed.json()["address"]) == (
        ["fast"],
        2,
        "team.review",
    )
    assert call("DELETE", "commands/team.review/", headers=person.headers).status_code == 204
    assert call("GET", "commands/review/", headers=person.headers).status_code == 404


def test_a_slug_is_made_of_the_name(person: Person, agents: dict[str, Agent]) -> None:
    body = {name: value for name, value in REVIEW.items() if name != "slug"}
    assert (
        call("POST", "commands/", body | {"name": "Écrire un test"}, person.headers).json()["slug"] == "ecrire-un-test"
    )
    for name in ("Export", "!!!"):
        refused = call("POST", "commands/", body | {"name": name}, person.headers)
        assert (refused.status_code, list(error_of(refused)["fields"])) == (400, ["slug"])


def test_each_scope_has_names_of_its_own_and_the_widest_is_found_first(
    person: Person, member: Person, agents: dict[str, Agent]
) -> None:
    make(person, visibility="public", name="Everybody's")
    make(person, visibility="team", name="The team's")
    make(person, name="Ann's")
    make(member, name="Ben's", recommended_agent=None)
    named = {address: call("GET", f"commands/{address}/", headers=member.headers).json()["name"] for address in (
        "review", "team.review", "my.review"
    )}  # fmt: skip
    assert named == {"review": "Everybody's", "team.review": "The team's", "my.review": "Ben's"}
    assert sorted(addresses(person)) == ["my.review", "review", "team.review"]
    for visibility in ("public", "team", "private"):
        taken = call("POST", "commands/", REVIEW | {"visibility": visibility}, person.headers)
        assert (taken.status_code, error_of(taken)["code"]) == (409, "slug_taken")
    moved = call("PATCH", "commands/my.review/", {"visibility": "team"}, person.headers)
    assert error_of(moved)["code"] == "slug_taken"


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"template": "{{code}} {{#if strict}}"}, {"template"}),
        ({"template": "{{code}} {{other}}"}, {"template"}),
        (
            {"template": "{{#each code}}", "parameters": [{"name": "code", "type": "file"}]},
            {"template", "parameters.0.type"},
        ),
        ({"template": " "}, {"template"}),
        ({"template": "x" * 50_001}, {"template"}),
        ({"parameters": [{"name": "code", "type": "text", "regex": "x"}]}, {"parameters.0.regex"}),
        ({"parameters": [5]}, {"parameters.0"}),
        ({"parameters": "code"}, {"parameters"}),
        ({"slug": "no spaces"}, {"slug"}),
        ({"slug": "import"}, {"slug"}),
        ({"name": ""}, {"name"}),
        ({"required_capabilities": ["code review"]}, {"required_capabilities.0"}),
        ({"recommended_agent": "nobody"}, {"recommended_agent"}),
        ({"recommended_agent": "foreign"}, {"recommended_agent"}),
        ({"visibility": "mine"}, {"visibility"}),
        ({"version": 5}, {"version"}),
        ({"success_rate": 1}, {"success_rate"}),
        ({"estimated_cost": "-1"}, {"estimated_cost"}),
    ],
)
def test_what_cannot_be_used_is_refused_when_it_is_saved(
    person: Person, agents: dict[str, Agent], changes: dict[str, Any], fields: set[str]
) -> None:
    refused = call("POST", "commands/", REVIEW | changes, person.headers)
    assert refused.status_code == 400
    assert set(error_of(refused)["fields"]) == fields
    assert not CommandTemplate.objects.exists()


def test_problems_of_a_template_have_line_and_column(person: Person, agents: dict[str, Agent]) -> None:
    make(person)
    refused = call("PATCH", "commands/review/", {"template": "a\n  {{#if code}}\n{{nope}}"}, person.headers)
    assert error_of(refused)["fields"]["template"] == [
        "Line 2, column 3: {{#if code}} is never closed. Write {{/if}} where it ends."
    ]
    refused = call("PATCH", "commands/review/", {"parameters": []}, person.headers)
    assert error_of(refused)["fields"]["template"][0].startswith("Line 2, column 1: there is no parameter named code")
    assert CommandVersion.objects.count() == 1


def test_other_peoples_commands_answer_like_none_at_all(
    person: Person, member: Person, viewer: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    make(person, slug="own")
    make(person, slug="ours", visibility="team")
    make(person, slug="ours-draft", visibility="team", status="draft")
    make(person, slug="all", visibility="public")
    make(person, slug="all-draft", visibility="public", status="draft")
    assert sorted(addresses(person)) == ["all", "all-draft", "my.own", "team.ours", "team.ours-draft"]
    assert sorted(addresses(member)) == ["all", "all-draft", "team.ours", "team.ours-draft"]
    assert sorted(addresses(viewer)) == ["all", "team.ours"]
    assert addresses(stranger) == ["all"]
    for who, slugs in (
        (member, ["own", "my.own"]),
        (viewer, ["own", "ours-draft"]),
        (stranger, ["own", "ours", "team.ours", "all-draft"]),
    ):
        for slug in [*slugs, "none", "x.none", "my.", "."]:
            _answers_404_everywhere(who, slug)


def _answers_404_everywhere(who: Person, slug: str) -> None:
    for method, path, body in (
        ("GET", "", None), ("GET", "schema/", None), ("GET", "statistics/", None), ("GET", "versions/", None),
        ("POST", "preview/", {"parameters": {"code": "x"}}), ("PUT", "favourite/", {}), ("DELETE", "favourite/", None),
        ("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "versions/", {"version": 1}),
        ("POST", "execute/", {"parameters": {"code": "x"}}),
    ):  # fmt: skip
        answer = call(method, f"commands/{slug}/{path}", body, who.headers)
        changes = method == "PATCH" or (method, path) in (("DELETE", ""), ("POST", "versions/"), ("POST", "execute/"))
        if changes and not who.principal.may("manage_agents"):
            assert answer.status_code == 403
        else:
            assert (answer.status_code, error_of(answer)["code"]) == (404, "command_not_found"), (method, path)


def test_who_may_change_what(
    person: Person, member: Person, viewer: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    make(person, slug="ours", visibility="team")
    make(person, slug="all", visibility="public")
    CommandTemplate.objects.create(slug="installed", name="x", template="x", visibility="public")
    for who in (member, viewer):
        assert call("PATCH", "commands/ours/", {"name": "x"}, who.headers).status_code == 403
    for who in (member, viewer, stranger):
        assert call("DELETE", "commands/all/", headers=who.headers).status_code == 403
    assert call("PATCH", "commands/installed/", {"name": "x"}, person.headers).status_code == 403
    assert call("POST", "commands/", REVIEW, viewer.headers).status_code == 403
    make(member, slug="bens", visibility="team")
    assert call("PATCH", "commands/bens/", {"name": "x"}, member.headers).status_code == 200
    assert call("PATCH", "commands/bens/", {"name": "y"}, person.headers).status_code == 200
    assert set(error_of(call("PATCH", "commands/bens/", {"visibility": "public"}, member.headers))["fields"]) == {
        "visibility"
    }
    _, key = make_key(person, "view_agents")
    assert call("PATCH", "commands/ours/", {"name": "x"}, key).status_code == 403
    assert call("POST", "commands/ours/execute/", {}, key).status_code == 403


def test_search_filters_and_orders(person: Person, agents: dict[str, Agent]) -> None:
    make(person)
    make(person, slug="summarise", name="Summarise a meeting", description="Minutes from notes", tags=["notes"],
         category="writing", required_capabilities=["DOCUMENTATION"])  # fmt: skip
    make(person, slug="format", name="Format a table", description="", tags=["notes", "code"], category="writing",
         required_capabilities=[])  # fmt: skip
    assert addresses(person, "?search=reviewing") == ["my.review"]
    assert addresses(person, "?search=meet") == ["my.summarise"]
    assert addresses(person, "?search=the+meetings") == ["my.summarise"]
    assert addresses(person, "?search=table+for") == ["my.format"]
    assert addresses(person, "?search=for") == ["my.format", "my.review"]
    assert addresses(person, "?search=code") == ["my.review", "my.format"]
    assert addresses(person, "?search=CODE_REVIEW") == ["my.review"]
    assert addresses(person, "?search=nothing") == []
    for odd in ("%27", "a+%26+!b", ":*", "%5C", "%22x", "()", "%C3%A9%E6%96%87"):
        addresses(person, f"?search={odd}")
    assert addresses(person, "?category=writing&ordering=-name") == ["my.summarise", "my.format"]
    assert addresses(person, "?tag=notes&tag=code") == ["my.format"]
    assert addresses(person, "?capability=DOCUMENTATION") == ["my.summarise"]
    assert call("PUT", "commands/format/favourite/", {}, person.headers).status_code == 204
    assert call("PUT", "commands/format/favourite/", {}, person.headers).status_code == 204
    assert addresses(person, "?favourite=true") == ["my.format"]
    assert len(addresses(person, "?favourite=false")) == 2
    assert call("GET", "commands/format/", headers=person.headers).json()["is_favourite"] is True
    assert call("DELETE", "commands/format/favourite/", headers=person.headers).status_code == 204
    assert not CommandFavourite.objects.exists()
    for query, field in (("?ordering=colour", "ordering"), ("?favourite=maybe", "favourite"), ("?page=0", "page")):
        assert set(error_of(call("GET", f"commands/{query}", headers=person.headers))["fields"]) == {field}


def test_categories_recommendations_and_schema(person: Person, member: Person, agents: dict[str, Agent]) -> None:
    make(person)
    make(person, slug="minutes", name="Minutes of a meeting", category="writing", description="From notes.", tags=[],
         visibility="team")  # fmt: skip
    counted = call("GET", "commands/categories/", headers=person.headers).json()["results"]
    assert counted == [{"category": "engineering", "commands": 1}, {"category": "writing", "commands": 1}]
    answer = call("POST", "commands/recommend/", {"task": "Please review my Python code for bugs"}, person.headers)
    best = answer.json()["results"][0]
    assert (best["command"]["address"], set(best["words"])) == ("my.review", {"review", "code"})
    answer = call("POST", "commands/recommend/", {"task": "I need minutes, and to review code"}, member.headers)
    assert [one["command"]["address"] for one in answer.json()["results"]] == ["team.minutes"]
    nothing = call("POST", "commands/recommend/", {"task": "völlig zzz"}, person.headers)
    assert nothing.json() == {"results": []}
    schema = call("GET", "commands/review/schema/", headers=person.headers).json()
    assert (schema["required"], schema["properties"]["code"]["maxLength"]) == (["code"], 40)


def test_versions_are_kept_and_restored(person: Person, agents: dict[str, Agent]) -> None:
    make(person)
    call("PATCH", "commands/review/", {"template": "New: {{code}}", "visibility": "team"}, person.headers)
    kept = call("GET", "commands/review/versions/", headers=person.headers).json()
    assert [(row["version"], row["author"]) for row in kept["results"]] == [
        (2, "ann@example.com"),
        (1, "ann@example.com"),
    ]
    restored = call("POST", "commands/review/versions/", {"version": 1}, person.headers).json()
    assert (restored["version"], restored["template"], restored["visibility"]) == (3, REVIEW["template"], "team")
    missing = call("POST", "commands/review/versions/", {"version": 9}, person.headers)
    assert error_of(missing)["code"] == "version_not_found"
    Agent.objects.filter(agent_id="helper").delete()
    assert call("POST", "commands/review/versions/", {"version": 1}, person.headers).json()["recommended_agent"] is None


def test_preview_says_all_that_is_wrong(person: Person, agents: dict[str, Agent]) -> None:
    make(person)
    shown = call(
        "POST", "commands/review/preview/", {"parameters": {"code": "{{strict}}", "strict": True}}, person.headers
    )
    assert shown.json() == {"prompt": "Review this:\n{{strict}}\nBe strict."}
    bad = {"code": "x" * 41, "strict": "yes", "other": 1}
    refused = call("POST", "commands/review/preview/", {"parameters": bad}, person.headers)
    assert set(error_of(refused)["fields"]) == {"parameters.code", "parameters.strict", "parameters.other"}
    for parameters in ([], None, "x"):
        refused = call("POST", "commands/review/preview/", {"parameters": parameters}, person.headers)
        assert set(error_of(refused)["fields"]) == {"parameters"}


def test_import_is_all_or_nothing_and_says_what_it_did(
    person: Person, stranger: Person, agents: dict[str, Agent]
) -> None:
    make(person)
    make(person, slug="second", visibility="team")
    exported = call("GET", "commands/export/", headers=person.headers)
    assert "commands.json" in exported["Content-Disposition"]
    file = exported.json()
    assert (file["format"], len(file["commands"])) == ("opie-commands", 2)
    bring = lambda body, who=stranger: call("POST", "commands/import/", body, who.headers)  # noqa: E731
    dry = bring(file | {"dry_run": True}).json()
    assert (sorted(dry["created"]), dry["dry_run"]) == (["my.review", "team.second"], True)
    assert addresses(stranger) == []
    done = bring(file).json()
    assert sorted(done["without_agent"]) == ["my.review", "team.second"]
    assert sorted(addresses(stranger)) == ["my.review", "team.second"]
    assert bring(file, person).json()["skipped"] == [
        {"address": "my.review", "reason": "unchanged"},
        {"address": "team.second", "reason": "unchanged"},
    ]
    file["commands"][0]["name"] = "Renamed"
    assert {"address": "my.review", "reason": "exists"} in bring(file, person).json()["skipped"]
    assert bring(file | {"overwrite": True}, person).json()["updated"] == ["my.review"]
    file["commands"][0] |= {"slug": "third"}
    file["commands"][1] |= {"template": "{{nope}}"}
    refused = bring(file)
    assert set(error_of(refused)["fields"]) == {"commands.1.template"}
    assert "my.third" not in addresses(stranger)
    assert set(error_of(bring({"commands": [{"slug": "a b"}, 5]}))["fields"]) >= {"commands.0.slug", "commands.0.name"}
    twice = bring({"commands": [file["commands"][0]] * 2})
    assert set(error_of(twice)["fields"]) == {"commands.1.slug"}


def test_statistics_follow_runs(person: Person, member: Person, stranger: Person, agents: dict[str, Agent]) -> None:
    make(person, visibility="public")
    for who in (person, member):
        assert call("POST", "commands/review/execute/", {"parameters": {"code": "x"}}, who.headers).status_code == 200
    assert (
        call(
            "POST", "commands/review/execute/", {"parameters": {"code": "x"}, "agent_id": "broken"}, person.headers
        ).status_code
        == 502
    )
    of_one = call("GET", "commands/review/statistics/", headers=person.headers).json()
    assert of_one["executions"] == {"total": 3, "completed": 2, "failed": 1, "interrupted": 0, "cancelled": 0}
    assert of_one["figures"]["total_successes"] == 2
    assert of_one["figures"]["success_rate"] == pytest.approx(2 / 3, abs=0.001)
    assert of_one["versions"] == [{"version": 1, "total": 3, "completed": 2}]
    assert call("GET", "commands/review/statistics/", headers=member.headers).json()["executions"]["total"] == 1
    assert call("GET", "commands/review/statistics/", headers=stranger.headers).json()["executions"]["total"] == 0
    all_in_all = call("GET", "commands/statistics/", headers=person.headers).json()
    assert (all_in_all["commands"], all_in_all["most_used"][0]["address"]) == (1, "review")
    assert addresses(person, "?ordering=-uses") == ["review"]
    assert CommandExecution.objects.count() == AgentOSRun.objects.count() == 3
