"""A call of a webhook that somebody can copy into a terminal to try it out."""

import json
import shlex

from apps.opie.engine.webhook_events import known_event_types
from apps.opie.models import Webhook

_LINES = """\
SECRET={secret}
BODY={body}
TIME=$(date +%s)
SIGNATURE=$(printf '%s.%s' "$TIME" "$BODY" | openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl -H "X-Opie-Signature: t=$TIME,v1=$SIGNATURE" -H 'Content-Type: application/json' --data-binary "$BODY" \\
  {address}"""


def example_call(webhook: Webhook, address: str, secret: str | None) -> str:
    """The lines for a shell: an event of its first type. Without the secret, which only its first page knows, a place for it."""
    kind = known_event_types().get(webhook.event_types[0])
    body = {"event_type": webhook.event_types[0], "event_id": "test-1", "data": kind.example if kind else {}}
    return _LINES.format(
        secret=shlex.quote(secret or "the secret of this webhook"),
        body=shlex.quote(json.dumps(body)),
        address=shlex.quote(address),
    )
