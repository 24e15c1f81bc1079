"""AgentOS behind its gate, on a real socket in a thread of this process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from apps.opie.agentos.config import agent_os_config
from apps.opie.agentos.server import OpieAgentOS, gated


@dataclass
class Serving:
    url: str
    agent_os: OpieAgentOS
    app: Any


@contextmanager
def serving(**more: Any) -> Iterator[Serving]:
    agent_os = agent_os_config.initialize_agent_os(None)
    app = gated(agent_os, **more)
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    ready = threading.Event()

    async def serve() -> None:
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        ready.set()
        if not server.should_exit:
            await server.main_loop()
            await server.shutdown()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="agentos", daemon=True)
    thread.start()
    assert ready.wait(20), "AgentOS does not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Serving(f"http://127.0.0.1:{port}", agent_os, app)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "AgentOS does not stop"


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error.pop("request_id") == answer.headers["x-request-id"]
    return error
