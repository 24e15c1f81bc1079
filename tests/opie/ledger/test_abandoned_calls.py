"""Calls outside a run whose process died."""

from datetime import UTC, datetime, timedelta

from apps.opie.ledger.calls import ABANDONED_AFTER, close_abandoned_calls, open_call
from apps.opie.models import AgentOSUsage, AIPlatform
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.scope import RunScope
from tests.opie.people import Person


def test_a_call_that_nobody_will_settle_is_closed_once_it_is_old(
    person: Person, platforms: dict[str, AIPlatform]
) -> None:
    call_id = open_call(RunScope(person.principal, purpose="test"), platforms["offline"], "a-model")
    now = datetime.now(UTC)
    assert close_abandoned_calls(now) == 0
    assert close_abandoned_calls(now + ABANDONED_AFTER + timedelta(minutes=1)) == 1
    row = AgentOSUsage.objects.get(pk=call_id)
    assert (row.outcome, row.certainty, row.cost) == (CallOutcome.INTERRUPTED, Certainty.UNKNOWN, None)
    assert close_abandoned_calls(now + 2 * ABANDONED_AFTER) == 0
