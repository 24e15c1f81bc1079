"""A web server of our own over raw sockets, so that it can also do what no polite server does."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

Writing = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Page:
    """One answer. What `then` writes comes behind the body."""

    body: bytes = b""
    kind: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    then: Writing | None = None


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def leads_to(location: str, status: int = 302) -> Page:
    return Page(status=status, headers={"Location": location})


class Site:
    """Serves `pages` by path on the loopback, 404 for others, and remembers who asked for what."""

    def __init__(self, host: str = "127.0.0.1", tls: Any = None) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[Asked] = []
        self.connections = self.open = self.most_open = 0
        self._host, self._tls = host, tls

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server = await asyncio.start_server(self._serve, self._host, 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = self.at("127.0.0.1")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def at(self, host: str) -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            asked = Asked(head[0].split(" ")[1], _headers(head[1:]))
            self.asked.append(asked)
            await self._answer(self.pages.get(asked.path, Page(b"nothing here", status=404)), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked had enough
        finally:
            self.open -= 1
            self._tasks.discard(task)
            writer.close()

    async def _answer(self, page: Page, writer: asyncio.StreamWriter) -> None:
        headers = {"Content-Type": page.kind, "Connection": "close"} | page.headers
        if page.then is None:
            headers.setdefault("Content-Length", str(len(page.body)))
        lines = [f"HTTP/1.1 {page.status} X", *(f"{name}: {value}" for name, value in headers.items() if value)]
        writer.write("\r\n".join([*lines, "", ""]).encode("utf-8") + page.body)
        await writer.drain()
        if page.then is not None:
            await page.then(writer)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.lower(): value.strip() for name, _, value in pairs}
