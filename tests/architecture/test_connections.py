"""Who may open connections. Whatever leads out of the process goes through a room that looks where it leads: a module
that connects by itself is a way around it. The database and Redis are not meant: only the operator says where they are."""

import ast
from collections.abc import Iterator

import pytest

from config.environment import ROOT

# Libraries that connect: plain ones, those that speak one protocol, and the SDKs of platforms.
CONNECTING = (
    "socket", "socketserver", "ssl", "http.client", "urllib.request", "xmlrpc", "smtplib", "ftplib", "imaplib", "poplib",
    "telnetlib", "nntplib", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "anyio", "h11",
    "websockets", "websocket", "pycurl", "paramiko", "asyncssh", "grpc", "dns", "boto3", "botocore", "openai", "anthropic",
    "google.genai", "google.cloud", "ollama", "cohere", "mistralai", "huggingface_hub", "mcp", "playwright", "selenium",
    "agno.client", "agno.cloud", "agno.remote", "agno.api",
)  # fmt: skip
# Agno has a module for each vendor in these, beside a few that hold nothing but shapes.
AGNO_VENDORS = ("models", "tools", "knowledge", "vectordb")
AGNO_SHAPES = {"base", "message", "response", "function", "decorator", "toolkit", "document", "search", "tool"}
# What asyncio and its loops connect with.
CALLS = {
    "open_connection", "open_unix_connection", "create_connection", "create_unix_connection",
    "create_datagram_endpoint", "sock_connect", "sock_sendto",
}  # fmt: skip
IMPORTERS = {"import_module", "__import__", "import_string"}

# Rooms that connect by trade.
ROOMS = {
    "apps/opie/providers/": "asks the platforms; those of a team on the public internet only (connecting.py)",
    "apps/opie/knowledge/fetching/": "reads web pages, from the public internet and what an operator has opened",
}
# Single modules, and what each may use.
MODULES = {
    ("apps/opie/agentos/health.py", "http.client"): "asks AgentOS on this machine whether it is there",
    ("apps/opie/management/commands/send_webhook.py", "http.client"): "sends an event to the web process on this machine",
    ("apps/musicstore/datasets/download.py", "httpx"): "init_db of an operator, who names the address",
    ("apps/musicstore/tools/lookups.py", "httpx"): "asks Spotify and Last.fm, at addresses that stand there",
}  # fmt: skip


def connecting_in(source: str) -> set[str]:
    """What a module connects with, by name."""
    return {name for node in ast.walk(ast.parse(source)) for name in _connecting(node)}


def _connecting(node: ast.AST) -> Iterator[str]:
    for imported in _imported(node):
        yield from (one for one in CONNECTING if f"{imported}.".startswith(f"{one}."))
        root, group, name, *_ = (*imported.split("."), "", "", "")
        # What begins with a capital is a class: Agno's own, which connects to nothing before it is given a vendor's.
        if root == "agno" and group in AGNO_VENDORS and name.islower() and name not in AGNO_SHAPES:
            yield f"agno.{group}.{name}"
    if isinstance(node, ast.Attribute) and node.attr in CALLS:
        yield node.attr
    if isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names if alias.name in CALLS)


def _imported(node: ast.AST) -> Iterator[str]:
    """The modules that a statement imports, wherever it stands: of `from a import b`, a and a.b."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPORTERS:
        yield from (str(one.value) for one in node.args if isinstance(one, ast.Constant))


def test_nobody_else_connects() -> None:
    found = set()
    for path in (ROOT / "apps").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(tuple(ROOMS)):
            found |= {(name, one) for one in connecting_in(path.read_text())}
    assert found == set(MODULES), (
        "Go through one of the rooms; what must connect by itself is named here, with a reason."
    )


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_that_may_connect_does(room: str) -> None:
    assert any(connecting_in(path.read_text()) for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import httpx", "httpx"),
        ("import httpx2 as h", "httpx2"),
        ("import os, socket", "socket"),
        ("import urllib.request", "urllib.request"),
        ("from urllib import request", "urllib.request"),
        ("from urllib.request import urlopen as parse", "urllib.request"),
        ("from http.client import HTTPConnection", "http.client"),
        ("def late():\n    from requests.adapters import HTTPAdapter", "requests"),
        ("try:\n    import aiohttp\nexcept ImportError:\n    pass", "aiohttp"),
        ("from google import genai", "google.genai"),
        ("import importlib\nimportlib.import_module('httpx')", "httpx"),
        ("__import__('socket')", "socket"),
        ("import asyncio\nasyncio.open_connection('x', 1)", "open_connection"),
        ("from asyncio import open_connection as parse", "open_connection"),
        ("async def f(loop):\n    await loop.create_connection(P, 'x', 1)", "create_connection"),
        ("from agno.models.openai import OpenAIChat", "agno.models.openai"),
        ("from agno.models import openai", "agno.models.openai"),
        ("from agno.tools.duckduckgo import DuckDuckGoTools", "agno.tools.duckduckgo"),
        ("from agno.knowledge.reader.website_reader import WebsiteReader", "agno.knowledge.reader"),
    ],
)
def test_what_counts_as_connecting(source: str, name: str) -> None:
    assert name in connecting_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import urllib.parse\nfrom urllib.parse import urlsplit",
        "from http import HTTPStatus",
        "from apps.opie.providers import requests",
        "from . import socket",
        "import requests_of_ours, socketry",
        "OPENAI = 'openai'\nname = 'httpx'",
        "from agno.models.message import Message\nfrom agno.tools.function import Function",
        "from agno.tools import Toolkit\nfrom agno.knowledge import Knowledge",
        "import asyncio\nasyncio.create_task(f())",
    ],
)
def test_what_does_not(source: str) -> None:
    assert connecting_in(source) == set()
