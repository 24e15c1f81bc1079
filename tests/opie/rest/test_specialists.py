"""Each specialist once over REST, whole and streamed, on a mock of its tier's own vendor and on the offline responder."""

import json
from typing import Any

import pytest
from django.test import AsyncClient
from jsonschema import Draft202012Validator

from apps.opie import rows
from apps.opie.engine.default_agents import bring_in, catalogue
from apps.opie.models import AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.providers.catalogue import TIERS
from apps.opie.providers.clients import close_clients
from apps.opie.providers.offline_shapes import example_of
from tests.opie.people import Person
from tests.opie.rest.caller import call
from tests.opie.rest.test_streams import frames_of
from tests.vendors.reply import Reply
from tests.vendors.server import VendorServer

SPECIALISTS = {default.agent_id: default for default in catalogue() if default.definition.get("tier")}
specialists = pytest.mark.parametrize("agent_id", SPECIALISTS)
BODY = {"input_data": {"task": "Do what you are here for."}}


@pytest.fixture
def offline(person: Person) -> AIPlatform:
    return AIPlatform.objects.create(
        platform_name="offline", api_type=ApiType.OFFLINE, default_model="offline-responder"
    )


def test_there_are_sixteen() -> None:
    assert len(SPECIALISTS) == 16


@specialists
def test_offline(person: Person, offline: AIPlatform, agent_id: str) -> None:
    default = SPECIALISTS[agent_id]
    bring_in(default)
    said = call("POST", f"agents/{agent_id}/execute/", BODY, person.headers).json()
    assert (said["success"], said["platform_used"], said["cost"]) == (True, "offline", "0")
    schema = default.definition["output_schema"]
    if schema:
        Draft202012Validator(schema).validate(said["output"])
    else:
        assert "offline responder" in said["output"]


@specialists
async def test_streamed_by_the_vendor_of_its_tier(person: Person, offline: AIPlatform, agent_id: str) -> None:
    default = SPECIALISTS[agent_id]
    named = TIERS[default.definition["tier"]]
    schema = default.definition["output_schema"]
    answer = json.dumps(example_of(schema, "said")) if schema else "As **asked**."
    async with VendorServer().will(Reply(text=answer)) as vendor:
        await rows.run(_set_up, default, named.api_type, vendor.url, named.model)
        response: Any = await AsyncClient().post(
            f"/api/v1/agents/{agent_id}/execute/", BODY | {"stream": True}, "application/json", headers=person.headers
        )
        frames = frames_of(b"".join([part async for part in response.streaming_content]).decode())
        await close_clients()
        (asked,) = vendor.asked
    assert asked.body["model"] == named.model
    most = default.definition["max_tokens"]
    assert most is None or most in (asked.body.get("max_tokens"), asked.body.get("max_completion_tokens"))
    assert {tool_name(tool) for tool in asked.body["tools"]} == set(default.definition["tools"])
    last = frames[-1]
    assert (last.event, last.data["content"]) == ("run.finished", answer)
    assert "output.invalid" not in {frame.event for frame in frames}


def tool_name(tool: dict[str, Any]) -> str:
    return str(tool.get("name") or tool["function"]["name"])


def _set_up(default: Any, api_type: str, url: str, model: str) -> None:
    bring_in(default)
    base_url = url + "/v1" if api_type == ApiType.OPENAI else url
    AIPlatform.objects.create(
        platform_name="vendor", api_type=api_type, base_url=base_url, api_key="sk-of-nobody", default_model=model,
        supports_json_mode=True, max_tokens=8192,
    )  # fmt: skip
