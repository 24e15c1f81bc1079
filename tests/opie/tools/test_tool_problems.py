"""What is wrong with a host's tools is said at start, with what to write instead."""

from typing import TYPE_CHECKING, Any

import pytest

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.opie import checks
from apps.opie.models.approval_rules import ApprovalRule
from apps.opie.scope import RunScope
from apps.opie.tools import registry

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "TOOLS", {})
    monkeypatch.setattr(registry, "TAKEN", [])


def fine(scope: RunScope, number: int, note: str | None = None) -> str:
    """Do it."""
    return f"{scope} {number} {note}"


def unannotated_scope(scope) -> str:  # type: ignore[no-untyped-def]
    """Do it."""
    return str(scope)


def perhaps_scope(who: RunScope | None) -> str:
    """Do it."""
    return str(who)


def forged(principal: Principal) -> str:
    """Do it."""
    return principal.email


def undocumented(number: int) -> int:
    return number


def untyped(number) -> str:  # type: ignore[no-untyped-def]
    """Do it."""
    return str(number)


def any_number(*numbers: int) -> int:
    """Do it."""
    return sum(numbers)


def anything(**given: Any) -> str:
    """Do it."""
    return str(given)


def unresolvable(amount: "Decimal") -> str:
    """Do it."""
    return str(amount)


def of_a_row(row: Team) -> str:
    """Do it."""
    return row.name


def reserved(agent: str) -> str:
    """Do it."""
    return agent


async def anybody(principal: Principal) -> bool:
    """Not a plain function."""
    return principal.is_staff


@pytest.mark.parametrize(
    ("function", "options", "told"),
    [
        (unannotated_scope, {}, "the model is asked for scope, which is to come from Opie. Write scope: RunScope"),
        (perhaps_scope, {}, "the model is asked for who, which is to come from Opie. Write who: RunScope"),
        (forged, {}, "the model is asked for principal. Take scope: RunScope, and read scope.principal"),
        (undocumented, {}, "it has no docstring"),
        (untyped, {}, "number has no annotation. Say what the model is to give, as in number: int"),
        (any_number, {}, "it takes *numbers: name each argument"),
        (anything, {}, "it takes **given: name each argument"),
        (unresolvable, {}, "its annotations cannot be read (name 'Decimal' is not defined)"),
        (of_a_row, {}, "row cannot be told to a model. Take text, a number"),
        (reserved, {}, "the argument agent is never asked of a model"),
        ("fine", {"name": "fine"}, "give a function (def or async def), not 'fine'"),
        (fine, {"name": "my tool!"}, "no platform takes its name. Say name= with letters"),
        (fine, {"label": " "}, "label is what people see it called"),
        (fine, {"approval": True}, "approval is an ApprovalRule, as in approval=ApprovalRule"),
        (fine, {"approval": ApprovalRule(roles=["boss"])}, "approval: roles is a list of owner, "),  # type: ignore[arg-type]
        (fine, {"audience": "manage_team"}, "audience cannot be called: give a function of (principal)"),
        (fine, {"audience": anybody}, "audience is async: give a plain function of (principal)"),
        (fine, {"audience": lambda: True}, "audience does not fit: it is called with (principal)"),
    ],
)
def test_a_mistake_is_said_at_start(function: Any, options: dict[str, Any], told: str) -> None:
    registry.register_tool(fine, label="Fine", name="fine_too")
    registry.register_tool(function, **{"label": "Tool"} | options)
    (message,) = checks.tools_fit()
    assert (message.id, bool(message.hint)) == ("opie.E011", True)
    assert f": {told}" in message.msg


def test_a_name_is_taken_once_and_the_first_stays() -> None:
    registry.register_tool(fine, label="Fine")
    registry.register_tool(fine, label="Fine")
    assert checks.tools_fit() == []
    registry.register_tool(undocumented, label="Other", name="fine")
    (message,) = checks.tools_fit()
    assert "The tool 'fine' is registered twice, first by tests.opie.tools.test_tool_problems" in message.msg
    assert registry.TOOLS["fine"].function is fine
