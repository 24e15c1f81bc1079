"""Webhooks in the admin: to look at. They are set up on the pages or over REST, by whoever manages the team."""

from django.contrib import admin

from apps.accounts.admin import RecordAdmin
from apps.opie.models import Webhook, WebhookEvent


@admin.register(Webhook)
class WebhookAdmin(RecordAdmin):
    list_display = ["name", "team", "acts_for", "event_types", "is_active", "updated_at"]
    list_filter = ["is_active"]
    search_fields = ["name"]
    list_select_related = ["team", "acts_for"]
    exclude = ["secret", "previous_secret"]


@admin.register(WebhookEvent)
class WebhookEventAdmin(RecordAdmin):
    list_display = ["event_id", "event_type", "webhook", "status", "attempts", "received_at", "processed_at"]
    list_filter = ["status", "event_type"]
    search_fields = ["event_id", "webhook__name"]
    list_select_related = ["webhook"]
    # What it says is a customer's.
    exclude = ["data", "digest"]
