"""What hosts register of verifications, and what is seen of a code in what people write."""

from typing import Any

import pytest

from apps.opie import checks
from apps.opie.engine import hooks, verification_steps
from apps.opie.engine.verification_codes import masked
from apps.opie.engine.verification_steps import register_verification


@pytest.fixture(autouse=True)
def _no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification_steps, "_registered", [])
    monkeypatch.setattr(hooks, "_hooks", [])


async def later(_: Any) -> None:
    """Not what is wanted."""


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "No kind"},
        {"recognise": "no function"},
        {"recognise": later},
        {"agent_ids": "support"},
        {"agent_ids": []},
        {"code_to": "ann@example.com"},
    ],
)
def test_mistakes_are_said_at_start_and_nothing_is_called(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"kind": "customer", "recognise": lambda _: None, "agent_ids": ["support"]} | wrong
    register_verification(given.pop("kind"), **given)
    assert [one.id for one in checks.verifications_fit()] == ["opie.E008"]
    assert not hooks._hooks


def test_a_kind_is_registered_once() -> None:
    steps = [register_verification("customer", recognise=lambda _: None, agent_ids=["support"]) for _ in range(2)]
    assert "twice" in str(checks.verifications_fit()[0].msg)
    assert len(hooks._hooks) == 1
    for step in steps:
        step.remove()
    assert not checks.verifications_fit()
    assert not hooks._hooks


@pytest.mark.parametrize("text", ["123456", "It's 123 456!", "code: 123-456.", "(123456)", "123456, please"])
def test_a_code_is_seen(text: str) -> None:
    assert {"".join(found) for found in verification_steps._CODE.findall(text)} == {"123456"}


@pytest.mark.parametrize(
    "text", ["12345", "1234567", "+1 (204) 452-6452", "555 123 456 78", "1.123456", "#123456", "a123456"]
)
def test_other_numbers_are_none(text: str) -> None:
    assert not verification_steps._CODE.findall(text)


def test_an_address_is_masked() -> None:
    assert masked("luisg@embraer.com.br") == "l•••@embraer.com.br"
    assert masked("l@embraer.com.br") == "l•••@embraer.com.br"
