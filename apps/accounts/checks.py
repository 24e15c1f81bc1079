"""Django's checks of the keys an operator may set: a bad one is named at start, not at the first call."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

_SHORTEST = 32


@register("security")
def check_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Signing keys are long enough; encryption keys are Fernet keys."""
    problems: list[CheckMessage] = []
    if any(len(key.encode()) < _SHORTEST for key in settings.OPIE_JWT_KEYS):
        problems.append(Error(f"Each of OPIE_JWT_KEYS needs at least {_SHORTEST} characters.", id="accounts.E001"))
    if not all(_is_fernet_key(key) for key in settings.OPIE_ENCRYPTION_KEYS):
        hint = 'Make one: python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
        problems.append(Error("OPIE_ENCRYPTION_KEYS has one that is not a Fernet key.", hint=hint, id="accounts.E002"))
    return problems


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode())) == _SHORTEST
    except (binascii.Error, ValueError):
        return False
