"""manage.py rotate_encryption_keys: puts every stored secret under the newest encryption key."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.accounts.encryption import KeyMissing, encrypted_fields, rotate_field


class Command(BaseCommand):
    help = "Re-encrypts every secret in the database under the newest of OPIE_ENCRYPTION_KEYS. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        for model, name in encrypted_fields():
            label = f"{model._meta.label}.{name}"
            try:
                count = rotate_field(model, name)
            except KeyMissing as error:
                raise CommandError(f"{label}: {error.message}") from None
            self.stdout.write(f"{label}: {count} re-encrypted")
        self.stdout.write("Older keys can be taken out of OPIE_ENCRYPTION_KEYS now.")
