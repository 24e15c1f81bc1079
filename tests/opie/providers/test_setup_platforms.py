"""manage.py setup_platforms: rows from the environment, again and again."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.opie.models import AIPlatform
from apps.opie.models.platforms import ApiType
from apps.opie.providers.catalogue import DEFAULT_MODELS
from apps.opie.providers.setup import VARIABLES

pytestmark = pytest.mark.django_db

KEY = "sk-canary-9b1f0aa2"


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variables in VARIABLES:
        for name in (*variables.key, *variables.base_url, *variables.model, *variables.timeout):
            monkeypatch.delenv(name, raising=False)


def set_up() -> dict[str, str]:
    """What the command printed: a word for each platform."""
    out = StringIO()
    call_command("setup_platforms", stdout=out)
    assert KEY not in out.getvalue()
    return {line.split()[0]: line.split()[1] for line in out.getvalue().splitlines()}


def test_without_anything_there_is_the_offline_responder() -> None:
    printed = set_up()
    assert printed.pop("offline") == "created"
    assert set(printed.values()) == {"skipped"}
    row = AIPlatform.objects.get()
    assert (row.api_type, row.team, row.is_enabled) == (ApiType.OFFLINE, None, True)


def test_every_platform_from_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": "http://127.0.0.1:4010/v1/",
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": "claude-haiku-5-5",
        "GEMINI_API_KEY": KEY,
        "OLLAMA_BASE_URL": "http://127.0.0.1:11434",
        "OLLAMA_MODEL": "qwen3:4b",
        "OLLAMA_TIMEOUT": "300",
        "LLAMACPP_BASE_URL": "http://127.0.0.1:8080/v1",
        "GPT4ALL_BASE_URL": "http://127.0.0.1:4891/v1",
        "OPENAI_COMPATIBLE_BASE_URL": "https://llm.example.com/v1",
        "OPENAI_COMPATIBLE_API_KEY": KEY,
    }.items():
        monkeypatch.setenv(name, value)
    assert set(set_up().values()) == {"created"}
    rows = {row.api_type: row for row in AIPlatform.objects.all()}
    assert set(rows) == set(ApiType.values)
    assert (rows["openai"].base_url, rows["openai"].api_key) == ("http://127.0.0.1:4010/v1", KEY)
    assert rows["openai"].default_model == DEFAULT_MODELS[ApiType.OPENAI].model
    assert rows["anthropic"].default_model == "claude-haiku-5-5"
    assert rows["gemini"].api_key == KEY
    assert (rows["ollama"].default_model, rows["ollama"].timeout, rows["ollama"].api_key) == ("qwen3:4b", 300, "")
    assert rows["openai_compatible"].api_key == KEY
    assert max(rows.values(), key=lambda row: row.priority).api_type == ApiType.OFFLINE
    assert set(set_up().values()) == {"unchanged"}


def test_what_changed_is_updated_and_what_an_operator_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-of-yesterday")
    set_up()
    chosen = {"is_enabled": False, "priority": 77, "requests_per_minute": 5, "max_tokens": 99, "supports_vision": False}
    AIPlatform.objects.filter(api_type="openai").update(**chosen)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert set_up()["openai"] == "updated"
    row = AIPlatform.objects.get(api_type="openai")
    assert row.api_key == KEY
    assert {name: getattr(row, name) for name in chosen} == chosen


def test_a_key_that_is_gone_from_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    set_up()
    monkeypatch.delenv("OPENAI_API_KEY")
    assert set_up()["openai"] == "unchanged"
    row = AIPlatform.objects.get(api_type="openai")
    assert (row.is_enabled, row.api_key) == (True, KEY)


@pytest.mark.parametrize(("name", "value"), [("OLLAMA_TIMEOUT", "soon"), ("OLLAMA_BASE_URL", "localhost:11434")])
def test_a_variable_that_cannot_be_used_is_named_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:11434")
    monkeypatch.setenv(name, value)
    with pytest.raises(CommandError, match=name):
        set_up()
    assert AIPlatform.objects.count() == 0
