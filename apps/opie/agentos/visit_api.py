"""/widget/<id>/…: what the frame of a widget asks of Opie. No cookie counts here: the visitor's token is sent, and every
request that changes something has to come from the frame itself, which is a page of our own origin."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import View
from rest_framework import serializers, status
from rest_framework.exceptions import MethodNotAllowed

from apps.accounts.async_views import PrincipalView
from apps.accounts.models import SignInAttempt
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.accounts.sign_in import note_attempt
from apps.api.errors import NotAllowed, NotFound, OpieError, json_error
from apps.api.parsers import parse_json, read_at_most
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.reactions_api import ReactionToKeep
from apps.opie.agentos.support_api import number_after
from apps.opie.agentos.support_rows import is_writing, messages_after, reactions_to, state_of
from apps.opie.agentos.visitor_answers import error_for_visitor, events_for_visitor, words_for_visitor
from apps.opie.engine import visiting
from apps.opie.engine.asking import ask_agent, checked_message
from apps.opie.engine.opening import Ask
from apps.opie.engine.reacting import react, take_back
from apps.opie.engine.saying import shown_name
from apps.opie.engine.taking_over import ask_for_person, withdraw_person
from apps.opie.limits.hourly import admit_request
from apps.opie.models import AgentOSSession, SupportWidget

LARGEST_BODY = 32 * 1024
LONGEST_QUESTION = 8_000


class Customer(StrictSerializer):
    customer = serializers.CharField(max_length=128)
    time = serializers.IntegerField(min_value=0, max_value=10**11)
    signature = serializers.CharField(max_length=128)


class Begin(StrictSerializer):
    customer_pass = serializers.CharField(max_length=1000, required=False)


class Bind(StrictSerializer):
    customer_pass = serializers.CharField(max_length=1000)


class Question(StrictSerializer):
    message = serializers.CharField(max_length=LONGEST_QUESTION, trim_whitespace=False)


def require_own_origin(request: HttpRequest) -> None:
    """Raises NotAllowed for a request that another site's page sends, or that does not say where it comes from."""
    own = f"{request.scheme}://{request.get_host()}"
    if request.headers.get("Origin") not in {own, *settings.CSRF_TRUSTED_ORIGINS}:
        raise NotAllowed("This can be asked by the widget's own frame alone.", code="origin")


@method_decorator(csrf_exempt, name="dispatch")
class _OpenView(View):
    """For who has no token yet."""

    _allowed_methods: Callable[[], list[str]]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            require_own_origin(request)
            return super().dispatch(request, *args, **kwargs)
        except (OpieError, serializers.ValidationError) as error:
            return json_error(error)

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:  # noqa: ARG002
        """Django's own answer has no body."""
        response = json_error(MethodNotAllowed(request.method or ""))
        response["Allow"] = ", ".join(self._allowed_methods())
        return response

    def read_body(self, request: HttpRequest, serializer_class: type[StrictSerializer]) -> dict[str, Any]:
        body = serializer_class(data=parse_json(read_at_most(request, LARGEST_BODY) or b"{}"))  # type: ignore[arg-type]
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


class CustomerView(_OpenView):
    """POST /widget/<id>/customer/: a pass for the host's own customer, for a right signature that was just made."""

    def post(self, request: HttpRequest, widget_id: UUID) -> HttpResponse:
        said = self.read_body(request, Customer)
        widget = visiting.active_widget(widget_id)
        return JsonResponse(
            {"customer_pass": visiting.admit_customer(widget, said["customer"], said["time"], said["signature"])}
        )


class VisitView(_OpenView):
    """POST /widget/<id>/visit/: with the first message, and never before: a visitor, their token, a conversation."""

    def post(self, request: HttpRequest, widget_id: UUID) -> HttpResponse:
        said = self.read_body(request, Begin)
        widget = visiting.active_widget(widget_id)
        note_attempt(request, SignInAttempt.Action.VISIT, str(widget.pk))
        begun = visiting.begin_visit(widget)
        if "customer_pass" in said:
            visiting.bind_customer(begun.principal, widget, begun.session.pk, said["customer_pass"])
        answer = {"token": begun.token, "conversation_id": str(begun.session.pk)}
        return JsonResponse(answer, status=status.HTTP_201_CREATED)


class _VisitorView(PrincipalView):
    """For visitors alone; a member of the team has other ways."""

    required = Permission.RUN_AGENTS
    accepts_visitors = True
    largest_body = LARGEST_BODY

    def authorise(self) -> None:
        if not self.principal.is_visitor:
            raise NotFound("There is no such widget.", code="widget_not_found")
        super().authorise()

    def told(self, error: Exception) -> Exception:
        return error_for_visitor(error)

    async def throttle(self, request: HttpRequest) -> None:
        if request.method != "GET":  # a page that is open looks again and again
            require_own_origin(request)
            await rows.run(admit_request, self.principal)


class ConversationsView(_VisitorView):
    """POST /widget/<id>/conversations/: another conversation, with nothing in it."""

    async def post(self, request: HttpRequest, widget_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        session = await rows.run(_begin_another, self.principal, widget_id)
        return JsonResponse({"conversation_id": str(session.pk)}, status=status.HTTP_201_CREATED)


class ConversationView(_VisitorView):
    """GET /widget/<id>/conversations/<id>/?after=: how it stands, and what was said since."""

    async def get(self, request: HttpRequest, widget_id: UUID, session_id: UUID) -> HttpResponseBase:
        after = number_after(request.GET.get("after", "0"))
        return JsonResponse(await rows.run(_conversation, self.principal, widget_id, session_id, after))


class BindView(_VisitorView):
    """POST /widget/<id>/conversations/<id>/customer/: the conversation is the customer's of the pass."""

    async def post(self, request: HttpRequest, widget_id: UUID, session_id: UUID) -> HttpResponseBase:
        said = self.read_body(request, Bind)
        await rows.run(_bind, self.principal, widget_id, session_id, said["customer_pass"])
        return JsonResponse({"conversation_id": str(session_id)})


class PersonView(_VisitorView):
    """POST /widget/<id>/conversations/<id>/person/: the visitor would rather talk to somebody; DELETE: no more."""

    async def post(self, request: HttpRequest, widget_id: UUID, session_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        await rows.run(_want_person, self.principal, widget_id, session_id, ask_for_person)
        return JsonResponse(await rows.run(_conversation, self.principal, widget_id, session_id, 0))

    async def delete(self, request: HttpRequest, widget_id: UUID, session_id: UUID) -> HttpResponseBase:  # noqa: ARG002
        await rows.run(_want_person, self.principal, widget_id, session_id, withdraw_person)
        return JsonResponse(await rows.run(_conversation, self.principal, widget_id, session_id, 0))


class QuestionView(_VisitorView):
    """POST /widget/<id>/conversations/<id>/messages/: the answer as server-sent events, as everywhere in Opie, without
    what is the team's own to know."""

    async def post(self, request: HttpRequest, widget_id: UUID, session_id: UUID) -> HttpResponseBase:
        said = self.read_body(request, Question)
        widget = await rows.run(visiting.widget_of, self.principal, widget_id)
        ask = Ask(checked_message(said["message"]), session_id=session_id)
        turn = await ask_agent(self.principal, widget.agent.agent_id, ask)
        return sse.response(self.principal, events_for_visitor(turn.events()), turn.session_id)


class ReactView(_VisitorView):
    """/widget/<id>/conversations/<id>/messages/<id>/react/: what the visitor thinks of an answer; DELETE takes it back."""

    async def post(self, request: HttpRequest, widget_id: UUID, session_id: UUID, message_id: UUID) -> HttpResponseBase:
        said = self.read_body(request, ReactionToKeep)
        await rows.run(_react, self.principal, widget_id, session_id, message_id, said)
        return JsonResponse({"message_id": str(message_id), **said})

    async def delete(
        self,
        request: HttpRequest,  # noqa: ARG002
        widget_id: UUID,
        session_id: UUID,
        message_id: UUID,
    ) -> HttpResponseBase:
        await rows.run(_react, self.principal, widget_id, session_id, message_id, None)
        return HttpResponse(status=status.HTTP_204_NO_CONTENT)


def _begin_another(principal: Principal, widget_id: UUID) -> AgentOSSession:
    return visiting.begin_conversation(principal, visiting.widget_of(principal, widget_id))


def _own(principal: Principal, widget_id: UUID, session_id: UUID) -> tuple[SupportWidget, AgentOSSession]:
    widget = visiting.widget_of(principal, widget_id)
    sessions = AgentOSSession.objects.visible_to(principal).select_related("taken_over_by")
    session = sessions.filter(pk=session_id, widget=widget).first()
    if session is None:
        raise NotFound("There is no such conversation.", code="session_not_found")
    return widget, session


def _conversation(principal: Principal, widget_id: UUID, session_id: UUID, after: int) -> dict[str, Any]:
    widget, session = _own(principal, widget_id, session_id)
    state, holder = state_of(session), session.taken_over_by
    return {
        "conversation_id": str(session.pk),
        "state": state,
        "asks_for_person": session.person_asked_at is not None,
        # Visitors are shown a name, and never an address.
        "with": {"kind": "person", "name": shown_name(holder.name)} if holder else _agent_of(widget),
        "is_writing": is_writing(session.pk),
        "messages": messages_after(session, after, words_for_visitor),
        "reactions": reactions_to(session),
    }


def _react(
    principal: Principal, widget_id: UUID, session_id: UUID, message_id: UUID, said: dict[str, str] | None
) -> None:
    _, session = _own(principal, widget_id, session_id)
    # An answer of theirs in another conversation is not here.
    if not session.messages.filter(pk=message_id).exists():
        raise NotFound("There is no such message.", code="message_not_found")
    if said is None:
        take_back(principal, message_id)
    else:
        react(principal, message_id, **said)


def _agent_of(widget: SupportWidget) -> dict[str, str]:
    return {"kind": "agent", "name": widget.agent.name}


def _bind(principal: Principal, widget_id: UUID, session_id: UUID, customer_pass: str) -> None:
    widget, session = _own(principal, widget_id, session_id)
    visiting.bind_customer(principal, widget, session.pk, customer_pass)


def _want_person(
    principal: Principal, widget_id: UUID, session_id: UUID, want: Callable[[Principal, UUID], AgentOSSession]
) -> None:
    _, session = _own(principal, widget_id, session_id)
    want(principal, session.pk)
