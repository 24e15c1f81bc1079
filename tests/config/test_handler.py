"""The web process's handler: what Django's promises, and a thread only for what needs one."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.core import signals
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from config.handler import Handler

asked: list[str] = []
left = asyncio.Event()


async def in_loop(request: HttpRequest) -> HttpResponse:
    asked.append(threading.current_thread().name)
    return HttpResponse(b"in the loop")


def in_thread(request: HttpRequest) -> HttpResponse:
    asked.append(threading.current_thread().name)
    return HttpResponse(b"in a thread")


async def never_ends(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"begun"
            await asyncio.Event().wait()
        finally:
            asked.append("left")

    return StreamingHttpResponse(pieces())


async def fails(request: HttpRequest) -> HttpResponse:
    raise LookupError


urlpatterns = [path("loop/", in_loop), path("thread/", in_thread), path("never/", never_ends), path("fails/", fails)]


@pytest.fixture(autouse=True)
def _views() -> Any:
    asked.clear()
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[], DEBUG_PROPAGATE_EXCEPTIONS=False):
        yield


class Caller:
    """One request, and what came back."""

    def __init__(self, url: str, *, body: bytes = b"") -> None:
        self.scope = {"type": "http", "method": "GET", "path": url, "query_string": b"", "headers": [], "root_path": ""}
        self._to_send = [{"type": "http.request", "body": body, "more_body": False}]
        self.sent: list[dict[str, Any]] = []
        self.got_something, self.leaves = asyncio.Event(), asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._to_send:
            return self._to_send.pop()
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)
        if message.get("body"):
            self.got_something.set()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def ask(self) -> None:
        await Handler()(self.scope, self.receive, self.send)


@pytest.fixture
def finished() -> Any:
    """The names of the threads in which requests were ended."""
    threads: list[str] = []

    def note(**_: Any) -> None:
        threads.append(threading.current_thread().name)

    signals.request_finished.connect(note)
    yield threads
    signals.request_finished.disconnect(note)


async def test_a_view_on_the_loop_takes_no_thread(finished: list[str]) -> None:
    caller = Caller("/loop/")
    before = len(SyncToAsync.context_to_thread_executor)
    await caller.ask()
    assert caller.body == b"in the loop"
    assert asked == finished == [threading.current_thread().name]
    assert len(SyncToAsync.context_to_thread_executor) == before


async def test_what_a_thread_was_made_for_is_ended_in_that_thread(finished: list[str]) -> None:
    caller = Caller("/thread/")
    await caller.ask()
    assert caller.body == b"in a thread"
    assert asked == finished != [threading.current_thread().name]


async def test_who_leaves_ends_the_stream_and_the_request(finished: list[str]) -> None:
    caller = Caller("/never/")
    asking = asyncio.create_task(caller.ask())
    await caller.got_something.wait()
    caller.leaves.set()
    await asking
    assert asked == ["left"]
    assert len(finished) == 1


async def test_an_error_nobody_foresaw_is_answered(finished: list[str]) -> None:
    caller = Caller("/fails/")
    await caller.ask()
    assert caller.sent[0]["status"] == 500
    assert len(finished) == 1
