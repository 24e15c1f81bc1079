"""Where the store's rows came from."""

from django.db import models


class StoreLoad(models.Model):
    """One run of init_db that ended well."""

    dataset = models.CharField(max_length=16)
    source = models.CharField(max_length=500)
    sha256 = models.CharField(max_length=64)
    loaded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.dataset} at {self.loaded_at:%Y-%m-%d %H:%M}"
