"""Text encrypted at rest: Fernet, under keys that live outside the database. docs/adr/0002-encryption-keys.md."""

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models, transaction
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast

from apps.accounts.key_material import derive_key
from apps.api.errors import Internal


class KeyMissing(Internal):
    """What is stored was encrypted under a key that is not configured any more."""

    code = "encryption_key_missing"
    message = "A stored secret cannot be read: its encryption key is gone. Put the key back, or enter the secret again."


def encrypt(text: str) -> str:
    """The text under the newest key, as printable text. An empty text stays empty."""
    return _fernet().encrypt(text.encode()).decode() if text else ""


def decrypt(stored: str) -> str:
    """What `encrypt` was given. Raises KeyMissing when none of the configured keys fits."""
    if not stored:
        return ""
    try:
        return _fernet().decrypt(stored.encode()).decode()
    except InvalidToken:
        raise KeyMissing from None


def rotate(stored: str) -> str:
    """The same secret under the newest key. Raises KeyMissing as `decrypt` does."""
    if not stored:
        return ""
    try:
        return _fernet().rotate(stored.encode()).decode()
    except InvalidToken:
        raise KeyMissing from None


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in _keys()])


def _keys() -> list[str | bytes]:
    if settings.OPIE_ENCRYPTION_KEYS:
        return list(settings.OPIE_ENCRYPTION_KEYS)
    if settings.OPIE_ENV == "production":
        raise ImproperlyConfigured("OPIE_ENCRYPTION_KEYS must name at least one Fernet key in production.")
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [base64.urlsafe_b64encode(derive_key(secret, "encryption")) for secret in known]


if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:  # Django's fields take types only for the checker
    _TextField = models.TextField


class EncryptedTextField(_TextField):
    """Text that the database sees only encrypted. It cannot be searched; showing it or not is the caller's care."""

    def get_prep_value(self, value: Any) -> Any:
        plain = super().get_prep_value(value)
        return plain if plain is None else encrypt(plain)

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:  # noqa: ARG002
        return value if value is None else decrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        # Each encryption of a text differs: a comparison would never find anything, in silence.
        return super().get_lookup(lookup_name) if lookup_name == "isnull" else None


def encrypted_fields() -> Iterator[tuple[type[models.Model], str]]:
    """Every encrypted field of every model in this installation, a host's own included."""
    from django.apps import apps

    for model in apps.get_models():
        for field in model._meta.local_concrete_fields:
            if isinstance(field, EncryptedTextField):
                yield model, field.name


def rotate_field(model: type[models.Model], name: str) -> int:
    """Puts every value of that field under the newest key and answers how many there were.

    Row by row, and only where the value is still the one that was read: a secret entered meanwhile is newer.
    """
    stored = model._base_manager.annotate(_stored=Cast(F(name), TextField()))
    rows = stored.exclude(_stored=None).exclude(_stored="").values_list("pk", "_stored")
    count = 0
    for pk, old in rows.iterator(chunk_size=500):
        with transaction.atomic():
            count += stored.filter(pk=pk, _stored=old).update(**{name: Value(rotate(old), output_field=TextField())})
    return count
