"""DjangoDb under real Agno agents, teams and workflows: what they do lands in rows, and stays its owner's."""

from typing import Any
from uuid import uuid4

import pytest
from agno.agent import Agent as AgnoAgent
from agno.db.base import SessionType
from agno.db.schemas import UserMemory
from agno.models.message import Message
from agno.run.agent import RunInput, RunOutput
from agno.run.base import RunStatus as AgnoStatus
from agno.run.status_persist import RunPersistOutcome
from agno.session import AgentSession, TeamSession, WorkflowSession
from agno.team import Team as AgnoTeam
from agno.workflow import Step, Workflow
from django.db import connection

from apps.opie import rows
from apps.opie.agentos.acting import NobodyActs, acting_principal
from apps.opie.agentos.db import DjangoDb
from apps.opie.agentos.not_offered import NotOffered
from apps.opie.agentos.session_rows import MOST_AGNO_DATA, SessionDataTooLarge
from apps.opie.engine import recording
from apps.opie.models import AgentOSMemory, AgentOSMessage, AgentOSRun, AgentOSSession
from tests.opie.agentos.conftest import Person
from tests.opie.agentos.tiny import TinyModel


def agno_agent(db: DjangoDb, **more: Any) -> AgnoAgent:
    return AgnoAgent(
        id="plain", name="Plain", model=TinyModel(**more), db=db, add_history_to_context=True, telemetry=False
    )


async def messages_in(session_id: str) -> list[tuple[int, str, str, bool]]:
    def read() -> list[tuple[int, str, str, bool]]:
        found = AgentOSMessage.objects.filter(session=session_id).order_by("number")
        return list(found.values_list("number", "role", "content", "is_answer"))

    return await rows.run(read)


async def run_row(run_id: str) -> AgentOSRun:
    return await rows.run(AgentOSRun.objects.get, pk=run_id)


async def test_an_agent_keeps_two_turns_and_reads_them_back(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    first = await agno_agent(db).arun("one", session_id=session_id)
    second = await agno_agent(db).arun("two", session_id=session_id)
    assert (first.content, second.content) == ("1: one", "2: two")

    session = await db.get_session(session_id)
    assert isinstance(session, AgentSession)
    assert session.agent_id == "plain"
    assert [run.run_id for run in session.runs or []] == [first.run_id, second.run_id]
    assert [message.content for message in session.get_chat_history()] == ["one", "1: one", "two", "2: two"]
    assert await messages_in(session_id) == [
        (1, "user", "one", False),
        (2, "assistant", "1: one", True),
        (3, "user", "two", False),
        (4, "assistant", "2: two", True),
    ]
    row = await rows.run(AgentOSSession.objects.get, pk=session_id)
    assert (row.user_id, row.message_count) == (ann.user.pk, 4)


async def test_a_team_keeps_two_turns_and_reads_them_back(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    team = AgnoTeam(
        id="plain-team",
        members=[AgnoAgent(id="member", model=TinyModel(), telemetry=False)],
        model=TinyModel(),
        db=db,
        add_history_to_context=True,
        telemetry=False,
    )
    await team.arun("one", session_id=session_id)
    second = await team.arun("two", session_id=session_id)
    assert second.content == "2: two"

    session = await db.get_session(session_id, SessionType.TEAM)
    assert isinstance(session, TeamSession)
    assert session.team_id == "plain-team"
    assert [message.content for message in session.get_chat_history()] == ["one", "1: one", "two", "2: two"]


async def test_a_workflow_keeps_two_turns_and_reads_them_back(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    step = Step(name="say", agent=AgnoAgent(id="sayer", model=TinyModel(), telemetry=False))
    workflow = Workflow(id="plain-flow", name="Flow", steps=[step], db=db, telemetry=False)
    await workflow.arun("one", session_id=session_id)
    await workflow.arun("two", session_id=session_id)

    session = await db.get_session(session_id, SessionType.WORKFLOW)
    assert isinstance(session, WorkflowSession)
    assert session.workflow_id == "plain-flow"
    assert session.get_workflow_history() == [("one", "1: one"), ("two", "1: two")]
    assert [role for _, role, _, _ in await messages_in(session_id)] == ["user", "assistant"] * 2


async def test_a_members_run_is_kept_under_its_team_and_out_of_the_conversation(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id, team_run, member_run = str(uuid4()), str(uuid4()), str(uuid4())
    await db.upsert_session(TeamSession(session_id=session_id, team_id="t"))
    await db.upsert_run(finished("asked", team_run), session_id)
    await db.upsert_run(finished("delegated", member_run, parent_run_id=team_run, agent_id="member"), session_id)
    row = await run_row(member_run)
    assert str(row.parent_id) == team_run
    assert len(await messages_in(session_id)) == 2
    read = await db.get_run(member_run)
    assert (read.agent_id, read.parent_run_id, read.content) == ("member", team_run, "answer to delegated")

    orphan = str(uuid4())
    await db.upsert_run(finished("x", orphan, parent_run_id=str(uuid4())), session_id)
    assert await db.get_run(orphan) is None


def finished(text: str, run_id: str, status: AgnoStatus = AgnoStatus.completed, **more: Any) -> RunOutput:
    answer = f"answer to {text}"
    messages = [
        Message(role="system", content="rules"),
        Message(role="user", content="before", from_history=True),
        Message(role="user", content=text),
        Message(role="assistant", content=answer),
    ]
    return RunOutput(run_id=run_id, input=RunInput(text), content=answer, messages=messages, status=status, **more)


async def test_no_table_of_agnos_own_is_made(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    await agno_agent(db).arun("hello", session_id=str(uuid4()))
    assert not [name for name in await rows.run(lambda: connection.introspection.table_names()) if "agno" in name]


async def test_memories_are_kept_changed_found_and_forgotten(ann: Person, ben: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    memory_id = str(uuid4())
    await db.upsert_user_memory(
        UserMemory(memory="Likes tea", memory_id=memory_id, topics=["drinks"], user_id="default")
    )
    await db.upsert_user_memory(UserMemory(memory="Likes green tea", memory_id=memory_id, topics=["drinks", "green"]))
    assert [one.memory for one in await db.get_user_memories()] == ["Likes green tea"]
    assert await db.get_all_memory_topics() == ["drinks", "green"]
    assert (await db.get_user_memory_stats())[0][0]["total_memories"] == 1
    assert [one.memory_id for one in await db.get_user_memories(topics=["green"], search_content="GREEN")] == [
        memory_id
    ]
    assert await db.get_user_memories(user_id=str(ben.user.pk)) == []

    other = DjangoDb(await rows.run(lambda: ben.principal))
    assert await other.get_user_memory(memory_id) is None
    assert await other.upsert_user_memory(UserMemory(memory="Mine now", memory_id=memory_id)) is None
    await other.delete_user_memory(memory_id)
    await other.clear_memories()
    assert (await db.get_user_memory(memory_id)).memory == "Likes green tea"
    await db.delete_user_memory(memory_id)
    assert await rows.run(AgentOSMemory.objects.count) == 0


async def test_somebody_else_finds_and_changes_nothing(ann: Person, ben: Person) -> None:
    mine = DjangoDb(await rows.run(lambda: ann.principal))
    theirs = DjangoDb(await rows.run(lambda: ben.principal))
    session_id = str(uuid4())
    run = await agno_agent(mine).arun("secret", session_id=session_id)
    before = await messages_in(session_id)

    assert await theirs.get_session(session_id) is None
    assert await theirs.get_sessions() == []
    assert await theirs.get_run(run.run_id) is None
    assert await theirs.get_runs(session_id) == []
    assert await theirs.rename_session(session_id, None, "taken") is None
    assert await theirs.delete_session(session_id) is False
    assert await theirs.delete_run(run.run_id) is False
    assert (
        await theirs.upsert_session(AgentSession(session_id=session_id, session_data={"session_name": "taken"})) is None
    )
    await theirs.upsert_run(finished("mine now", run.run_id), session_id)
    await theirs.upsert_run(finished("mine now", str(uuid4())), session_id)
    assert await theirs.cancel_pending_run(run.run_id, session_id=session_id, reason="x") is False
    patched = await theirs.update_run_in_session(session_id, run.run_id, {"status": AgnoStatus.cancelled})
    assert patched is RunPersistOutcome.MISSING

    assert await messages_in(session_id) == before
    row = await rows.run(AgentOSSession.objects.get, pk=session_id)
    assert (row.user_id, row.title) == (ann.user.pk, "")


async def test_another_persons_run_id_in_ones_own_session_takes_nothing_over(ann: Person, ben: Person) -> None:
    mine, theirs = DjangoDb(await rows.run(lambda: ann.principal)), DjangoDb(await rows.run(lambda: ben.principal))
    run = await agno_agent(mine).arun("secret", session_id=str(uuid4()))
    own = str(uuid4())
    await theirs.upsert_session(AgentSession(session_id=own))
    await theirs.upsert_run(finished("mine now", run.run_id), own)
    row = await run_row(run.run_id)
    assert (row.user_id, str(row.session_id)) == (ann.user.pk, run.session_id)
    assert await messages_in(own) == []


async def test_naming_another_user_reads_and_writes_nothing(ann: Person, ben: Person) -> None:
    db, ben_id = DjangoDb(await rows.run(lambda: ann.principal)), str(ben.user.pk)
    session_id = str(uuid4())
    assert await db.upsert_session(AgentSession(session_id=session_id, user_id=ben_id)) is None
    await db.upsert_session(AgentSession(session_id=session_id))
    assert await db.get_session(session_id, user_id=ben_id) is None
    assert await db.get_sessions(user_id=ben_id, deserialize=False) == ([], 0)
    await db.upsert_run(finished("x", str(uuid4())), session_id, user_id=ben_id)
    assert await messages_in(session_id) == []


async def test_a_run_never_leaves_an_end_state(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id, run_id = str(uuid4()), str(uuid4())
    await db.upsert_session(AgentSession(session_id=session_id))
    await db.upsert_run(finished("x", run_id, AgnoStatus.running), session_id)
    await db.upsert_run(finished("x", run_id, AgnoStatus.cancelled), session_id)
    await db.upsert_run(finished("changed", run_id), session_id)
    patched = await db.update_run_in_session(session_id, run_id, {"status": AgnoStatus.running})
    assert patched is RunPersistOutcome.TERMINAL_REFUSED
    assert (await run_row(run_id)).status == "cancelled"
    assert [content for _, _, content, _ in await messages_in(session_id)] == ["x", "answer to x"]


async def test_a_run_that_the_recorder_writes_is_left_to_it(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id, run_id = str(uuid4()), uuid4()
    await db.upsert_session(AgentSession(session_id=session_id))
    recording.begin(run_id)
    try:
        await db.upsert_run(finished("x", str(run_id)), session_id)
        await db.upsert_run(finished("x", str(uuid4()), parent_run_id=str(run_id)), session_id)
    finally:
        recording.forget(run_id)
    assert await rows.run(AgentOSRun.objects.count) == 0


async def test_a_failed_run_keeps_no_text_of_the_exception(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    run = await agno_agent(db, fails=True).arun("x", session_id=session_id)
    assert run.status == AgnoStatus.error
    assert (await run_row(run.run_id)).status == "failed"
    assert "secret@internal" not in str(await messages_in(session_id))


async def test_history_is_bounded_however_long_the_session_is(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal), history_runs=2)
    session_id = str(uuid4())
    await db.upsert_session(AgentSession(session_id=session_id))
    for text in "abcd":
        await db.upsert_run(finished(text, str(uuid4())), session_id)
    await db.upsert_run(finished("failed", str(uuid4()), AgnoStatus.error), session_id)
    session = await db.get_session(session_id)
    assert [run.input.input_content for run in session.runs] == ["d", "failed"]
    for_context = await db.get_session(session_id, runs_limit=5)
    assert [run.input.input_content for run in for_context.runs] == ["c", "d"]
    numbers = [number for number, *_ in await messages_in(session_id)]
    assert numbers == list(range(1, 11))


async def test_sessions_are_narrowed_sorted_and_paged(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    for name in ("Alpha", "Beta", "Gamma"):
        await db.upsert_session(
            AgentSession(session_id=str(uuid4()), agent_id=name.lower(), session_data={"session_name": name})
        )
    await db.upsert_session(TeamSession(session_id=str(uuid4()), team_id="crew", session_data={"session_name": "Crew"}))

    found, count = await db.get_sessions(
        SessionType.AGENT, sort_by="session_name", sort_order="asc", limit=2, page=2, deserialize=False
    )
    assert (count, [one["session_data"]["session_name"] for one in found]) == (3, ["Gamma"])
    found, count = await db.get_sessions(session_name="et", deserialize=False)
    assert (count, found[0]["agent_id"], found[0]["session_type"]) == (1, "beta", "agent")
    found, count = await db.get_sessions(component_id="crew", deserialize=False)
    assert (count, found[0]["session_type"], found[0]["team_id"]) == (1, "team", "crew")
    found, count = await db.get_sessions(end_timestamp=1, deserialize=False)
    assert count == 0
    renamed = await db.rename_session(found[0]["session_id"] if found else str(uuid4()), None, "x")
    assert renamed is None


async def test_agnos_session_state_is_kept_under_one_key_and_bounded(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    await db.upsert_session(AgentSession(session_id=session_id, session_data={"session_state": {"step": 2}}))
    assert (await db.get_session(session_id)).session_data["session_state"] == {"step": 2}
    row = await rows.run(AgentOSSession.objects.get, pk=session_id)
    assert list(row.metadata) == ["agno"]
    with pytest.raises(SessionDataTooLarge):
        await db.upsert_session(AgentSession(session_id=session_id, session_data={"x": "y" * MOST_AGNO_DATA}))
    assert (await db.get_session(session_id)).session_data["session_state"] == {"step": 2}


async def test_text_that_postgresql_cannot_keep_is_cleaned(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    session_id = str(uuid4())
    state = {"session_name": "a\x00b", "session_state": {"k\x00": "\ud800"}}
    await db.upsert_session(AgentSession(session_id=session_id, session_data=state))
    await db.upsert_run(finished("a\x00b \ud800", str(uuid4())), session_id)
    await db.upsert_user_memory(UserMemory(memory="a\x00b", memory_id=str(uuid4())))
    session = await db.get_session(session_id)
    assert session.session_data["session_name"] == "ab"
    assert session.session_data["session_state"] == {"k": "\ufffd"}
    assert [content for _, _, content, _ in await messages_in(session_id)] == ["ab \ufffd", "answer to ab \ufffd"]


async def test_ids_that_are_not_uuids_name_nothing(ann: Person) -> None:
    db = DjangoDb(await rows.run(lambda: ann.principal))
    assert await db.get_session("../etc") is None
    assert await db.upsert_session(AgentSession(session_id="my-session")) is None
    assert await db.get_run("1 OR 1=1") is None
    assert await db.get_user_memory("x") is None


async def test_nobody_reads_nothing(transactional_db: None) -> None:
    with pytest.raises(NobodyActs):
        await DjangoDb().get_sessions()


async def test_the_acting_principal_decides_where_none_is_given(ann: Person) -> None:
    principal = await rows.run(lambda: ann.principal)
    token = acting_principal.set(principal)
    try:
        assert await DjangoDb().get_sessions() == []
    finally:
        acting_principal.reset(token)


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.get_knowledge_contents(),
        lambda db: db.get_metrics(),
        lambda db: db.get_traces(),
        lambda db: db.create_schedule({}),
        lambda db: db.get_approvals(),
        lambda db: db.get_learnings(),
        lambda db: db.reassign_session_owner("x", previous_user_id="a", user_id="b"),
        lambda db: db.create_service_account({}),
    ],
)
async def test_what_is_not_kept_is_refused(call: Any, ann: Person) -> None:
    with pytest.raises(NotOffered):
        await call(DjangoDb(await rows.run(lambda: ann.principal)))
