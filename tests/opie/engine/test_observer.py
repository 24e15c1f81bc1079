"""What the observer makes of Agno's events, whatever they are and in whatever order they come."""

from typing import Any

import pytest
from agno.models.message import Message
from agno.models.response import ToolExecution
from agno.run import agent as of_agent
from agno.run import team as of_team
from hypothesis import given
from hypothesis import strategies as st

from apps.opie.engine.observer import Observer
from apps.opie.engine.transcript import rows_of, rows_of_observation
from apps.opie.storable import clean_json, clean_text

RUN = "run-1"


class Clock:
    """Each look is a second later."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def events_of(kind: Any) -> dict[str, Any]:
    prefix = "Team" if kind is of_team else ""
    names = ("RunContent", "ReasoningContentDelta", "ToolCallStarted", "ToolCallCompleted", "ToolCallError", "RunError")
    if kind is of_agent:
        classes = {name: getattr(of_agent, f"{name}Event") for name in names}
        return classes | {"RunCancelled": of_agent.RunCancelledEvent}
    assert prefix
    classes = {name: getattr(of_team, f"{name}Event") for name in names}
    return classes | {"RunCancelled": of_team.RunCancelledEvent}


AGENT, TEAM = events_of(of_agent), events_of(of_team)


def observe(events: list[Any]) -> tuple[Observer, list[tuple[str, dict[str, Any]]]]:
    observer = Observer(RUN, Clock())
    return observer, [said for event in events for said in observer.observe(event)]


texts = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
tools = st.builds(
    ToolExecution,
    tool_call_id=st.sampled_from([None, "a", "b", "c"]),
    tool_name=st.sampled_from(["one", "two"]),
    tool_args=st.dictionaries(texts, texts | st.floats() | st.integers(), max_size=2),
    result=st.none() | texts,
    tool_call_error=st.booleans(),
)
classes = st.sampled_from([AGENT, TEAM])
runs = st.sampled_from([RUN, RUN, RUN, "somebody-else"])
events = st.one_of(
    st.builds(lambda c, r, t: c["RunContent"](run_id=r, content=t), classes, runs, st.none() | texts),
    st.builds(
        lambda c, r, t: c["RunContent"](run_id=r, content="", reasoning_content=t), classes, runs, st.none() | texts
    ),
    st.builds(lambda c, r, t: c["ReasoningContentDelta"](run_id=r, reasoning_content=t), classes, runs, texts),
    st.builds(lambda c, r, t: c["ToolCallStarted"](run_id=r, tool=t), classes, runs, tools),
    st.builds(lambda c, r, t: c["ToolCallCompleted"](run_id=r, tool=t), classes, runs, tools),
    st.builds(lambda c, r, t: c["ToolCallError"](run_id=r, tool=t, error="no"), classes, runs, tools),
)


@given(st.lists(events, max_size=30))
def test_what_was_told_adds_up_to_what_is_kept(happened: list[Any]) -> None:
    observer, told = observe(happened)
    seen = observer.seen
    assert "".join(data["text"] for kind, data in told if kind == "message.delta") == seen.text
    assert "".join(data["text"] for kind, data in told if kind == "reasoning.delta") == seen.reasoning
    finished = [data["tool_call_id"] for kind, data in told if kind == "tool.finished"]
    assert len(finished) == len(set(finished))
    assert clean_json([data for _, data in told]) == [data for _, data in told]
    # What is kept of a run that broke off says no more and no less than what was told.
    kept = rows_of_observation(seen)
    assert [row.tool_call_id for row in kept if row.role == "tool"] == [
        call.id for call in seen.tool_calls.values() if call.duration_ms is not None
    ]
    assert kept[-1].content == seen.text
    assert (seen.first_token is None) == (not any(kind != "tool.finished" for kind, _ in told))


@given(st.lists(events, max_size=20))
def test_what_others_say_in_the_same_stream_is_passed_over(happened: list[Any]) -> None:
    foreign = [event for event in happened if event.run_id != RUN]
    observer, told = observe(foreign)
    assert told == []
    assert observer.seen.tool_calls == {}


@pytest.mark.parametrize("kind", [AGENT, TEAM], ids=["agent", "team"])
def test_calls_without_an_id_find_their_results(kind: dict[str, Any]) -> None:
    def tool(name: str, result: str | None = None) -> ToolExecution:
        return ToolExecution(tool_name=name, tool_args={}, result=result)

    _, told = observe(
        [
            kind["ToolCallStarted"](run_id=RUN, tool=tool("one")),
            kind["ToolCallStarted"](run_id=RUN, tool=tool("two")),
            kind["ToolCallStarted"](run_id=RUN, tool=tool("one")),
            kind["ToolCallCompleted"](run_id=RUN, tool=tool("two", "B")),
            kind["ToolCallCompleted"](run_id=RUN, tool=tool("one", "A")),
            kind["ToolCallCompleted"](run_id=RUN, tool=tool("one", "C")),
        ]
    )
    started = [(data["tool_call_id"], data["name"]) for name, data in told if name == "tool.started"]
    finished = {data["tool_call_id"]: data["result"] for name, data in told if name == "tool.finished"}
    assert [name for _, name in started] == ["one", "two", "one"]
    assert [finished[call_id] for call_id, _ in started] == ["A", "B", "C"]


@pytest.mark.parametrize("kind", [AGENT, TEAM], ids=["agent", "team"])
def test_errors_and_cancelling_are_remembered_and_not_told(kind: dict[str, Any]) -> None:
    observer, told = observe([kind["RunError"](run_id=RUN, content="inside", error_type="KeyError")])
    assert told == []
    assert observer.seen.failure is not None
    assert (observer.seen.failure.code, observer.seen.failure.text) == ("KeyError", "inside")
    observer, told = observe([kind["RunCancelled"](run_id=RUN, reason="because")])
    assert (told, observer.seen.cancelled) == ([], True)


def test_a_tool_is_finished_once_and_timed() -> None:
    tool = ToolExecution(tool_call_id="a", tool_name="one", result="r")
    _, told = observe(
        [
            AGENT["ToolCallStarted"](run_id=RUN, tool=tool),
            AGENT["ToolCallError"](run_id=RUN, tool=tool, error="no"),
            AGENT["ToolCallCompleted"](run_id=RUN, tool=tool),
        ]
    )
    assert [kind for kind, _ in told] == ["tool.started", "tool.finished"]
    assert told[1][1]["failed"] is True
    assert told[1][1]["duration_ms"] > 0


def test_a_long_result_is_shown_cut_and_kept_whole() -> None:
    tool = ToolExecution(tool_call_id="a", tool_name="one", result="x" * 30_000)
    observer, told = observe([AGENT["ToolCallCompleted"](run_id=RUN, tool=tool)])
    assert len(told[0][1]["result"]) == 20_000
    assert len(observer.seen.tool_calls["a"].result) == 30_000


def test_an_output_that_is_an_object_becomes_its_json() -> None:
    _, told = observe([AGENT["RunContent"](run_id=RUN, content={"a": 1})])
    assert told == [("message.delta", {"text": '{"a": 1}'})]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts,
        lambda x: st.lists(x) | st.dictionaries(texts, x),
    )
)
def test_cleaning_is_done_once_and_for_all(value: Any) -> None:
    cleaned = clean_json(value)
    assert clean_json(cleaned) == cleaned
    assert "\\u0000" not in repr(cleaned)


@given(texts)
def test_text_that_can_be_kept_is_left_alone(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert cleaned == text.replace("\x00", "")


def test_arguments_that_are_no_object_are_kept_as_they_are() -> None:
    def call(arguments: Any) -> Any:
        message = Message(
            role="assistant", tool_calls=[{"id": None, "function": {"name": "f", "arguments": arguments}}]
        )
        return rows_of([message])[0].tool_calls[0]["arguments"]

    assert call('{"a": NaN}') == {"a": None}
    assert call("[1]") == {"unreadable": [1]}
    assert call("{oops") == {"unreadable": "{oops"}
    assert call("") == {}
    assert call(None) == {}
