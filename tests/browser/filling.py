"""Rows of everything that pages show, with words as long as they can be."""

from datetime import timedelta

from django.utils import timezone

from apps.musicstore.routing import SUPERVISOR
from apps.musicstore.taste import TASTE
from apps.opie.agentos.webhook_rows import create_webhook, rotate_secret
from apps.opie.agentos.widget_rows import make_widget
from apps.opie.engine.profiles import Person as Somebody
from apps.opie.engine.profiles import remember
from apps.opie.engine.saying import say
from apps.opie.engine.visiting import begin_visit
from apps.opie.library.commands import change_command, create_command, mark_favourite
from apps.opie.models import (
    Agent,
    AgentOSApproval,
    AgentOSMemory,
    AgentOSMessage,
    AgentOSRun,
    AgentOSSchedule,
    AgentOSSession,
    CommandExecution,
    DispatchDecision,
    KnowledgeDocument,
    KnowledgeSource,
    WebhookEvent,
)
from apps.opie.models.messages import MessageRole
from tests.opie.knowledge.bases import make_base, make_document
from tests.opie.people import Person

RICH = (
    "# Head\n\nWords, `code`, [a link](https://a.example/"
    + "long" * 40
    + ").\n\n```python\nprint('"
    + "x" * 200
    + "')  # so long\n```\n\n"
    "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n|" + "|".join(["a rather long cell"] * 6) + "|\n\n> said\n\n" + "unbroken" * 40
)


def add_what_goes_on(person: Person, session: AgentOSSession) -> None:
    """Something that waits for a yes, a message in line, a person who is asked for, a schedule and memories."""
    now, agent = timezone.now(), Agent.objects.get(agent_id="writer")
    AgentOSSession.objects.filter(pk=session.pk).update(person_asked_at=now)
    shared = {"user": person.user, "team": person.team, "agent": agent}
    run = AgentOSRun.objects.create(
        **shared, status="waiting", input={"message": "Long" * 200}, started_at=now, is_background=True,
        most_attempts=3,
    )  # fmt: skip
    long = {"to": "someone" * 30, "lines": [{"name": "x" * 200}], "urgent": True, "amount": 1.5, "text": "a\n" * 9}
    for number, status in enumerate(("pending", "rejected")):
        AgentOSApproval.objects.create(
            **shared, run=run, tool_call_id=str(number), tool_name="tool_" * 12, arguments=long, status=status,
            decided_at=now if number else None, note="No " * 60, expires_at=now + timedelta(hours=1),
        )  # fmt: skip
    waiting = AgentOSRun.objects.create(**shared, session=session, status="pending")
    waiting.question = AgentOSMessage.objects.create(
        session=session, run=waiting, role="user", content="And then " * 20, number=90
    )
    waiting.save(update_fields=["question"])
    AgentOSSchedule.objects.create(
        **shared, name="Name" * 25, message="Ask " * 90, cron="0 9 * * 1-5", next_run_at=now, problem="Broken " * 30
    )
    add_choices(person, run)
    add_command(person)
    add_support(person)
    add_profile(person)
    add_webhook(person, session)
    base = make_base(person, visibility="team", name="Base" * 25, description="About " * 60)
    make_document(base, ["Said " * 90, "unbroken" * 60], title="Title" * 40, tags=["tag" * 15], file_name="f" * 200)
    KnowledgeDocument.objects.create(base=base, title="Lost", status="failed", reason="Reason " * 50)
    KnowledgeDocument.objects.create(base=base, title="Now", status="processing", parts_done=3, parts_total=9)
    KnowledgeSource.objects.create(base=base, url=f"https://example.com/{'x' * 300}", problem="Down " * 40)
    for number in range(3):
        AgentOSMemory.objects.create(**shared, memory="Remembers" * 40, topics=["topic" * 15] * number)


def add_profile(person: Person) -> None:
    """The team of the music store, served, and long words of what it knows of the person: its form is on the page Memory."""
    Agent.objects.create(
        agent_id=SUPERVISOR, name="Support", owner=person.user, team=person.team, visibility="team", status="published"
    )
    taste = {"music_genres": ["Genre" * 30, "Kind " * 20], "favorite_artists": ["Artist " * 12, "Other " * 9]}
    remember(
        Somebody(person.principal),
        TASTE,
        **taste,
        preferred_language="Language" * 5,
        recent_requests=["songs by " + "x" * 90],
    )


def add_support(person: Person) -> None:
    """A widget with long words, and a conversation of its visitor's that a person has taken over."""
    about = {"name": "Widget" * 15, "agent_id": "long", "greeting": "Hello" * 60}
    widget = make_widget(person.principal, about | {"allowed_origins": ["https://" + "shop" * 30 + ".example"]})
    session = begin_visit(widget).session
    AgentOSSession.objects.filter(pk=session.pk).update(title="Where " * 20 + "long" * 20, taken_over_by=person.user)
    say(session.pk, MessageRole.USER, "Where" * 60, {})
    say(session.pk, MessageRole.ASSISTANT, RICH, {"answered_by": "person", "name": "Name" * 20})


def add_webhook(person: Person, session: AgentOSSession) -> None:
    """A webhook with an old secret that still holds, and events in every state, with long words."""
    values = {"name": "shop-" * 12, "event_types": ["new_order", "customer_query"]}
    webhook = rotate_secret(person.principal, create_webhook(person.principal, values).pk, keep_previous=True)
    result = {"session_id": str(session.pk), "name" * 15: "unbroken" * 40, "lines": [{"track": "Long " * 40}]}
    for number, status in enumerate(("received", "processing", "done", "failed")):
        WebhookEvent.objects.create(
            webhook=webhook, event_id=f"{number}{'x' * 190}", event_type="new_order", data={}, digest="d",
            status=status, attempts=2, error="" if status == "done" else "Broken " * 40,
            result=result if status == "done" else {}, processed_at=timezone.now() if number > 1 else None,
        )  # fmt: skip


def add_choices(person: Person, run: AgentOSRun) -> None:
    """Choices of the dispatcher with every outcome, one of them of many candidates with long names and words."""
    parts = {"success_rate": 0.36, "response_time": 0.16, "experience": 0.1, "priority": 0.05}
    candidate = {"agent_id": "long" * 16, "score": 0.67, "parts": parts, "fit": 0.5, "words": ["word" * 30] * 6}
    shared = {"user": person.user, "team": person.team}
    for number, status in enumerate(["completed"] * 5 + ["failed", "cancelled"]):
        ended = AgentOSRun.objects.create(**shared, status=status, finished_at=timezone.now())
        DispatchDecision.objects.create(**shared, task="Task " * 9, chosen="writer", score=0.4 + number / 12, run=ended)
    DispatchDecision.objects.create(**shared, task="unbroken" * 90, fit=0.1)
    DispatchDecision.objects.create(
        **shared, task="Long " * 900, chosen="long" * 16, score=0.67, run=run,
        candidates=[candidate | {"likeness": 0.4}, candidate | {"likeness": None}],
    )  # fmt: skip


def add_command(person: Person) -> None:
    """A command with long words wherever there may be some, a field of every type, versions, and a run that failed."""
    long, choices = "unbroken" * 10, ["choice" * 20, "Several words " * 10]
    types = {"string": {}, "text": {}, "integer": {}, "number": {"min_value": 0.5}, "boolean": {"default": True},
             "choice": {"allowed_values": choices}, "multiple_choice": {"allowed_values": choices}, "date": {},
             "json": {"default": {"key" * 30: "x" * 300}}}  # fmt: skip
    parameters = [
        {"name": f"{name}_{'x' * 40}", "type": name, "label": long, "help": "Help " * 80, **more}
        for name, more in types.items()
    ]
    command = create_command(person.principal, {
        "slug": "long", "name": "Name" * 30, "description": "Words " * 80, "category": "category" * 8,
        "tags": ["tag" * 13] * 3, "template": f"{long * 8} {{{{text_{'x' * 40}}}}}", "parameters": parameters,
        "required_capabilities": ["CAPABILITY_" * 5], "example_usage": long * 9, "visibility": "team",
    })  # fmt: skip
    change_command(person.principal, command, {"template": f"{long * 9}\nAnother line", "status": "draft"})
    mark_favourite(person.principal, command, favourite=True)
    create_command(person.principal, {"name": "Words of a task", "template": "Do it.", "category": "tasks"})
    command.update_metrics(success=False)
    failed = AgentOSRun.objects.create(
        user=person.user, team=person.team, agent=Agent.objects.get(agent_id="long"), status="failed",
        error_message="Broken " * 30, finished_at=timezone.now(),
    )  # fmt: skip
    CommandExecution.objects.create(
        run=failed, command=command, address="long", version=1, parameters={f"text_{'x' * 40}": long * 9},
        user=person.user, team=person.team, outcome="failed", prompt_digest="0" * 64,
    )  # fmt: skip
