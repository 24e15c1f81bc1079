from django.apps import AppConfig


class OpieConfig(AppConfig):
    name = "apps.opie"
    label = "opie"
    verbose_name = "Opie"

    def ready(self) -> None:
        from apps.opie import checks  # noqa: F401  (registers the system checks)
