"""Agents in the admin: prompts, and tools on and off. Every change is a version, written down, and live with the next message."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.admin import AuditedAdmin, RecordAdmin
from apps.accounts.audit import record
from apps.accounts.middleware import page_principal
from apps.opie.models import Agent, AgentMember, AgentModel, AgentVersion
from apps.opie.tools.registry import known_tools


class AgentForm(forms.ModelForm[Agent]):
    tools = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    class Meta:
        widgets = {"system_prompt": forms.Textarea(attrs={"rows": 25, "cols": 100})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = {tool.name: tool.label for tool in known_tools()}
        # A tool that nobody registers any more stays visible, so that it can be taken away.
        offered |= {name: f"{name} (not there any more)" for name in self.instance.tools if name not in offered}
        self.fields["tools"].choices = list(offered.items())  # type: ignore[attr-defined]

    def clean_tools(self) -> list[str]:
        """In the order they had; what was added comes last."""
        chosen: list[str] = self.cleaned_data["tools"]
        return [*(name for name in self.instance.tools if name in chosen), *sorted({*chosen} - {*self.instance.tools})]


class AgentModelInline(admin.TabularInline[AgentModel, Agent]):
    model = AgentModel
    extra = 0


class AgentMemberInline(admin.TabularInline[AgentMember, Agent]):
    model = AgentMember
    fk_name = "agent"
    extra = 0
    autocomplete_fields = ["member"]


@admin.register(Agent)
class AgentAdmin(AuditedAdmin):
    form = AgentForm
    list_display = [
        "name",
        "agent_id",
        "kind",
        "tier",
        "tool_count",
        "team",
        "visibility",
        "status",
        "version",
        "updated_at",
    ]
    list_filter = ["kind", "visibility", "status", "tier"]
    search_fields = ["name", "agent_id", "description", "system_prompt"]
    list_select_related = ["team"]
    readonly_fields = ["version", "created_at", "updated_at"]
    autocomplete_fields = ["owner", "team"]
    inlines = [AgentModelInline, AgentMemberInline]

    @admin.display(description="tools")
    def tool_count(self, agent: Agent) -> int:
        return len(agent.tools)

    def save_model(self, request: HttpRequest, obj: Agent, form: Any, change: bool) -> None:  # noqa: ARG002
        obj.save()  # what was changed is written down with the models and members, as one version

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The agent with its models and members is one version."""
        super().save_related(request, form, formsets, change)
        agent: Agent = form.instance
        before = agent.versions.order_by("-number").values_list("definition", flat=True).first() if change else None
        agent.version = agent.version + 1 if change else 1
        agent.save(update_fields=["version", "updated_at"])
        after = agent.definition()
        AgentVersion.objects.create(agent=agent, number=agent.version, definition=after, author_id=request.user.pk)
        action = "agent.changed" if change else "agent.created"
        record(page_principal(request), action, agent, before=before, after=after)


@admin.register(AgentVersion)
class AgentVersionAdmin(RecordAdmin):
    list_display = ["agent", "number", "author", "created_at"]
    search_fields = ["agent__name", "agent__agent_id"]
    list_select_related = ["agent", "author"]
