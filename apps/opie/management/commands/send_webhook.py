"""Sign an event and send it to the web process on this machine: to try a webhook out."""

import http.client
import json
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.api.ids import uuid7
from apps.opie.agentos.webhook_signatures import HEADER, sign
from apps.opie.models import Webhook

TIMEOUT_SECONDS = 10


class Command(BaseCommand):
    help = "Signs an event with the webhook's secret and sends it to the web process on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="the webhook's")
        parser.add_argument("--event-type", required=True)
        parser.add_argument("--data", default="{}", help="a JSON object")
        parser.add_argument("--event-id", default="", help="made up unless given")
        parser.add_argument("--port", type=int, default=settings.WEB_PORT)

    def handle(self, *args: Any, name: str, port: int, **options: Any) -> None:  # noqa: ARG002
        webhook = Webhook.objects.filter(name=name).first()
        if webhook is None:
            raise CommandError(f"There is no webhook {name}. POST /api/v1/agentos/webhooks/ makes one.")
        event = {"event_type": options["event_type"], "event_id": options["event_id"] or str(uuid7())}
        body = json.dumps(event | {"data": _object(options["data"])}).encode()
        status, answer = _post(port, f"/api/v1/agentos/webhook/{name}/", webhook.secret, body)
        self.stdout.write(f"{event['event_id']}: {status} {answer}")
        if status != http.client.OK:
            raise CommandError("It was not taken.")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--data is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CommandError("--data has to be a JSON object.")
    return value


def _post(port: int, path: str, secret: str, body: bytes) -> tuple[int, str]:
    """To this machine alone: a signed event is nobody else's."""
    headers = {HEADER: sign(secret, int(time.time()), body), "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError as error:
        raise CommandError(f"Nothing answers on 127.0.0.1:{port}: {error.strerror or error}") from None
    finally:
        connection.close()
