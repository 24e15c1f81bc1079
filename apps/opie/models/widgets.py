"""Widgets: an agent of a team on pages elsewhere, and the visitors that came through each."""

import secrets
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models

from apps.accounts.encryption import EncryptedTextField
from apps.accounts.models import Team
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.ids import uuid7
from apps.opie.models.agents import Agent

MOST_ORIGINS = 20
LONGEST_ORIGIN = 200
LONGEST_GREETING = 500


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def checked_origin(text: str) -> str:
    """An origin as browsers send it. Raises ValidationError: a page that shows the widget is named exactly, and its
    visitors' connection is private (https), except on one's own machine."""
    try:
        parts = urlsplit(text.strip().lower().rstrip("/"))
        port = parts.port
    except ValueError:
        raise ValidationError(f"{text} cannot be read as an origin.") from None
    host = parts.hostname or ""
    if not host or not set(host) <= _OF_HOSTS or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValidationError(f"{text} is no origin: write scheme, host and port alone, as in https://shop.example.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValidationError(f"{text} has to begin with https://.")
    shown = f"[{host}]" if ":" in host else host
    is_usual = port is None or (parts.scheme, port) in (("https", 443), ("http", 80))
    return f"{parts.scheme}://{shown}" + ("" if is_usual else f":{port}")


# What reaches a header has no space, quote or semicolon in it, and no wildcard.
_OF_HOSTS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class SupportWidgetQuerySet(models.QuerySet["SupportWidget"]):
    def visible_to(self, principal: Principal) -> Self:
        """The team's, for who manages its agents; for who manages their own agents alone, the widgets they made."""
        reach = principal.reach(Permission.MANAGE_AGENTS)
        if reach is Reach.NO:
            return self.none()
        widgets = self.filter(team_id=principal.team_id)
        return widgets if reach is Reach.YES else widgets.filter(created_by_id=principal.user_id)


class SupportWidget(models.Model):
    """One agent, offered to whoever visits certain pages. `secret` signs who a host's own customers are."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="widgets")
    name = models.CharField(max_length=120)
    greeting = models.CharField(max_length=LONGEST_GREETING, blank=True)
    allowed_origins = ArrayField(models.CharField(max_length=LONGEST_ORIGIN), size=MOST_ORIGINS)
    is_active = models.BooleanField(default=True)
    secret = EncryptedTextField(default=new_secret, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = SupportWidgetQuerySet.as_manager()

    class Meta:
        verbose_name = "widget"
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(allowed_origins__len__gte=1), name="opie_widget_names_its_pages"),
        ]

    def __str__(self) -> str:
        return self.name


class WidgetVisitor(models.Model):
    """Through which widget a visitor came: its agent is the only one they may talk to."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+")
    widget = models.ForeignKey(SupportWidget, on_delete=models.CASCADE, related_name="visitors")

    def __str__(self) -> str:
        return f"{self.user_id} of {self.widget_id}"
