"""The usage report over many rows: months that were not asked for are not read, and others' rows neither."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.api.ids import uuid7_floor
from apps.opie.metrics.usage import GROUPS, UsageQuestion, report_usage
from tests.opie.people import Person

ROWS = 50_000


@pytest.fixture
def many(person: Person, stranger: Person) -> datetime:
    """Rows of this hour, most of another team's, one every few milliseconds; answers when they began."""
    began = datetime.now(UTC) - timedelta(hours=1)
    first = int(uuid7_floor(began).hex[:12], 16)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO opie_agentosusage (id, team_id, user_id, attempt, purpose, platform_name, model, input_tokens,
                output_tokens, unit_prices, cost, currency, certainty, outcome, error_code, created_at, finished_at)
            SELECT (lpad(to_hex(%s + n * 60), 12, '0') || '7000800000000000' || lpad(to_hex(n), 4, '0'))::uuid,
                CASE WHEN n %% 10 = 0 THEN %s::uuid ELSE %s::uuid END, %s, 1, 'answer', 'openai', 'm' || n %% 7, 10, 5,
                '{}', 0.01, 'USD', 'reported', 'succeeded', '', %s + n * interval '60 milliseconds', now()
            FROM generate_series(1, %s) n
            """,
            [first, person.team.pk, stranger.team.pk, person.user.pk, began, ROWS],
        )
        cursor.execute("ANALYZE opie_agentosusage")
    return began


def test_fifty_thousand_rows_are_added_up(person: Person, stranger: Person, many: datetime) -> None:
    for group in GROUPS:
        totals = report_usage(stranger.principal, UsageQuestion(group)).totals
        assert (totals.calls, totals.input_tokens) == (ROWS * 9 // 10, ROWS * 9)
    assert report_usage(person.principal, UsageQuestion(since=many)).totals.calls == ROWS // 10


def test_what_is_not_asked_for_is_not_read(person: Person, many: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []
    cursor_class = type(connection.cursor())
    execute = cursor_class.execute

    def noted(self: Any, sql: str, params: Any = None) -> Any:
        asked.append((sql, params))
        return execute(self, sql, params)

    monkeypatch.setattr(cursor_class, "execute", noted)
    report_usage(
        person.principal, UsageQuestion(since=many + timedelta(minutes=10), until=many + timedelta(minutes=11))
    )
    monkeypatch.undo()
    [(sql, params)] = [one for one in asked if "opie_usagerollup" in one[0]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        answer = cursor.fetchone()[0]
    nodes = list(walk((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))
    read = [node for node in nodes if str(node.get("Relation Name", "")).startswith("opie_agentosusage")]
    months = {f"opie_agentosusage_{moment:%Y%m}" for moment in (many - timedelta(days=2), many + timedelta(days=2))}
    assert {node["Relation Name"] for node in read} <= months | {"opie_agentosusage_default"}
    touched = sum(int(node["Actual Rows"]) + int(node.get("Rows Removed by Filter", 0)) for node in read)
    assert touched < ROWS // 20, json.dumps(read, indent=1)


def walk(node: dict[str, Any]) -> Any:
    yield node
    for child in node.get("Plans", []):
        yield from walk(child)
