"""/agentos/memory/: what agents remember about the person who looks, and changing, forgetting and undoing it.

The small pieces are what htmx puts in place; without scripts each of them leads back to the page.
"""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.permissions import Permission
from apps.api.errors import NotAllowed, NotFound
from apps.opie.agentos.memory_rows import LONGEST_TOPIC, MOST_CHARACTERS, MOST_TOPICS
from apps.opie.engine.profile_schemas import SCHEMAS, MemorySchema
from apps.opie.engine.profiles import Person, erase
from apps.opie.models import AgentOSMemory
from apps.opie.storable import clean_text
from apps.opie.web.memories import bring_back, forget, memories_of, of_agent, own_memory
from apps.opie.web.profile_forms import form_of, profiles_shown, save
from apps.opie.web.views import Page, PieceOfPage, page_number


class Topics(forms.CharField):
    """Words between commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        topics = [topic.strip() for topic in clean_text(super().clean(value)).split(",") if topic.strip()]
        if len(topics) > MOST_TOPICS or any(len(topic) > LONGEST_TOPIC for topic in topics):
            raise ValidationError(
                _("At most %(most)s topics of %(longest)s characters."),
                params={"most": MOST_TOPICS, "longest": LONGEST_TOPIC},
            )
        return list(dict.fromkeys(topics))


class MemoryForm(forms.Form):
    """What can be changed of a memory."""

    memory = forms.CharField(label=gettext_lazy("What is remembered"), max_length=MOST_CHARACTERS)
    topics = Topics(label=gettext_lazy("Topics, with commas between them"), required=False)

    def clean_memory(self) -> str:
        return clean_text(self.cleaned_data["memory"])


class MemoryView(Page):
    """GET /agentos/memory/?q=&agent=&page="""

    template_name = "agentos/memory.html"
    area = "account"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        search = asked.get("q", "").strip()[:200]
        agent_id = asked.get("agent", "")[:64]
        page = page_number(asked.get("page", ""))
        return super().get_context_data(
            memories=memories_of(self.principal, search, agent_id, page),
            search=search,
            chosen_agent=agent_id,
            page=page,
            may_change=self.principal.may(Permission.RUN_AGENTS),
            profiles=kwargs.pop("profiles", None) or profiles_shown(self.principal),
            **kwargs,
        )


class ProfileView(Page):
    """POST /agentos/memory/profiles/<name>/: what a host's schema keeps of this person, changed. Without the form: there."""

    template_name = "agentos/memory.html"
    area = "account"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        return redirect("pages:memory")

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        wanted = _schema(name)
        if not self.principal.may(Permission.RUN_AGENTS):
            raise NotAllowed
        form = form_of(wanted)(request.POST, prefix=name)
        if save(self.principal, wanted, form):
            messages.success(request, _("It was saved."))
            return redirect("pages:memory")
        shown = {"memories": memories_of(self.principal), "page": 1, "may_change": True}
        context = self.get_context_data(profiles=profiles_shown(self.principal, form, name), **shown)
        return self.render_to_response(context, status=422)


class ForgetProfileView(PieceOfPage):
    """POST /agentos/memory/profiles/<name>/forget/: nothing is known by that schema any more. Asked before."""

    def post(self, request: HttpRequest, name: str) -> HttpResponse:
        erase(Person(self.principal), _schema(name).name)
        messages.success(request, _("It was forgotten."))
        return redirect("pages:memory")


def _schema(name: str) -> MemorySchema:
    if name not in SCHEMAS:
        raise NotFound("There is no such profile.", code="profile_not_found")
    return SCHEMAS[name]


class OneMemoryView(PieceOfPage):
    """/agentos/memory/<id>/: GET shows it, or with ?form=1 its form; POST changes it."""

    def get(self, request: HttpRequest, memory_id: UUID) -> HttpResponse:
        memory = own_memory(self.principal, memory_id)
        if not request.GET.get("form"):
            return self._show(request, memory)
        self._require_may_change()
        form = MemoryForm(initial={"memory": memory.memory, "topics": memory.topics})
        return render(request, "agentos/parts/memory_form.html", {"memory": memory, "form": form})

    def post(self, request: HttpRequest, memory_id: UUID) -> HttpResponse:
        memory = own_memory(self.principal, memory_id)
        self._require_may_change()
        form = MemoryForm(request.POST)
        if not form.is_valid():
            return render(request, "agentos/parts/memory_form.html", {"memory": memory, "form": form}, status=422)
        memory.memory, memory.topics = form.cleaned_data["memory"], form.cleaned_data["topics"]
        memory.save(update_fields=["memory", "topics", "updated_at"])
        return self._show(request, memory)

    def _show(self, request: HttpRequest, memory: AgentOSMemory) -> HttpResponse:
        shown = {"memory": memory, "may_change": self.principal.may(Permission.RUN_AGENTS), "is_fresh": True}
        return render(request, "agentos/parts/memory.html", shown)

    def _require_may_change(self) -> None:
        if not self.principal.may(Permission.RUN_AGENTS):
            raise NotAllowed


class ForgetMemoryView(PieceOfPage):
    """POST /agentos/memory/<id>/forget/: gone at once; what is shown instead offers the way back."""

    def post(self, request: HttpRequest, memory_id: UUID) -> HttpResponse:
        signed = forget(own_memory(self.principal, memory_id))
        return render(request, "agentos/parts/memory_forgotten.html", {"signed": signed})


class RestoreMemoryView(PieceOfPage):
    """POST /agentos/memory/restore/ with `kept`: undoes the forgetting."""

    def post(self, request: HttpRequest) -> HttpResponse:
        memory = bring_back(self.principal, request.POST.get("kept", ""))
        shown = {"memory": memory, "may_change": self.principal.may(Permission.RUN_AGENTS), "is_fresh": True}
        return render(request, "agentos/parts/memory.html", shown)


class ForgetAgentView(PieceOfPage):
    """POST /agentos/memory/forget/ with `agent`: all that one agent remembers about this person. Asked before."""

    def post(self, request: HttpRequest) -> HttpResponse:
        agent_id = request.POST.get("agent", "")
        forgotten, _rows = of_agent(self.principal, agent_id).delete()
        text = ngettext("%(n)s memory was forgotten.", "%(n)s memories were forgotten.", forgotten)
        messages.success(request, text % {"n": forgotten})
        return redirect("pages:memory")
