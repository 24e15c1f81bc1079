"""Platforms over real sockets whose models are rules: what they answer is decided by what they are asked."""

import json
from asyncio import StreamWriter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.vendors.reply import Reply
from tests.vendors.server import Asked, VendorServer

Body = dict[str, Any]
Call = tuple[str, dict[str, Any]]
DELEGATE = "delegate_task_to_member"
_OF_INVOICES = "get_invoices_by_customer_sorted_by_date"
_OF_CATALOGUE = "check_for_songs"


@dataclass
class RuledServer(VendorServer):
    """Answers each request with what `rule` makes of it. Texts are embedded as by any other platform."""

    rule: Callable[[Body], Reply] = lambda _: Reply("Done.")

    async def _answer(self, asked: Asked, writer: StreamWriter) -> None:
        if "messages" in asked.body:
            self.will(self.rule(asked.body))
        await super()._answer(asked, writer)


@dataclass(frozen=True)
class Plan:
    """What the team's models do with one message: whom they ask, and what each member's model calls."""

    task: str
    members: Sequence[str]
    calls: Sequence[Call] = ()
    catalogue_calls: Sequence[Call] = ()

    def reply_to(self, body: Body) -> Reply:
        """Calls everything at once, and then says again whatever was answered, word for word."""
        heard = _answers_of_tools(body)
        if heard:
            return Reply("\n".join(heard), in_one_piece=True)
        calls = self._calls(_tools_of(body))
        if not calls:
            return Reply("Done.")
        (tool, arguments), *more = calls
        return Reply("", tool=tool, arguments=arguments, more_calls=tuple(more), in_one_piece=True)

    def _calls(self, tools: set[str]) -> Sequence[Call]:
        if DELEGATE in tools:
            return [(DELEGATE, {"member_id": member, "task": self.task}) for member in self.members]
        if _OF_INVOICES in tools:
            return self.calls
        return self.catalogue_calls if _OF_CATALOGUE in tools else ()


class Plans:
    """Of several conversations at once: a plan is told by the task in the last question."""

    def __init__(self) -> None:
        self._by_task: dict[str, Plan] = {}

    def add(self, plan: Plan) -> None:
        assert plan.task not in self._by_task, f"asked twice: {plan.task}"
        self._by_task[plan.task] = plan

    def reply_to(self, body: Body) -> Reply:
        plan = self.plan_for(body)
        return plan.reply_to(body) if plan else Reply("Done.")

    def plan_for(self, body: Body) -> Plan | None:
        asked = next((str(one["content"]) for one in reversed(body["messages"]) if one["role"] == "user"), "")
        found = [task for task in self._by_task if task in asked]
        return self._by_task[max(found, key=len)] if found else None


def tools_asked(asked: Sequence[Asked]) -> list[str]:
    """What tools answered in these requests, as the models were told it."""
    return [text for one in asked for text in _answers_of_tools(one.body)]


def _tools_of(body: Body) -> set[str]:
    return {tool["function"]["name"] for tool in body.get("tools", ())}


def _answers_of_tools(body: Body) -> list[str]:
    """Since the last question."""
    found: list[str] = []
    for message in reversed(body.get("messages", ())):
        if message["role"] == "user":
            break
        if message["role"] == "tool":
            content = message["content"]
            found.append(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False))
    return found[::-1]
