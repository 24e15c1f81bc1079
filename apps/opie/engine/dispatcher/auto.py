"""Who answers a message that is sent to `auto`: the agent that fits it; else whoever answered last; else the assistant.

In a chat a person wants an answer, so that somebody answers always. What nobody fits is written down as such all the same.
"""

from uuid import UUID

from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound
from apps.opie import rows
from apps.opie.engine.dispatched import Dispatched
from apps.opie.engine.dispatcher.roster import ANYTHING, Member, roster_for
from apps.opie.engine.dispatcher.selecting import Selection, select
from apps.opie.engine.opening import Ask
from apps.opie.models import AgentOSMessage, AgentOSRun

ASSISTANT = "assistant"


async def choose_for_message(principal: Principal, ask: Ask) -> Dispatched:
    """The agent for this message of a chat, or task of `auto`'s. Raises NotAllowed, NotFound, InvalidInput,
    and Conflict (`no_agent_fits`) where nobody fits and there is no agent for everything."""
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


def _who_answered_last(principal: Principal, ask: Ask) -> Member | None:
    """Of the session that the message is in, if the person may talk to them still."""
    message = ask.regenerate_of or ask.edit_of
    runs = AgentOSRun.objects.visible_to(principal).filter(agent__isnull=False, session__isnull=False, parent=None)
    if ask.session_id is not None:
        runs = runs.filter(session=ask.session_id)
    elif message is not None:
        runs = runs.filter(session__messages=message)
    else:
        return None
    run = runs.select_related("agent").order_by("-id").first()
    if run is None or run.agent is None or ANYTHING in run.agent.capabilities:
        return None
    return roster_for(principal).members.get(run.agent.agent_id)


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
