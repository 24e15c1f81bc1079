"""DjangoDb: Agno's only way to rows. Its sessions, runs and memories are the Django rows.

It acts for one principal: the one it was made with, or else the one the request or the run under way acts for;
with neither it refuses (NobodyActs). A foreign id reads like an unknown one. What Opie does not keep for Agno is
refused with NotOffered.
"""

# ruff: noqa: ARG002 - the arguments are those of Agno's interface

from dataclasses import replace
from typing import Any, cast

from agno.db.base import SessionType
from agno.db.schemas import UserMemory
from agno.db.utils import deserialize_run, get_run_type
from agno.run.base import RunStatus
from agno.run.status_persist import RunPersistOutcome

from apps.accounts.principal import Principal
from apps.opie import rows
from apps.opie.agentos import memory_rows, run_rows, session_rows
from apps.opie.agentos import sessions_mapping as mapping
from apps.opie.agentos.acting import require_acting_principal
from apps.opie.agentos.memory_rows import MemoryFilter
from apps.opie.agentos.not_offered import RefusingDb, refusing_what_is_left
from apps.opie.agentos.run_rows import RunFilter
from apps.opie.agentos.session_rows import Reading, SessionFilter
from apps.opie.agentos.sessions_mapping import AnyRun, AnySession
from apps.opie.engine.history import current_history
from apps.opie.scope import current_scope

DB_ID = "opie"
HISTORY_RUNS = 50


@refusing_what_is_left
class DjangoDb(RefusingDb):
    """`history_runs` bounds the runs that are read with a session, so that a turn costs the same however long the
    session is; `figures` adds tokens and times from the ledger, for whoever shows them."""

    def __init__(
        self, principal: Principal | None = None, *, history_runs: int = HISTORY_RUNS, figures: bool = False
    ) -> None:
        super().__init__(id=DB_ID)
        self._principal = principal
        self._reading = Reading(runs=history_runs, figures=figures)

    def _acting(self) -> Principal:
        return self._principal or require_acting_principal()

    def _named(self, user_id: str | None) -> Principal | None:
        """Who acts, when Agno's user_id means them; None when it means somebody else, who has nothing here."""
        principal = self._acting()
        return principal if session_rows.names(principal, user_id) else None

    async def close(self) -> None:
        """There is nothing to close: connections are given back after each use."""

    # --- tables: Django's migrations make them, Agno makes none ------------------------------------------

    async def table_exists(self, table_name: str) -> bool:
        return False

    async def get_latest_schema_version(self, table_name: str) -> str:
        return ""

    async def upsert_schema_version(self, table_name: str, version: str) -> None:
        return None

    # --- sessions ----------------------------------------------------------------------------------------

    async def get_session(
        self,
        session_id: str,
        session_type: SessionType | None = None,
        user_id: str | None = None,
        deserialize: bool | None = True,
        runs_limit: int | None = None,
    ) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return None
        as_type = SessionType(session_type) if session_type is not None else None
        history = current_history.get()
        if history is not None and deserialize and session_id == str(history.chain.session_id):
            return mapping.session_for_run(history, principal.user_id, as_type)
        scope = current_scope.get()
        if scope is not None and scope.run_id is not None and scope.session_id is None:
            return None  # a run on its own has none
        reading = self._reading
        if runs_limit is not None or scope is not None:
            most = reading.runs if runs_limit is None else min(runs_limit, reading.runs)
            reading = replace(reading, runs=most, for_context=True)
        found = await rows.run(session_rows.read_session, principal, session_id, reading)
        if found is None:
            return None
        build = mapping.session_of if deserialize else mapping.session_dict_of
        return build(*found, as_type)

    async def get_sessions(
        self,
        session_type: SessionType | None = None,
        user_id: str | None = None,
        component_id: str | None = None,
        session_name: str | None = None,
        start_timestamp: int | None = None,
        end_timestamp: int | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
        include_runs: bool = True,
    ) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return [] if deserialize else ([], 0)
        wanted = SessionFilter(
            session_type, component_id, session_name, start_timestamp, end_timestamp, limit, page, sort_by, sort_order
        )
        # A raw list is shown as names and dates; the runs of a page of sessions would be read for nothing.
        reading = self._reading if deserialize and include_runs else None
        found, count = await rows.run(session_rows.read_sessions, principal, wanted, reading)
        if deserialize:
            return [mapping.session_of(row, runs, session_type) for row, runs in found]
        return [mapping.session_dict_of(row, None, session_type) for row, _ in found], count

    async def upsert_session(self, session: Any, deserialize: bool | None = True) -> Any:
        """Raises SessionDataTooLarge; None for an id that cannot be a session of this person."""
        principal = self._acting()
        scope = current_scope.get()
        if scope is not None and scope.run_id is not None and scope.session_id is None:
            return session  # a run on its own: Agno makes up a session for it, which nobody has asked for
        history = current_history.get()
        if (
            history is not None
            and session.session_id == str(history.chain.session_id)
            and session_rows.changes_nothing(history.chain.agno, session)
        ):
            return session
        row = await rows.run(session_rows.store_session, principal, cast(AnySession, session))
        if row is None:
            return None
        return session if deserialize else mapping.session_dict_of(row)

    async def insert_session_if_absent(self, session: Any) -> bool | None:
        return await rows.run(session_rows.insert_session_if_absent, self._acting(), cast(AnySession, session))

    async def rename_session(
        self,
        session_id: str,
        session_type: SessionType | None,
        session_name: str,
        user_id: str | None = None,
        deserialize: bool | None = True,
    ) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return None
        row = await rows.run(session_rows.rename_session, principal, session_id, session_name)
        if row is None:
            return None
        return await self.get_session(session_id, session_type, deserialize=deserialize)

    async def delete_session(self, session_id: str, user_id: str | None = None) -> bool:
        principal = self._named(user_id)
        return principal is not None and bool(await rows.run(session_rows.delete_sessions, principal, [session_id]))

    async def delete_sessions(self, session_ids: list[str], user_id: str | None = None) -> None:
        principal = self._named(user_id)
        if principal is not None:
            await rows.run(session_rows.delete_sessions, principal, session_ids)

    # --- runs --------------------------------------------------------------------------------------------

    async def get_run(self, run_id: str, deserialize: bool | None = True) -> Any:
        found = await rows.run(run_rows.read_run, self._acting(), run_id, figures=self._reading.figures)
        if found is None:
            return None
        build = mapping.run_of if deserialize else mapping.run_dict_of
        return build(found, found.row.session)

    async def get_runs(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        workflow_id: str | None = None,
        status: RunStatus | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
    ) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return [] if deserialize else ([], 0)
        components = tuple(component for component in (agent_id, team_id, workflow_id) if component)
        wanted = RunFilter(session_id, components, status, limit, page, newest_first=sort_order == "desc")
        found, count = await rows.run(run_rows.read_runs, principal, wanted, figures=self._reading.figures)
        if deserialize:
            return [mapping.run_of(run, run.row.session) for run in found]
        return [mapping.run_dict_of(run, run.row.session) for run in found], count

    async def upsert_run(
        self,
        run: Any,
        session_id: str,
        user_id: str | None = None,
        run_index: int | None = None,
    ) -> None:
        """`run_index` is not used: with a bounded history Agno computes it wrong, so the rows number themselves."""
        stored = _as_run(run)
        if not run_rows.left_to_recorder(stored):
            await rows.run(run_rows.store_run, self._acting(), stored, session_id, user_id)

    async def append_run_to_session_if_absent(
        self, session_id: str, run_dict: dict[str, Any], user_id: str | None = None
    ) -> bool | None:
        return await rows.run(run_rows.append_run_if_absent, self._acting(), _as_run(run_dict), session_id, user_id)

    async def update_run_in_session(
        self,
        session_id: str,
        run_id: str,
        fields: dict[str, Any],
        expected_attempt: int | None = None,
        user_id: str | None = None,
        content_if_absent: str | None = None,
        session_data: dict[str, Any] | None = None,
    ) -> RunPersistOutcome:
        status = fields.get("status")
        return await rows.run(run_rows.patch_run, self._acting(), session_id, run_id, status, user_id)

    async def cancel_pending_run(
        self,
        run_id: str,
        *,
        session_id: str,
        reason: str,
        user_id: str | None = None,
        expected_status: str = "PENDING",
    ) -> bool:
        return await rows.run(run_rows.cancel_run, self._acting(), session_id, run_id, expected_status, user_id)

    async def delete_run(self, run_id: str) -> bool:
        return bool(await rows.run(run_rows.delete_runs, self._acting(), [run_id]))

    async def delete_runs(self, run_ids: list[str]) -> None:
        await rows.run(run_rows.delete_runs, self._acting(), run_ids)

    # --- memories ----------------------------------------------------------------------------------------

    async def clear_memories(self) -> None:
        await rows.run(memory_rows.clear_memories, self._acting(), current_scope.get())

    async def delete_user_memory(self, memory_id: str, user_id: str | None = None) -> None:
        await self.delete_user_memories([memory_id], user_id)

    async def delete_user_memories(self, memory_ids: list[str], user_id: str | None = None) -> None:
        principal = self._named(user_id)
        if principal is not None:
            await rows.run(memory_rows.delete_memories, principal, memory_ids, current_scope.get())

    async def get_all_memory_topics(self, user_id: str | None = None) -> list[str]:
        principal = self._named(user_id)
        return await rows.run(memory_rows.topics_of, principal) if principal is not None else []

    async def get_user_memory(self, memory_id: str, deserialize: bool | None = True, user_id: str | None = None) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return None
        row = await rows.run(memory_rows.find_memory, principal, memory_id, current_scope.get())
        if row is None:
            return None
        return memory_rows.memory_of(row) if deserialize else memory_rows.memory_dict_of(row)

    async def get_user_memories(
        self,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        topics: list[str] | None = None,
        search_content: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
    ) -> Any:
        principal = self._named(user_id)
        if principal is None:
            return [] if deserialize else ([], 0)
        scope = current_scope.get()
        if scope is not None and deserialize:
            return [
                memory_rows.memory_of(row) for row in await rows.run(memory_rows.memories_for_run, principal, scope)
            ]
        wanted = MemoryFilter(agent_id or team_id, topics, search_content, limit, page, sort_by, sort_order)
        found, count = await rows.run(memory_rows.read_memories, principal, wanted)
        if deserialize:
            return [memory_rows.memory_of(row) for row in found]
        return [memory_rows.memory_dict_of(row) for row in found], count

    async def get_user_memory_stats(
        self, limit: int | None = None, page: int | None = None, user_id: str | None = None
    ) -> tuple[list[dict[str, Any]], int]:
        principal = self._named(user_id)
        return await rows.run(memory_rows.stats_of, principal) if principal is not None else ([], 0)

    async def upsert_user_memory(self, memory: UserMemory, deserialize: bool | None = True) -> Any:
        row = await rows.run(memory_rows.store_memory, self._acting(), memory, current_scope.get())
        if row is None:
            return None
        return memory_rows.memory_of(row) if deserialize else memory_rows.memory_dict_of(row)


def _as_run(run: Any) -> AnyRun:
    """Agno hands over runs as objects, and sometimes as dictionaries."""
    if not isinstance(run, dict):
        return cast(AnyRun, run)
    return cast(AnyRun, deserialize_run(get_run_type(run), dict(run)))
