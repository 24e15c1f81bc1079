"""/api/v1/chat/: talk to the installation's agent, or to a conversation's own, and carry on after an interruption."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status

from apps.accounts.async_views import PrincipalView
from apps.accounts.permissions import VERIFY_CUSTOMERS, Permission
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotFound
from apps.api.serializers import StrictSerializer
from apps.opie import rows
from apps.opie.agentos import sse
from apps.opie.agentos.api import EVENT_STREAM, LARGEST_MESSAGE_BODY
from apps.opie.agentos.chat_agent import chat_agent_of
from apps.opie.agentos.runs_api import last_event_id
from apps.opie.agentos.serializers import Answer
from apps.opie.agentos.service import LONGEST_MESSAGE, AgentOSService, checked_message
from apps.opie.agentos.visitor_answers import answer_for_visitor, error_for_visitor, events_for_visitor
from apps.opie.engine.opening import BY_PERSON, Ask, title_from
from apps.opie.engine.outcome import RunResult, result_of_run
from apps.opie.engine.stream import read_events
from apps.opie.engine.subjects import subject_named
from apps.opie.engine.verifying import bind_subject
from apps.opie.limits.hourly import admit_request
from apps.opie.models import AgentOSMessage, AgentOSRun, AgentOSSession
from apps.opie.models.messages import MessageRole
from apps.opie.models.runs import END_STATUSES, RunStatus
from apps.opie.models.verifications import VerificationMethod

CUSTOMER = "customer"


class ChatMessage(StrictSerializer):
    """The body of /chat/."""

    message = serializers.CharField(max_length=LONGEST_MESSAGE, trim_whitespace=False)
    thread_id = serializers.UUIDField(required=False, allow_null=True)
    customer_id = serializers.RegexField(
        r"\A[A-Za-z0-9_-]{1,64}\Z",
        required=False,
        allow_null=True,
        help_text="Certain from an API key with the scope verify_customers, otherwise a claim like typed text.",
    )
    stream = serializers.BooleanField(required=False, default=False)


class Interrupted(StrictSerializer):
    """The body of resume: the last message that the caller has."""

    last_message_id = serializers.UUIDField()
    stream = serializers.BooleanField(required=False, default=False)


class ChatAnswer(Answer):
    """The answer of send-message, also as the music store's contract has it."""

    message = serializers.CharField(help_text="The answer's text.")
    agent = serializers.CharField(help_text="The agent_id of whoever answered.")
    thread_id = serializers.UUIDField()


STREAMED = OpenApiResponse(
    description="With stream: server-sent events; the last one carries this object.", response=ChatAnswer
)


class _ChatView(PrincipalView):
    required = Permission.RUN_AGENTS
    accepts_visitors = True

    def told(self, error: Exception) -> Exception:
        asking = getattr(self, "principal", None)  # there is none yet for who is not let in
        return error_for_visitor(error) if asking is not None and asking.is_visitor else error


class ChatView(_ChatView):
    """A message in, an answer out."""

    largest_body = LARGEST_MESSAGE_BODY

    async def throttle(self, request: HttpRequest) -> None:  # noqa: ARG002
        await rows.run(admit_request, self.principal)

    @extend_schema(request=ChatMessage, responses={200: STREAMED}, operation_id="chat")
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        body = self.read_body(request, ChatMessage)
        agent_id, ask = await rows.run(
            _ask_of, self.principal, body["message"], body.get("thread_id"), body.get("customer_id")
        )
        turn = await AgentOSService(self.principal).ask(agent_id, ask)
        if _wants_stream(request, body):
            return _stream(self.principal, turn.events(), turn.session_id)
        return _answer(self.principal, await turn.result())


class ResumeView(_ChatView):
    """What became of a thread after a message: the answer that was or is being written, or another try at one that
    broke off."""

    async def throttle(self, request: HttpRequest) -> None:  # noqa: ARG002
        await rows.run(admit_request, self.principal)

    @extend_schema(request=Interrupted, responses={200: STREAMED}, operation_id="chat_resume")
    async def post(self, request: HttpRequest, thread_id: UUID) -> HttpResponseBase:
        body = self.read_body(request, Interrupted)
        after = last_event_id(request)
        left = await rows.run(_left_at, self.principal, thread_id, body["last_message_id"])
        run_id = left.run_id
        if left.again is not None:
            turn = await AgentOSService(self.principal).ask(left.agent_id, left.again)
            run_id, after = turn.run_id, 0
        assert run_id is not None  # noqa: S101 - one of the two is there
        if _wants_stream(request, body):
            return _stream(self.principal, read_events(run_id, after), thread_id)
        return _answer(self.principal, await _result(run_id))


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """An answer, or the data of a run's last event, with what /chat/ calls its parts."""
    return {
        **body,
        "message": body.get("content", ""),
        "agent": body.get("answered_by") or body.get("agent_id", ""),
        "thread_id": body.get("session_id"),
    }


def _stream(principal: Principal, batches: sse.Batches, thread_id: UUID | None) -> HttpResponseBase:
    batches = events_for_visitor(batches) if principal.is_visitor else batches
    return sse.response(principal, batches, thread_id, as_chat)


def _answer(principal: Principal, result: RunResult) -> HttpResponseBase:
    result.raise_for_failure()
    waits = result.status == RunStatus.WAITING
    told = answer_for_visitor(result.as_json()) if principal.is_visitor else result.as_json()
    body = as_chat(told)
    return JsonResponse(body, status=status.HTTP_202_ACCEPTED if waits else status.HTTP_200_OK)


def _wants_stream(request: HttpRequest, body: dict[str, Any]) -> bool:
    return body["stream"] or EVENT_STREAM in request.headers.get("Accept", "")


def _ask_of(principal: Principal, message: str, thread_id: UUID | None, customer_id: str | None) -> tuple[str, Ask]:
    """Whom to ask what. Raises NotFound for a thread that is not this person's, and what binding a customer raises."""
    text = checked_message(message)
    thread = None if thread_id is None else _thread(principal, thread_id)
    agent_id = thread.agent.agent_id if thread is not None and thread.agent else chat_agent_of(principal)
    if customer_id and principal.may(VERIFY_CUSTOMERS):
        subject = _subject_named(customer_id)
        thread = thread or AgentOSService(principal).create_session(agent_id, title_from(text))
        bind_subject(principal, thread.pk, CUSTOMER, subject, method=VerificationMethod.HOST)
    elif customer_id:
        text = f"{text}\n\nMy customer number is {customer_id}."
    return agent_id, Ask(text, session_id=thread.pk if thread is not None else None)


def _subject_named(customer_id: str) -> str:
    try:
        return subject_named(CUSTOMER, customer_id)
    except InvalidInput as error:
        raise InvalidInput(fields={"customer_id": [error.message]}) from None


@dataclass(frozen=True, slots=True)
class _Left:
    """Where a thread was left: a run to read, or what to ask again of whom."""

    run_id: UUID | None
    agent_id: str
    again: Ask | None


def _left_at(principal: Principal, thread_id: UUID, message_id: UUID) -> _Left:
    """Raises NotFound for what is not this person's, and Conflict where nothing was asked since the message, or what was is a
    person's to answer."""
    thread = _thread(principal, thread_id)
    message = AgentOSMessage.objects.filter(session=thread, pk=message_id).select_related("run").first()
    if message is None:
        raise NotFound("There is no such message.", code="message_not_found")
    is_answer = message.role != MessageRole.USER
    since = Q(question__number__gte=message.number) | Q(pk=message.run_id if is_answer else None)
    runs = thread.runs.filter(since, question__isnull=False).select_related("agent")
    run = runs.order_by("-created_at", "-id").first()
    if run is None and not is_answer:
        return _Left(None, _agent_of(principal, thread, None), Ask(session_id=thread.pk, regenerate_of=message.pk))
    if run is None or (is_answer and run.pk == message.run_id and run.status == RunStatus.COMPLETED):
        if thread.taken_over_by_id is not None:
            raise Conflict(BY_PERSON, code="taken_over")
        raise Conflict("Nothing was asked after this message.", code="nothing_to_resume")
    if run.status in END_STATUSES and run.status != RunStatus.COMPLETED:
        again = Ask(session_id=thread.pk, regenerate_of=run.question_id)
        return _Left(None, _agent_of(principal, thread, run), again)
    return _Left(run.pk, "", None)


def _agent_of(principal: Principal, thread: AgentOSSession, run: AgentOSRun | None) -> str:
    agent = run.agent if run is not None and run.agent else thread.agent
    return agent.agent_id if agent else chat_agent_of(principal)


def _thread(principal: Principal, thread_id: UUID) -> AgentOSSession:
    thread = AgentOSSession.objects.visible_to(principal).select_related("agent").filter(pk=thread_id).first()
    if thread is None:
        raise NotFound("There is no such session.", code="session_not_found")
    return thread


async def _result(run_id: UUID) -> RunResult:
    """What the run came to, once it has ended or waits for approval. Nothing of the database is held meanwhile."""
    result = await rows.run(result_of_run, run_id)
    if result.status == RunStatus.WAITING or result.status in END_STATUSES:
        return result
    async for events in read_events(run_id):
        if any(event.type == "approval.required" for event in events):
            result = await rows.run(result_of_run, run_id)
            if result.status == RunStatus.WAITING:
                return result
    return await rows.run(result_of_run, run_id)
