"""Asking a mock platform through everything that is real: the vendor's SDK, Agno's agent loop, and the meter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agno.agent import Agent
from agno.run.agent import RunErrorEvent

from apps.opie import rows
from apps.opie.models import AgentOSRun, AgentOSUsage, AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.providers.metered import MeteredModel
from apps.opie.providers.snapshot import Candidate, PlatformSnapshot

KEY = "canary-4f9d2c7ab1"  # not in the shape of any vendor's keys: no pattern may be what hides it

# Where each vendor's SDK expects its API below the server's address, and a model that has a price where one can.
ENDPOINTS: dict[str, tuple[str, str]] = {
    ApiType.OPENAI: ("/v1", "gpt-6-sol"),
    ApiType.ANTHROPIC: ("", "claude-sonnet-5-5"),
    ApiType.GEMINI: ("", "gemini-3.8-flash"),
    ApiType.OLLAMA: ("", "llama3.2"),
    ApiType.LLAMACPP: ("/v1", "default"),
    ApiType.GPT4ALL: ("/v1", "Llama 3.2 3B Instruct"),
    ApiType.OPENAI_COMPATIBLE: ("/v1", "some-model"),
}


def add_platform(api_type: str, url: str, **fields: Any) -> AIPlatform:
    path, model = ENDPOINTS[api_type]
    defaults = {"platform_name": api_type.replace(".", ""), "api_key": KEY, "default_model": model, "timeout": 5}
    defaults |= {"supports_json_mode": True, "supports_vision": True}
    return AIPlatform.objects.create(api_type=api_type, base_url=url + path, **(defaults | fields))


async def metered(api_type: str, url: str, **fields: Any) -> MeteredModel:
    row = await rows.run(add_platform, api_type, url, **fields)
    platform = PlatformSnapshot.of(row)
    return MeteredModel((Candidate(platform, platform.default_model, max_tokens=512, temperature=0.3),))


def add_numbers(first: int, second: int) -> str:
    """Add two whole numbers.

    Args:
        first: One number.
        second: The other number.
    """
    return f"The sum is {first + second}."


def agent_on(model: MeteredModel) -> Agent:
    return Agent(model=model, tools=[add_numbers], telemetry=False)


@dataclass
class Heard:
    """What came out of an agent."""

    text: str = ""
    pieces: list[str] = field(default_factory=list)
    tools: list[tuple[str, Any]] = field(default_factory=list)
    error: str = ""


async def ask(agent: Agent, question: str, *, stream: bool, heard_something: Callable[[], None] | None = None) -> Heard:
    """One run of an agent, streamed or not. `heard_something` is called at each piece of a stream."""
    if stream:
        return await _listen(agent, question, heard_something or (lambda: None))
    output = await agent.arun(question)
    heard = Heard(
        text=str(output.content or ""), tools=[(tool.tool_name or "", tool.result) for tool in output.tools or []]
    )
    if output.status == "ERROR":
        heard.error = heard.text
    return heard


async def _listen(agent: Agent, question: str, heard_something: Callable[[], None]) -> Heard:
    heard = Heard()
    async for event in agent.arun(question, stream=True, stream_events=True):
        if event.event == "RunContent" and event.content:
            heard.pieces.append(str(event.content))
            heard_something()
        elif event.event == "ToolCallCompleted":
            heard.tools.append((event.tool.tool_name, event.tool.result))
        elif isinstance(event, RunErrorEvent):
            heard.error = str(event.content)
    heard.text = "".join(heard.pieces)
    return heard


async def usage_rows(run: AgentOSRun) -> list[AgentOSUsage]:
    """The calls of a run, first to last."""
    return await rows.run(lambda: list(AgentOSUsage.objects.filter(run=run).order_by("id")))
