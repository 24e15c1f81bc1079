"""A platform that fails in every way there is, by a seeded lot, and keeps books of its own about what it was asked."""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from tests.vendors.formats import AnthropicFormat, Format, format_of
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import Asked, VendorServer, _reset, _write

# What happens, and how often.
MIX = {
    "answer": 40,
    "slow_first_byte": 4,
    "slow_drip": 4,
    "duplicated_usage": 6,
    "missing_usage": 6,
    "empty": 2,
    "status": 12,
    "reset_at_once": 4,
    "reset_midway": 5,
    "truncated": 5,
    "malformed": 5,
    "web_page": 3,
    "silence": 1,
}
STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 529)
ANSWERS = frozenset({"answer", "slow_first_byte", "slow_drip", "duplicated_usage", "empty"})


@dataclass
class Books:
    """What was asked and what was reported back in full, as the platform would bill it."""

    calls: int = 0
    reported: int = 0
    input: int = 0
    output: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def report(self, usage: Usage) -> None:
        self.reported += 1
        self.input += usage.input
        self.output += usage.output


class FaultyServer(VendorServer):
    """Answers as the lot says; `silence` seconds is how long it says nothing when it says nothing."""

    def __init__(self, seed: int, mix: dict[str, int] | None = None) -> None:
        super().__init__()
        self.lot = random.Random(seed)
        self.mix = MIX if mix is None else mix
        self.books = Books()
        self._once = list(self.mix)  # each kind is sure to happen

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        kind = self._once.pop() if self._once else self.lot.choices(list(self.mix), list(self.mix.values()))[0]
        vendor = format_of(asked.path.partition("?")[0])
        self.books.calls += 1
        self.books.kinds[kind] += 1
        usage = Usage(self.lot.randint(100, 900), 64, 16, self.lot.randint(30, 90), 20)
        reply = Reply(text="" if kind == "empty" else "One two three four five six.", usage=usage)
        if kind in ANSWERS or kind == "missing_usage":
            await self._well(kind, vendor, reply, asked, writer)
        else:
            await self._badly(kind, vendor, reply, asked, writer)
        await writer.drain()

    async def _well(self, kind: str, vendor: Format, reply: Reply, asked: Asked, writer: asyncio.StreamWriter) -> None:
        # Anthropic's format cannot leave usage out.
        if kind == "missing_usage" and not isinstance(vendor, AnthropicFormat):
            reply = Reply(text=reply.text, usage=None)
        if reply.usage is not None:
            self.books.report(reply.usage)
        if kind == "slow_first_byte":
            await asyncio.sleep(0.05)
        if not vendor.wants_stream(asked.path, asked.body):
            _write(writer, 200, "application/json", json.dumps(vendor.whole(reply, asked.body)).encode())
            return
        _head(writer, vendor)
        for piece in vendor.pieces(reply, asked.body):
            for _ in range(2 if kind == "duplicated_usage" and _is_a_bill(piece) else 1):
                _chunk(writer, piece)
            if kind == "slow_drip":
                await writer.drain()
                await asyncio.sleep(0.005)
        writer.write(b"0\r\n\r\n")

    async def _badly(self, kind: str, vendor: Format, reply: Reply, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if kind == "silence":
            await asyncio.sleep(3600)
        elif kind == "status":
            status = self.lot.choice(STATUSES)
            self.books.kinds[f"status {status}"] += 1
            body = json.dumps(vendor.error(Reply(status=status, text="It is not to be."))).encode()
            _write(writer, status, "application/json", body)
        elif kind == "web_page":
            _write(writer, 200, "text/html", b"<html>Welcome to the hotel's network</html>")
        elif kind == "reset_at_once":
            _reset(writer)
        elif vendor.wants_stream(asked.path, asked.body):
            await self._half_a_stream(kind, vendor, reply, asked, writer)
        else:
            await self._half_a_body(kind, vendor, reply, asked, writer)

    async def _half_a_stream(
        self, kind: str, vendor: Format, reply: Reply, asked: Asked, writer: asyncio.StreamWriter
    ) -> None:
        pieces = list(vendor.pieces(reply, asked.body))
        _head(writer, vendor)
        for piece in pieces[: self.lot.randint(0, len(pieces) - 4)]:  # never as far as the end, or the bill
            _chunk(writer, piece)
        if kind == "malformed":
            _chunk(writer, "data: {this is no JSON\n\n" if "event" in vendor.stream_type else "{this is no JSON\n")
        await writer.drain()
        if kind == "reset_midway":
            await asyncio.sleep(0.02)  # so that what was written has been read
            _reset(writer)
        writer.write(b"0\r\n\r\n")

    async def _half_a_body(
        self, kind: str, vendor: Format, reply: Reply, asked: Asked, writer: asyncio.StreamWriter
    ) -> None:
        body = json.dumps(vendor.whole(reply, asked.body)).encode()
        half = body[: len(body) // 2]
        if kind == "malformed":
            _write(writer, 200, "application/json", half)
            return
        head = f"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + half)
        await writer.drain()
        if kind == "reset_midway":
            await asyncio.sleep(0.02)
            _reset(writer)
        raise ConnectionResetError  # closed in good order, in the middle


def _is_a_bill(piece: str) -> bool:
    return any(word in piece for word in ('"prompt_tokens"', '"message_delta"', "usageMetadata", '"eval_count"'))


def _head(writer: asyncio.StreamWriter, vendor: Format) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {vendor.stream_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode())


def _chunk(writer: asyncio.StreamWriter, piece: str) -> None:
    data = piece.encode()
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


def as_lines(books: Books) -> dict[str, Any]:
    """The books for a report."""
    return {"calls": books.calls, "reported": books.reported, "input": books.input, "output": books.output}
