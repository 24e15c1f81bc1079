"""The agent that is asked for, as its rows are now: one short statement while none of them has changed. Sync.

Reading an agent with its models and platforms takes longer than everything else before the model is called. So what was
read is kept with a stamp of its rows, and the stamp is asked for each time: whoever changes a row, by whatever way, is
heeded by the next message.
"""

import copy
import functools
from collections import OrderedDict
from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Func, TextField, Value
from django.db.models.functions import Concat

from apps.accounts.principal import Principal
from apps.api.statements import prepared_cursor
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind

MOST_KEPT = 500

# PostgreSQL's own mark on each version of a row. Of platforms, tiers and local models those that may count here; of models the
# agent's.
_PLATFORMS = """
    (SELECT string_agg(p.id::text || p.xmin::text || p.ctid::text, ',' ORDER BY p.id) FROM opie_aiplatform p
     WHERE p.team_id IS NULL OR p.team_id = %(expressions)s)
"""
_MODELS = """
    (SELECT string_agg(m.xmin::text || m.ctid::text, ',' ORDER BY m.id) FROM opie_agentmodel m
     WHERE m.agent_id = %(expressions)s)
"""
_TIERS = """
    (SELECT string_agg(t.xmin::text || t.ctid::text, ',' ORDER BY t.id) FROM opie_modeltier t
     WHERE t.team_id IS NULL OR t.team_id = %(expressions)s)
"""
_LOCAL_MODELS = """
    (SELECT string_agg(l.xmin::text || l.ctid::text, ',' ORDER BY l.id) FROM opie_llmmodel l
     WHERE l.team_id IS NULL OR l.team_id = %(expressions)s)
"""
_KNOWLEDGE = """
    (SELECT string_agg(k.xmin::text || k.ctid::text, ',' ORDER BY k.id) FROM opie_agentknowledge k
     WHERE k.agent_id = %(expressions)s)
"""
_ROW = "%(expressions)s || opie_agent.xmin::text || opie_agent.ctid::text"

_kept: OrderedDict[tuple[UUID, UUID | None], tuple[str, Agent]] = OrderedDict()
_lock = Lock()


def served_agent(principal: Principal, agent_id: str) -> Agent | None:
    """The agent of this id with its models, if this person may talk to it now. The row is the caller's own copy."""
    statement, arguments = _statement(principal, agent_id, settings.AGENTOS_INCLUDE_VAULT_AGENTS)
    with prepared_cursor() as cursor:
        cursor.execute(statement, arguments)
        found = cursor.fetchone()
    if found is None:
        return None
    pk, kind, stamp = found
    if kind == AgentKind.TEAM:  # members are agents of their own
        return _read(principal, agent_id)
    key = (pk, principal.team_id)
    kept = _kept.get(key)
    if kept is None or kept[0] != stamp:
        agent = _read(principal, agent_id)
        if agent is None:
            return None
        agent.worked_out = {}
        kept = stamp, agent
        _keep(key, kept)
    return _copy_of(kept[1])


def _read(principal: Principal, agent_id: str) -> Agent | None:
    return Agent.objects.served_to(principal).with_models().filter(agent_id=agent_id).first()


def _copy_of(agent: Agent) -> Agent:
    """Whoever changes his copy, a host's builder perhaps, changes no other's."""
    row = copy.copy(agent)
    row.capabilities, row.tools, row.starters = list(agent.capabilities), list(agent.tools), list(agent.starters)
    row.approvals, row.output_schema = copy.deepcopy(agent.approvals), copy.deepcopy(agent.output_schema)
    return row


def _keep(key: tuple[UUID, UUID | None], entry: tuple[str, Agent]) -> None:
    with _lock:
        _kept[key] = entry
        _kept.move_to_end(key)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)


@functools.lru_cache(maxsize=MOST_KEPT)
def _statement(principal: Principal, agent_id: str, _include_private: bool) -> tuple[str, tuple[Any, ...]]:
    """What is asked for each message, as SQL: the same question as always, put together once for each person."""
    stamp = Concat(
        Func(Value("", output_field=TextField()), template=_ROW, output_field=TextField()),
        Value(";", output_field=TextField()),
        Func(F("pk"), template=_MODELS, output_field=TextField()),
        Value(";", output_field=TextField()),
        Func(F("pk"), template=_KNOWLEDGE, output_field=TextField()),
        Value(";", output_field=TextField()),
        Func(Value(principal.team_id), template=_PLATFORMS, output_field=TextField()),
        Value(";", output_field=TextField()),
        Func(Value(principal.team_id), template=_TIERS, output_field=TextField()),
        Value(";", output_field=TextField()),
        Func(Value(principal.team_id), template=_LOCAL_MODELS, output_field=TextField()),
        output_field=TextField(),
    )
    asked = Agent.objects.served_to(principal).filter(agent_id=agent_id).order_by()
    statement, arguments = asked.values_list("pk", "kind", stamp).query.sql_with_params()
    return statement, tuple(arguments)
