"""What a team may choose from, and what it may not."""

from typing import Any

import pytest

from apps.accounts.models import Team
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotFound
from apps.opie.models.platforms import AIPlatform, ApiType, UnreadableKey
from apps.opie.providers.embedding import Embedder, embedder_named, embedders_for
from tests.opie.providers.asking import add_platform

URL = "http://127.0.0.1:9"


def chosen(principal: Principal) -> list[tuple[str, str, int]]:
    return [(one.platform_name, one.model, one.dimensions) for one in embedders_for(principal.team_id)]


def test_the_local_model_comes_first_and_platforms_that_embed_follow(principal: Principal) -> None:
    for number, api_type in enumerate(ApiType.values):
        if api_type != ApiType.OFFLINE:
            add_platform(api_type, URL, priority=100 - number)
    assert chosen(principal) == [
        ("local", "all-MiniLM-L6-v2", 384),
        ("ollama", "nomic-embed-text", 768),
        ("gemini", "gemini-embedding-001", 768),
        ("openai", "text-embedding-3-small", 1536),
    ]


def test_what_is_switched_off_lacks_a_key_or_is_another_teams_is_not_there(principal: Principal) -> None:
    other = Team.objects.create(name="Others", slug="others")
    hidden: tuple[dict[str, Any], ...] = ({"is_enabled": False}, {"api_key": ""}, {"team": other})
    for number, fields in enumerate(hidden):
        add_platform(ApiType.OPENAI, URL, platform_name=f"openai{number}", **fields)
    assert chosen(principal) == [("local", "all-MiniLM-L6-v2", 384)]
    for number in range(len(hidden)):
        with pytest.raises(NotFound) as hidden_one:
            embedder_named(principal.team_id, f"openai{number}")
        with pytest.raises(NotFound) as missing_one:
            embedder_named(principal.team_id, f"nothing{number}")
        assert hidden_one.value.message.replace("openai", "nothing") == missing_one.value.message


def test_a_key_that_cannot_be_read_takes_no_other_platform_with_it(
    principal: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = add_platform(ApiType.GEMINI, URL, platform_name="broken", priority=1)
    add_platform(ApiType.OPENAI, URL)
    AIPlatform.objects.filter(pk=broken.pk).update(api_key=UnreadableKey("gAAAA-of-a-key-that-is-gone"))
    assert [name for name, _, _ in chosen(principal)] == ["local", "openai"]


def test_the_teams_own_stands_before_the_installations_of_that_name(principal: Principal) -> None:
    add_platform(ApiType.OPENAI, URL, priority=1)
    own = add_platform(ApiType.OPENAI, URL, team_id=principal.team_id, priority=2)
    assert [name for name, _, _ in chosen(principal)] == ["local", "openai"]
    named = embedder_named(principal.team_id, "openai")
    assert named.platform is not None
    assert named.platform.id == own.pk


def test_a_platform_cannot_take_the_place_of_the_local_model(principal: Principal) -> None:
    add_platform(ApiType.OPENAI, URL, team_id=principal.team_id, platform_name="local")
    assert chosen(principal) == [("local", "all-MiniLM-L6-v2", 384)]
    assert embedder_named(principal.team_id, "local").is_local


@pytest.mark.parametrize(
    ("api_type", "model", "dimensions", "length"),
    [
        (ApiType.OPENAI, "text-embedding-3-large", None, 3072),
        (ApiType.OPENAI, "text-embedding-3-large", 1024, 1024),
        (ApiType.GEMINI, "", 1536, 1536),
        (ApiType.OLLAMA, "mxbai-embed-large:latest", None, 1024),
        (ApiType.LLAMACPP, "whatever-was-loaded", 640, 640),
    ],
)
def test_a_model_can_be_named(
    api_type: str, model: str, dimensions: int | None, length: int, principal: Principal
) -> None:
    name = add_platform(api_type, URL).platform_name
    found = embedder_named(principal.team_id, name, model, dimensions=dimensions)
    assert found.dimensions == length
    assert found.model == (model or "gemini-embedding-001")


@pytest.mark.parametrize(
    ("api_type", "model", "dimensions", "code"),
    [
        (ApiType.LLAMACPP, "whatever-was-loaded", None, "unknown_embedding_model"),
        (ApiType.LLAMACPP, "", 640, "unknown_embedding_model"),
        (ApiType.LLAMACPP, "whatever-was-loaded", 4096, "vectors_too_long"),
        (ApiType.LLAMACPP, "whatever-was-loaded", -1, "vectors_too_long"),
        (ApiType.OPENAI, "text-embedding-ada-002", 768, "unknown_embedding_model"),
        (ApiType.OPENAI, "text-embedding-3-small", 3072, "unknown_embedding_model"),
        (ApiType.OLLAMA, "nomic-embed-text", 384, "unknown_embedding_model"),
    ],
)
def test_a_model_of_unknown_or_impossible_length_cannot(
    api_type: str, model: str, dimensions: int | None, code: str, principal: Principal
) -> None:
    name = add_platform(api_type, URL).platform_name
    with pytest.raises(InvalidInput) as caught:
        embedder_named(principal.team_id, name, model, dimensions=dimensions)
    assert caught.value.code == code


def test_a_platform_that_embeds_nothing_is_not_found(principal: Principal) -> None:
    add_platform(ApiType.ANTHROPIC, URL)
    with pytest.raises(NotFound):
        embedder_named(principal.team_id, "anthropic")


def test_keys_are_the_same_for_what_may_be_compared_and_for_nothing_else(principal: Principal) -> None:
    first, second = (add_platform(ApiType.OPENAI, URL, platform_name=name).platform_name for name in ("one", "two"))
    embedders: list[Embedder] = [
        embedder_named(principal.team_id, "local"),
        embedder_named(principal.team_id, first),
        embedder_named(principal.team_id, first, dimensions=768),
        embedder_named(principal.team_id, first, "text-embedding-3-large", dimensions=1536),
        embedder_named(principal.team_id, second),
    ]
    assert len({one.key for one in embedders}) == len(set(embedders)) == 5
    assert embedder_named(principal.team_id, first).key == embedders[1].key
