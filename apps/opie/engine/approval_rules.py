"""Which calls wait for a yes, and whose: what the tool demands, and what the agent adds. Nothing takes away."""

from apps.api.errors import Conflict
from apps.opie.models import Agent
from apps.opie.models.approval_rules import ApprovalRule, UnreadableRules, read_rules
from apps.opie.tools.registry import TOOLS


def rule_for(agent: Agent | None, tool_name: str, role: str | None) -> ApprovalRule | None:
    """The rule for a call of this tool by this agent for somebody of this role; None when it need not wait.

    Raises Conflict for an agent whose rules cannot be read: nothing that may need a yes runs then.
    """
    rules = [rule for rule in _rules(agent, tool_name) if rule.concerns(role)]
    if not rules:
        return None
    return rules[0] if len(rules) == 1 else rules[0].and_also(rules[1])


def tools_that_wait(agent: Agent, role: str | None) -> list[str]:
    """Of the agent's tools, those whose calls wait for somebody of this role. Raises Conflict like rule_for."""
    return [name for name in agent.tools if rule_for(agent, name, role) is not None]


def _rules(agent: Agent | None, tool_name: str) -> list[ApprovalRule]:
    tool = TOOLS.get(tool_name)
    demanded = tool.approval if tool is not None else None
    try:
        added = read_rules(agent.approvals).get(tool_name) if agent is not None else None
    except UnreadableRules as error:
        raise Conflict(
            f"This agent's rules of approval cannot be read. {error}", code="approval_rules_unreadable"
        ) from None
    return [rule for rule in (demanded, added) if rule is not None]
