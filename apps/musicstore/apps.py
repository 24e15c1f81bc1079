from django.apps import AppConfig


class MusicStoreConfig(AppConfig):
    name = "apps.musicstore"
    label = "musicstore"
    verbose_name = "Music store"
