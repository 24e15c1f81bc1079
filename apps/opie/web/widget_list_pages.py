"""/agentos/widgets/: an agent on pages elsewhere, as the team sets it up."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.accounts.permissions import Permission
from apps.api.errors import InvalidInput, NotAllowed
from apps.opie.agentos.widget_rows import change_widget, conversation_count, delete_widget, find_widget, make_widget
from apps.opie.models import SupportWidget
from apps.opie.web.views import Page, PieceOfPage
from apps.opie.web.widget_form import WidgetForm

_NEW_SECRET = "opie_new_widget_secret"  # noqa: S105 - a name in the session, not a secret


class _ForManagers(Page):
    area = "support"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed
        return super().get_context_data(may_manage=True, **kwargs)


class WidgetsView(_ForManagers):
    """GET /agentos/widgets/"""

    template_name = "agentos/widgets.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        widgets = SupportWidget.objects.visible_to(self.principal).select_related("agent")
        return super().get_context_data(widgets=widgets, **kwargs)


class WidgetCreateView(_ForManagers):
    """/agentos/widgets/new/"""

    template_name = "agentos/widget_form.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        return self.render_to_response(self.get_context_data(form=WidgetForm(self.principal)))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed
        form = WidgetForm(self.principal, request.POST)
        if form.is_valid():
            try:
                widget = make_widget(self.principal, form.definition())
            except InvalidInput as error:
                _add(form, error)
            else:
                _show_once(request, widget)
                messages.success(request, _("It is there. Put its tag into your pages."))
                return redirect("pages:edit-widget", widget.pk)
        return self.render_to_response(self.get_context_data(form=form), status=422)


class WidgetChangeView(_ForManagers):
    """/agentos/widgets/<widget_id>/: its tag, its pages, and the form that changes it."""

    template_name = "agentos/widget_form.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        widget = self._widget()
        return self.render_to_response(self._context(widget, WidgetForm(self.principal, widget=widget)))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        widget = self._widget()
        form = WidgetForm(self.principal, request.POST, widget)
        if form.is_valid():
            try:
                change_widget(self.principal, widget.pk, form.definition())
            except InvalidInput as error:
                _add(form, error)
            else:
                messages.success(request, _("Saved."))
                return redirect("pages:edit-widget", widget.pk)
        return self.render_to_response(self._context(widget, form), status=422)

    def _widget(self) -> SupportWidget:
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed
        return find_widget(self.principal, self.kwargs["widget_id"])

    def _context(self, widget: SupportWidget, form: WidgetForm) -> dict[str, Any]:
        address = self.request.build_absolute_uri(reverse("pages:widget-script", args=[widget.pk]))
        kept = self.request.session.pop(_NEW_SECRET, {})
        return self.get_context_data(
            widget=widget,
            conversations=conversation_count(widget),
            days=settings.OPIE_VISITOR_DAYS,
            form=form,
            tag=f'<script src="{address}" async></script>',
            secret=kept.get("secret") if kept.get("widget") == str(widget.pk) else None,
        )


class RenewSecretView(PieceOfPage):
    """POST /agentos/widgets/<widget_id>/secret/: another secret, shown once."""

    def post(self, request: HttpRequest, widget_id: UUID) -> HttpResponse:
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed
        _show_once(request, change_widget(self.principal, widget_id, {"renew_secret": True}))
        return redirect("pages:edit-widget", widget_id)


class DeleteWidgetView(PieceOfPage):
    """POST /agentos/widgets/<widget_id>/delete/. Asked before."""

    def post(self, request: HttpRequest, widget_id: UUID) -> HttpResponse:
        if not self.principal.may(Permission.MANAGE_AGENTS):
            raise NotAllowed
        count = delete_widget(self.principal, widget_id)
        left = ngettext(
            "Its %(count)d conversation can still be read under Support.",
            "Its %(count)d conversations can still be read under Support.",
            count,
        )
        messages.success(request, " ".join([_("The widget is gone."), *([left % {"count": count}] if count else [])]))
        return redirect("pages:widgets")


def _show_once(request: HttpRequest, widget: SupportWidget) -> None:
    """The next page shows it, and no other."""
    request.session[_NEW_SECRET] = {"widget": str(widget.pk), "secret": widget.secret}


def _add(form: WidgetForm, error: InvalidInput) -> None:
    for name, texts in error.fields.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, text)
