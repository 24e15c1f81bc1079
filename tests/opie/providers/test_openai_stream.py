"""Server-sent events from bytes, and which pieces of an answer need no object of the SDK's."""

import random
from typing import Any

import pytest
from openai._streaming import SSEDecoder

from apps.opie.providers.adapters.openai_stream import EventData, plain_delta

STREAMS = [
    b'data: {"a": 1}\n\ndata: [DONE]\n\n',
    b'data: {"a": 1}\r\n\r\ndata: {"b": "\xc3\xa4\xe2\x82\xac"}\r\n\r\n',
    b"data: one\r\rdata: two\r\r",
    b": a comment\n\ndata: x\ndata: y\n\nevent: named\ndata:z\nid: 7\n\n",
    b"\n\n\ndata: after empty lines\n\n\n\ndata: last\n\n",
    b"data: whole\n\ndata: never ended",
    b"data\n\nretry: 5\n\ndata: \n\n",
]


def through_the_sdk(stream: bytes) -> list[str]:
    """What the SDK makes of it; it also reports events that have a name, an id or a pause, and no data."""
    return [event.data for event in SSEDecoder().iter_bytes(iter([stream])) if event.data]


@pytest.mark.parametrize("stream", STREAMS)
def test_events_are_those_that_the_sdk_reads_wherever_the_network_cuts(stream: bytes) -> None:
    chance = random.Random(7)
    wanted = through_the_sdk(stream)
    for _ in range(50):
        events, cuts = EventData(), sorted(chance.choices(range(len(stream) + 1), k=chance.randint(0, 12)))
        pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        # A CR at the very end may be half of a line's end; more always comes, if only the end of the connection.
        found = [data for piece in [*pieces, b":\n"] for data in events.feed(piece) if data]
        assert found == wanted, pieces


def chunk(delta: Any, reason: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": "c1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], "usage": None, **more}


def test_a_piece_of_text_is_plain() -> None:
    found = plain_delta(chunk({"role": "assistant", "content": "Hi", "refusal": None}, system_fingerprint="f"))
    assert found is not None
    delta, reason = found
    assert (delta.content, delta.provider_data, reason) == ("Hi", {"id": "c1", "system_fingerprint": "f"}, None)


def test_the_end_of_an_answer_is_plain() -> None:
    found = plain_delta(chunk({}, "stop"))
    assert found is not None
    assert (found[0].content, found[0].provider_data, found[1]) == (None, None, "stop")


@pytest.mark.parametrize(
    "unusual",
    [
        chunk({"tool_calls": [{"index": 0}]}),
        chunk({"reasoning_content": "Hm"}),
        chunk({"reasoning": "Hm"}),
        chunk({"refusal": "No."}),
        chunk({"content": "x", "audio": {"data": "…"}}),
        chunk({"content": ["x"]}),
        chunk({"content": "x"}, 7),
        chunk(None),
        chunk({"content": "x"}) | {"usage": {"prompt_tokens": 1}},
        {"choices": []},
        {"choices": [1]},
        {"choices": chunk({})["choices"] * 2},
        {},
        [],
        "text",
        None,
    ],
)
def test_anything_else_is_left_to_the_sdk(unusual: Any) -> None:
    assert plain_delta(unusual) is None
