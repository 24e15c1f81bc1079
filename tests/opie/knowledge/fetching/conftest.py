"""Sites on the loopback. What names resolve to is made up, and so is the way to public addresses: it leads to the loopback."""

import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from apps.opie.providers.connecting import PublicNetwork
from tests.opie.knowledge.fetching.site import Site

PUBLIC = "93.184.215.14"
OTHER_PUBLIC = "93.184.215.15"
Naming = Callable[..., list[str]]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as one:
        yield one


@pytest.fixture
async def inside() -> AsyncIterator[Site]:
    """A server in the operator's network, which nobody is meant to reach."""
    async with Site() as one:
        yield one


@pytest.fixture
def opened(settings: Any) -> None:
    """The operator has opened the loopback."""
    settings.OPIE_FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def naming(monkeypatch: pytest.MonkeyPatch) -> Naming:
    """Makes a name resolve to these one after the other, the last again and again; each may be several addresses with
    commas between. Answers what was asked for. Names that are not made up are unknown: nothing asks a name server."""
    plain = socket.getaddrinfo
    known: dict[str, list[str]] = {}
    asked: list[str] = []

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        if host not in known:
            return plain(host, *rest, **more | {"flags": socket.AI_NUMERICHOST})
        asked.append(host)
        answers = known[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for one in answer.split(",") for entry in plain(one, *rest, **more)]

    def name(host: str, *answers: str) -> list[str]:
        known[host] = list(answers)
        return asked

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return name


@pytest.fixture
def way(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The way to the public addresses leads to this machine. Answers what was connected to."""
    gone_to: list[str] = []
    plain = PublicNetwork.__init__

    def with_a_way(network: PublicNetwork, *arguments: Any) -> None:
        plain(network, *arguments)
        inner = network._network.connect_tcp

        async def connect_tcp(host: str, *rest: Any) -> Any:
            gone_to.append(host)
            return await inner("127.0.0.1" if host in (PUBLIC, OTHER_PUBLIC) else host, *rest)

        network._network.connect_tcp = connect_tcp

    monkeypatch.setattr(PublicNetwork, "__init__", with_a_way)
    return gone_to
