"""/agentos/webhooks/: the systems that tell Opie what happens, as whoever manages the team sets them up."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic import View

from apps.accounts.encryption import decrypt, encrypt
from apps.accounts.permissions import Permission
from apps.api.errors import Conflict, InvalidInput, NotAllowed
from apps.opie.agentos import webhook_rows
from apps.opie.engine.webhook_events import known_event_types
from apps.opie.models import Webhook
from apps.opie.web.views import Page, PieceOfPage, page_number
from apps.opie.web.webhook_example import example_call
from apps.opie.web.webhook_form import WebhookForm
from apps.opie.web.webhook_lines import STATES, events_of, webhook_lines

_NEW_SECRET = "opie_new_webhook_secret"  # noqa: S105 - a name in the session, not a secret


class _ForManagers(View):
    """Whoever may not manage the team is told so, whatever is there."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        principal = request.principal  # type: ignore[attr-defined]
        if request.user.is_authenticated and not principal.may(Permission.MANAGE_TEAM):
            raise NotAllowed
        return super().dispatch(request, *args, **kwargs)


class _WebhookPage(_ForManagers, Page):
    area = "support"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(may_manage=self.principal.may(Permission.MANAGE_AGENTS), **kwargs)


class WebhooksView(_WebhookPage):
    """GET /agentos/webhooks/"""

    template_name = "agentos/webhooks.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            webhooks=webhook_lines(self.principal), kinds=sorted(known_event_types()), **kwargs
        )


class _WebhookFormPage(_WebhookPage):
    template_name = "agentos/webhook_form.html"

    def webhook(self) -> Webhook | None:
        """The webhook to change. Raises NotFound."""
        raise NotImplementedError

    def save(self, definition: dict[str, Any]) -> Webhook:
        """Raises InvalidInput, Conflict."""
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        webhook = self.webhook()
        return self._show(WebhookForm(self.principal, webhook=webhook), webhook)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        webhook = self.webhook()
        form = WebhookForm(self.principal, request.POST, webhook)
        if form.is_valid():
            try:
                saved = self.save(form.definition())
            except InvalidInput as error:
                for name, texts in error.fields.items():
                    form.add_error(name if name in form.fields else None, texts)
            except Conflict as error:
                form.add_error("name" if error.code == "webhook_name_taken" else None, error.message)
            else:
                return redirect("pages:edit-webhook", saved.pk)
        return self._show(form, webhook, status=422)

    def _show(self, form: WebhookForm, webhook: Webhook | None, status: int = 200) -> HttpResponse:
        context = self.get_context_data(form=form, webhook=webhook, **self._call_of(webhook))
        return self.render_to_response(context, status=status)

    def _call_of(self, webhook: Webhook | None) -> dict[str, Any]:
        """How a webhook is called, and with what: a new secret is known to the next page, and to no other."""
        if webhook is None:
            return {}
        kept = self.request.session.pop(_NEW_SECRET, {})
        secret = decrypt(kept["secret"]) if kept.get("webhook") == str(webhook.pk) else None
        address = self.request.build_absolute_uri(reverse("webhook-call", args=[webhook.name]))
        until = webhook.previous_until
        return {
            "secret": secret,
            "address": address,
            "example": example_call(webhook, address, secret),
            "previous_until": until if until and until > timezone.now() else None,
        }


class WebhookCreateView(_WebhookFormPage):
    """/agentos/webhooks/new/"""

    def webhook(self) -> None:
        return None

    def save(self, definition: dict[str, Any]) -> Webhook:
        webhook = webhook_rows.create_webhook(self.principal, definition)
        _show_once(self.request, webhook)
        messages.success(self.request, _("It is there. Give its address and its secret to the system that calls it."))
        return webhook


class WebhookChangeView(_WebhookFormPage):
    """/agentos/webhooks/<webhook_id>/: its address, its secret, and the form that changes it."""

    def webhook(self) -> Webhook:
        return webhook_rows.own_webhook(self.principal, self.kwargs["webhook_id"])

    def save(self, definition: dict[str, Any]) -> Webhook:
        webhook = webhook_rows.change_webhook(self.principal, self.kwargs["webhook_id"], definition)
        messages.success(self.request, _("Saved."))
        return webhook


class RotateSecretView(_ForManagers, PieceOfPage):
    """POST /agentos/webhooks/<webhook_id>/secret/ with keep_previous: another secret, shown once."""

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        keep = request.POST.get("keep_previous") == "on"
        webhook = webhook_rows.rotate_secret(self.principal, webhook_id, keep_previous=keep)
        _show_once(request, webhook)
        if not keep:
            messages.success(request, _("The old secret is not accepted any more."))
        return redirect("pages:edit-webhook", webhook.pk)


class DeleteWebhookView(_ForManagers, PieceOfPage):
    """POST /agentos/webhooks/<webhook_id>/delete/. Asked before."""

    def post(self, request: HttpRequest, webhook_id: UUID) -> HttpResponse:
        webhook_rows.delete_webhook(self.principal, webhook_id)
        messages.success(request, _("The webhook is gone."))
        return redirect("pages:webhooks")


class WebhookEventsView(_WebhookPage):
    """GET /agentos/webhooks/<webhook_id>/events/?status=&q=&page=; with ?part=list only the list."""

    template_name = "agentos/webhook_events.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        context = self.get_context_data(**kwargs)
        piece = request.GET.get("part") == "list"
        return render(request, "agentos/parts/webhook_events.html" if piece else self.template_name, context)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        webhook = webhook_rows.own_webhook(self.principal, kwargs.pop("webhook_id"))
        status, search = asked.get("status", ""), asked.get("q", "").replace("\x00", "").strip()[:200]
        status, page = status if status in STATES else "", page_number(asked.get("page", ""))
        return super().get_context_data(
            webhook=webhook,
            events=events_of(self.principal, webhook, status, search, page),
            states=list(STATES.items()),
            status=status,
            search=search,
            filters=urlencode({"status": status, "q": search}),
            page=page,
            kept_days=settings.OPIE_WEBHOOK_EVENTS_DAYS,
            **kwargs,
        )


class RetryEventView(_ForManagers, PieceOfPage):
    """POST /agentos/webhooks/events/<event_id>/retry/, and back to the list with its `filters`."""

    def post(self, request: HttpRequest, event_id: UUID) -> HttpResponse:
        webhook_id = webhook_rows.own_event(self.principal, event_id).webhook_id
        try:
            webhook_rows.retry_event(self.principal, event_id)
        except Conflict as error:
            messages.error(request, error.message)
        else:
            messages.success(request, _("It is worked on again."))
        filters = urlencode({name: request.POST[name] for name in ("status", "q", "page") if request.POST.get(name)})
        address = reverse("pages:webhook-events", args=[webhook_id])
        return redirect(f"{address}?{filters}" if filters else address)


def _show_once(request: HttpRequest, webhook: Webhook) -> None:
    """The next page shows it, and no other. Until then it is in the session's row: encrypted, as in its own."""
    request.session[_NEW_SECRET] = {"webhook": str(webhook.pk), "secret": encrypt(webhook.secret)}
