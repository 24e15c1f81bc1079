"""A platform of our own over raw sockets: exact usage, and the faults that no polite server makes."""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from tests.vendors.embeddings import any_format_of
from tests.vendors.formats import Format
from tests.vendors.listing import is_list, list_of
from tests.vendors.reply import Reply

PIECES_BEFORE_A_FAULT = 3  # OpenAI's first says nothing but the role


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class VendorServer:
    """Speaks every vendor's format, told apart by path; answers with `replies` in order, the last one again and again."""

    replies: deque[Reply] = field(default_factory=lambda: deque([Reply()]))
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    pause: float = 0.0
    # Set by whoever heard the first words: until then the rest of a stream is held back.
    heard: asyncio.Event | None = None
    # Until it is set, whole answers are held back.
    released: asyncio.Event | None = None
    # What each vendor's list of models holds; None: there is no such address.
    models: list[str] | None = None

    def will(self, *replies: Reply) -> Self:
        self.replies = deque(replies)
        return self

    def hold_back(self) -> Callable[[], object]:
        """From now on a stream stops after its first words, until what this answers is called, from whichever thread."""
        self.heard = heard = asyncio.Event()
        return lambda: self._loop.call_soon_threadsafe(heard.set)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while (asked := await _read(reader)) is not None:
                self.asked.append(asked)
                await self._answer(asked, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client left, or the test is over
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if is_list(asked.path):
            self._list(asked, writer)
            await writer.drain()
            return
        reply = self.replies.popleft() if len(self.replies) > 1 else self.replies[0]
        vendor = any_format_of(asked.path.partition("?")[0])
        if reply.fault == "hang_first":
            await asyncio.sleep(3600)
        elif reply.fault == "not_json":
            _write(writer, 200, "text/html", b"<html>Welcome to the hotel's network</html>")
        elif reply.status != 200:
            body = json.dumps(vendor.error(reply)).encode()
            more = {"Location": reply.location, "Retry-After": reply.retry_after}
            _write(writer, reply.status, "application/json", body, more)
        elif vendor.wants_stream(asked.path, asked.body):
            await self._stream(vendor, reply, asked, writer)
        else:
            if reply.fault == "cut":
                _reset(writer)
            if self.released is not None:
                await self.released.wait()
            _write(writer, 200, "application/json", json.dumps(vendor.whole(reply, asked.body)).encode())
        await writer.drain()

    def _list(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if self.models is None:
            body = {"error": {"message": "Not found", "code": 404, "status": "NOT_FOUND"}}
            _write(writer, 404, "application/json", json.dumps(body).encode())
        else:
            _write(writer, 200, "application/json", json.dumps(list_of(asked.path, self.models)).encode())

    async def _stream(self, vendor: Format, reply: Reply, asked: Asked, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {vendor.stream_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode())
        pieces = list(vendor.pieces(reply, asked.body))
        if reply.fault == "end_early":
            pieces = pieces[: min(PIECES_BEFORE_A_FAULT if reply.text else 1, len(pieces) - 1)]
        for number, piece in enumerate(pieces, start=1):
            data = piece.encode()
            writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            await writer.drain()
            if reply.fault in ("cut", "hang") and number == PIECES_BEFORE_A_FAULT:
                await asyncio.sleep(0.05 if reply.fault == "cut" else 3600)
                _reset(writer)
            await self._after_piece(asked, number)
        writer.write(b"0\r\n\r\n")

    async def _after_piece(self, asked: Asked, number: int) -> None:
        if self.heard is not None and number == PIECES_BEFORE_A_FAULT:
            await self.heard.wait()
        await asyncio.sleep(self.pause)


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    start, *lines = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(start.split(" ")[1], headers, json.loads(body or b"{}"))


def _write(
    writer: asyncio.StreamWriter, status: int, content_type: str, body: bytes, more: dict[str, str] | None = None
) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (more or {}).items() if value]
    writer.write("\r\n".join([*lines, "\r\n"]).encode() + body)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Break the connection off the hard way, so that the other side sees a reset and not an end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    raise ConnectionResetError
