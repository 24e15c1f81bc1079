from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from apps.accounts import checks, receivers, schema  # noqa: F401 - all register themselves
