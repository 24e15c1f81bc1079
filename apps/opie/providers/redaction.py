"""Keeps platform keys out of logs: vendors and gateways sometimes repeat a key in the error that refuses it."""

import functools
import logging

# Shorter ones are no keys, and would blot out ordinary text.
SHORTEST_SECRET = 6
MASK = "[key]"

_secrets: set[str] = set()


def remember_secret(secret: str) -> None:
    """From here on this text is masked wherever `redact` looks."""
    if len(secret) >= SHORTEST_SECRET:
        _secrets.add(secret)


def redact(text: str) -> str:
    """The text without any key that this process uses."""
    for secret in tuple(_secrets):
        text = text.replace(secret, MASK)
    return text


class RedactingFilter(logging.Filter):
    """Masks keys in what Agno and the SDKs log about refused calls."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        redacted = redact(message)
        if redacted != message:
            record.msg, record.args = redacted, ()
        return True


@functools.cache
def guard_agno_logs() -> None:
    """Put the filter on Agno's loggers, which print the vendors' texts. Once per process."""
    redacting = RedactingFilter()
    for name in ("agno", "agno-team", "agno-workflow"):
        logging.getLogger(name).addFilter(redacting)
