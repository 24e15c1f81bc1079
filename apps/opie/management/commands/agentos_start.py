"""Serve AgentOS beside Django."""

import os
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.opie.agentos.server import LET_READERS_GO_SECONDS, ONLY_USER
from apps.opie.agentos.who import user_named


class Command(BaseCommand):
    help = "Serves AgentOS (FastAPI) over the agents and sessions in the rows. Every call needs a token or an API key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.AGENTOS_DEFAULT_HOST, help="address to listen on")
        parser.add_argument("--port", type=int, default=settings.AGENTOS_DEFAULT_PORT, help="port to listen on")
        parser.add_argument("--user-id", help="serve this person only, with their agents (id or e-mail address)")
        parser.add_argument(
            "--reload", action="store_true", default=settings.AGENTOS_AUTO_RELOAD, help="restart when code changes"
        )

    def handle(self, *args: Any, host: str, port: int, user_id: str | None, reload: bool, **options: Any) -> None:  # noqa: ARG002
        if not settings.AGENTOS_ENABLED:
            raise CommandError("AgentOS is switched off: set AGENTOS_ENABLED=true to serve it.")
        os.environ.pop(ONLY_USER, None)
        if user_id:
            os.environ[ONLY_USER] = str(user_named(user_id).pk)
        self.stdout.write(f"AgentOS listens on http://{host}:{port}")
        self.stdout.flush()
        # Readers may stay for a moment; then the app lets the runs end that nobody reads any more.
        uvicorn.run(
            "apps.opie.agentos.asgi:application",
            factory=True,
            host=host,
            port=port,
            reload=reload,
            ws="none",
            log_config=None,
            server_header=False,
            access_log=settings.AGENTOS_DEBUG,
            timeout_graceful_shutdown=LET_READERS_GO_SECONDS,
        )
