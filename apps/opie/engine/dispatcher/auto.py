"""Who answers a message that is sent to `auto`: the agent that fits it; else whoever answered last; else the assistant.

In a chat a person wants an answer, so that somebody answers always. What nobody fits is written down as such all the same.
What answers an agent that waits to learn who somebody is goes to that agent, and is neither looked at here nor written down:
it may be a code, or an address.
"""

from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound
from apps.opie import rows
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.dispatcher.roster import ANYTHING, Member, roster_for
from apps.opie.engine.dispatcher.selecting import Selection, select
from apps.opie.engine.opening import Ask
from apps.opie.engine.verification_steps import agents_waiting_for
from apps.opie.models import Agent, AgentOSMessage, AgentOSRun

ASSISTANT = "assistant"


async def choose_for_message(principal: Principal, ask: Ask) -> Dispatched:
    """The agent for this message of a chat, or task of `auto`'s. Raises NotAllowed, NotFound, InvalidInput,
    and Conflict (`no_agent_fits`) where nobody fits and there is no agent for everything."""
    if waiting := await rows.run(_who_waits, principal, ask):
        return waiting
    text = ask.text or await rows.run(_question_again, principal, ask.regenerate_of)
    try:
        selection = await select(principal, text)
    except InvalidInput as error:
        raise InvalidInput(fields={"message": next(iter(error.fields.values()), [])}) from None
    if selection.agent_id is not None:
        return selection.dispatched
    return await rows.run(_somebody, principal, ask, selection)


def _somebody(principal: Principal, ask: Ask, selection: Selection) -> Dispatched:
    if last := _who_answered_last(principal, ask):
        why = f"Nobody fits this message alone, so {last.name}, who answered before, goes on."
        return Dispatched(last.agent_id, last.name, why, str(selection.decision_id))
    for_anything = roster_for(principal, [ANYTHING]).members
    agent = for_anything.get(ASSISTANT) or next(iter(for_anything.values()), None)
    if agent is None:
        selection.require_agent()
        raise AssertionError("unreachable: it raises where nobody fits")
    why = f"No specialist fits this message, so {agent.name} answers."
    return Dispatched(agent.agent_id, agent.name, why, str(selection.decision_id))


def _who_waits(principal: Principal, ask: Ask) -> Dispatched | None:
    """The agent that waits in this session to learn who somebody is. An answer that is tried again is nothing new."""
    if ask.regenerate_of is not None or (session_id := _session_of(principal, ask)) is None:
        return None
    if not (agent_ids := agents_waiting_for(principal, session_id)):
        return None
    waiting = Agent.objects.served_to(principal).filter(agent_id__in=agent_ids)
    run = _runs_in(principal, session_id).filter(agent__in=waiting).first()
    if run is None or run.agent is None:
        return None
    why = f"{run.agent.name} waits to learn who you are, and reads this."
    return Dispatched(run.agent.agent_id, run.agent.name, why, decision_id=None)


def _who_answered_last(principal: Principal, ask: Ask) -> Member | None:
    """Of the session that the message is in, if the person may talk to them still; the agent for everything is nobody's
    follow-up."""
    session_id = _session_of(principal, ask)
    run = _runs_in(principal, session_id).first() if session_id is not None else None
    return None if run is None or run.agent is None else roster_for(principal).members.get(run.agent.agent_id)


def _session_of(principal: Principal, ask: Ask) -> UUID | None:
    message = ask.regenerate_of or ask.edit_of
    if ask.session_id is not None or message is None:
        return ask.session_id
    return AgentOSMessage.objects.visible_to(principal).filter(pk=message).values_list("session", flat=True).first()


def _runs_in(principal: Principal, session_id: UUID) -> "QuerySet[AgentOSRun]":
    """With their agents, the last one first."""
    runs = AgentOSRun.objects.visible_to(principal).filter(agent__isnull=False, session=session_id, parent=None)
    return runs.select_related("agent").order_by("-id")


def _question_again(principal: Principal, message_id: UUID | None) -> str:
    """The question that a message answers, or is."""
    if message_id is None:
        return ""
    message = AgentOSMessage.objects.visible_to(principal).select_related("run__question").filter(pk=message_id).first()
    if message is None:
        raise NotFound("There is no such message.", code="message_not_found")
    if message.run is not None and message.run.question is not None:
        return message.run.question.content
    return message.content
