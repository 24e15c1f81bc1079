from django.apps import AppConfig


class MusicStoreConfig(AppConfig):
    name = "apps.musicstore"
    label = "musicstore"
    verbose_name = "Music store"

    def ready(self) -> None:
        from apps.musicstore.cards import register_cards
        from apps.musicstore.events import register_events
        from apps.musicstore.team import register_team

        register_team()
        register_events()
        register_cards()
