"""What is changed in one process is so in the other with the next request: nothing is served stale."""

from typing import Any

import httpx
import pytest

from apps.accounts.models import Membership, Role, User
from tests.opie.people import Person, make_key
from tests.opie.rest.web_process import web_processes


def client(url: str, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=url + "/api/v1/", headers=headers, trust_env=False, timeout=20)


def answer_to(here: httpx.Client) -> httpx.Response:
    return here.post("agentos/send-message/", json={"agent_id": "helper", "message": "What is 4 * 4?"})


@pytest.mark.parametrize("cache", ["database", "redis"])
def test_two_processes_agree(agents: Any, person: Person, member: Person, valkey_url: str, cache: str) -> None:
    key, key_headers = make_key(person, "run_agents", "view_agents")
    with (
        web_processes(2, REDIS_URL=valkey_url if cache == "redis" else "") as [first, second],
        client(first, person.headers) as here,
        client(second, person.headers) as there,
        client(second, key_headers) as machine,
        client(second, member.headers) as ben,
    ):
        # Everything is asked for once first, so that whatever would be remembered is remembered.
        for other in (there, machine, ben):
            assert "16" in answer_to(other).json()["content"]
            assert other.get("agentos/agents/").status_code == 200

        assert here.patch("agents/helper/", json={"tools": [], "name": "Bare"}).status_code == 200
        assert (answer_to(there).json()["tools"], there.get("agents/helper/").json()["name"]) == ([], "Bare")
        assert "Bare" in there.get("agentos/agents/").text

        assert here.patch("agents/helper/", json={"status": "withdrawn"}).status_code == 200
        assert answer_to(there).status_code == 404
        assert "helper" not in [row["agent_id"] for row in there.get("agentos/agents/").json()["results"]]
        assert here.patch("agents/helper/", json={"status": "published"}).status_code == 200
        assert answer_to(there).status_code == 200

        assert here.delete(f"api-keys/{key.pk}/").status_code == 204
        assert machine.get("agentos/sessions/").status_code == 401
        assert answer_to(machine).status_code == 401

        team = str(person.team.pk)
        assert here.patch(f"teams/{team}/members/{member.user.pk}/", json={"role": "viewer"}).status_code == 200
        assert answer_to(ben).status_code == 401  # the token was made for another role: sign in again
        assert Membership.objects.get(user=member.user).role == Role.VIEWER
        assert here.delete("agents/helper/").status_code == 204
        assert answer_to(there).status_code == 404

        user = User.objects.get(pk=person.user.pk)
        user.is_active = False
        user.save()
        assert (here.get("agentos/").status_code, there.get("agentos/").status_code) == (401, 401)
