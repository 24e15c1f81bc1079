"""The same agents against a mock that somebody else wrote: our own reading of the wire formats is not the only judge."""

from collections.abc import AsyncIterator, Iterator

import pytest

from apps.opie.models import AgentOSRun
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.clients import close_clients
from tests.opie.providers.asking import ENDPOINTS, agent_on, ask, metered, usage_rows
from tests.opie.providers.people import Scoped
from tests.vendors.aimock import AimockMissingError, aimock, skip_or_fail

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # aimock says FUNCTION_CALL where Google says STOP; the SDK warns about it and goes on.
    pytest.mark.filterwarnings("ignore:FUNCTION_CALL is not a valid FinishReason"),
]

ANSWER = "A fox trotted through the frosty field at dawn, and nobody saw it go."
FIXTURES = [
    {
        "match": {"userMessage": "fox"},
        "response": {"content": ANSWER, "usage": {"prompt_tokens": 31, "completion_tokens": 9, "total_tokens": 40}},
    },
    {
        "match": {"userMessage": "19 + 23", "hasToolResult": False},
        "response": {"toolCalls": [{"name": "add_numbers", "arguments": {"first": 19, "second": 23}}]},
    },
    {
        "match": {"userMessage": "19 + 23", "toolResultContains": "The sum is 42."},
        "response": {"content": "It is 42."},
    },
    {
        "match": {"userMessage": "too often"},
        "response": {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}, "status": 429},
    },
]
# What aimock 1.43 does not report: Ollama's counts are always 0.
COUNTED = dict.fromkeys(ENDPOINTS, (31, 9)) | {ApiType.OLLAMA: (0, 0)}


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as url:
            yield url
    except AimockMissingError as error:
        skip_or_fail(error)


@pytest.fixture(autouse=True)
async def no_client_left_open() -> AsyncIterator[None]:
    yield
    await close_clients()


@pytest.mark.parametrize("api_type", list(ENDPOINTS))
async def test_answers_streams_tools_and_refusals(
    api_type: str, mock_url: str, run: AgentOSRun, scoped: Scoped
) -> None:
    agent = agent_on(await metered(api_type, mock_url))
    with scoped():
        whole = await ask(agent, "Tell me about a fox", stream=False)
        streamed = await ask(agent, "Tell me about a fox", stream=True)
        added = await ask(agent, "What is 19 + 23?", stream=True)
        refused = await ask(agent, "You ask too often", stream=True)
    assert whole.text == streamed.text == ANSWER
    assert (added.text, added.tools) == ("It is 42.", [("add_numbers", "The sum is 42.")])
    assert "busy" in refused.error
    calls = await usage_rows(run)
    assert [(row.input_tokens, row.output_tokens) for row in calls[:2]] == [COUNTED[ApiType(api_type)]] * 2
    assert {row.certainty for row in calls[:2]} == {Certainty.REPORTED}
    succeeded, failed = CallOutcome.SUCCEEDED, CallOutcome.FAILED
    assert [row.outcome for row in calls] == [succeeded, succeeded, succeeded, succeeded, failed, failed]
