"""Platforms from the environment: what it asks for, as rows. Safe to repeat."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.db import transaction

from apps.opie.models.platforms import AIPlatform, ApiType
from apps.opie.providers.catalogue import DEFAULT_MODELS

What = Literal["created", "updated", "unchanged", "skipped"]
LAST_PRIORITY = 32767  # the offline responder answers when nothing else can


Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variables:
    """Which variables of the environment speak of one platform. Of several names the first that is set counts."""

    api_type: str
    priority: int
    key: Names = ()
    base_url: Names = ()
    model: Names = ()
    timeout: Names = ()
    needs: Literal["key", "address", "nothing"] = "key"

    @property
    def platform_name(self) -> str:
        return str(self.api_type).replace(".", "")  # a dot is not for slugs


def _of_address(api_type: str, priority: int, prefix: str, key: Names = ()) -> Variables:
    """A platform that is there when its address is named."""
    base_url, model, timeout = ((f"{prefix}_{name}",) for name in ("BASE_URL", "MODEL", "TIMEOUT"))
    return Variables(api_type, priority, key, base_url, model, timeout, needs="address")


VARIABLES = (
    Variables(
        ApiType.OPENAI,
        10,
        key=("OPENAI_API_KEY",),
        base_url=("OPENAI_BASE_URL",),
        model=("OPENAI_MODEL",),
        timeout=("OPENAI_TIMEOUT",),
    ),
    Variables(
        ApiType.ANTHROPIC,
        20,
        key=("ANTHROPIC_API_KEY",),
        base_url=("ANTHROPIC_BASE_URL",),
        model=("ANTHROPIC_MODEL",),
        timeout=("ANTHROPIC_TIMEOUT",),
    ),
    Variables(
        ApiType.GEMINI,
        30,
        key=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
        base_url=("GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
        model=("GEMINI_MODEL", "GOOGLE_MODEL"),
        timeout=("GEMINI_TIMEOUT",),
    ),
    _of_address(ApiType.OPENAI_COMPATIBLE, 40, "OPENAI_COMPATIBLE", key=("OPENAI_COMPATIBLE_API_KEY",)),
    _of_address(ApiType.OLLAMA, 50, "OLLAMA"),
    _of_address(ApiType.LLAMACPP, 60, "LLAMACPP"),
    _of_address(ApiType.GPT4ALL, 70, "GPT4ALL"),
    Variables(ApiType.OFFLINE, LAST_PRIORITY, needs="nothing"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one platform, and why, without any secret."""

    platform_name: str
    what: What
    why: str


class VariableError(ValueError):
    """A variable holds something that cannot be used; the message names it and never quotes a secret."""


def set_up_platforms(environment: Mapping[str, str]) -> list[Report]:
    """Bring the installation's platforms up to what the environment says; all of them or none.

    What an operator chose (enabled, priority, limits, the most tokens) stays; a variable that is gone changes nothing.
    Raises VariableError.
    """
    with transaction.atomic():
        return [_set_up(variables, environment) for variables in VARIABLES]


def _set_up(variables: Variables, environment: Mapping[str, str]) -> Report:
    name = variables.platform_name
    row = AIPlatform.objects.select_for_update().filter(team=None, platform_name=name).first()
    wanted = dict(_wanted(variables, environment))
    if missing := _missing(variables, wanted):
        return Report(name, "skipped" if row is None else "unchanged", f"{missing} is not set")
    if row is None:
        AIPlatform.objects.create(**_first(variables) | wanted)
        return Report(name, "created", wanted.get("default_model") or DEFAULT_MODELS[variables.api_type].model)
    changed = [field for field, value in wanted.items() if getattr(row, field) != value]
    if not changed:
        return Report(name, "unchanged", row.default_model)
    for field in changed:
        setattr(row, field, wanted[field])
    row.save(update_fields=[*changed, "updated_at"])
    return Report(name, "updated", ", ".join(sorted(changed)))


def _wanted(variables: Variables, environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """The fields that the environment names, and their values."""
    readers: tuple[tuple[str, Names, Callable[[str, str], Any]], ...] = (
        ("api_key", variables.key, lambda _, text: text),
        ("base_url", variables.base_url, _address),
        ("default_model", variables.model, lambda _, text: text),
        ("timeout", variables.timeout, _seconds),
    )
    for field, names, read in readers:
        for name in names:
            if text := environment.get(name, "").strip():
                yield field, read(name, text)
                break


def _missing(variables: Variables, wanted: Mapping[str, Any]) -> str:
    if variables.needs == "key" and "api_key" not in wanted:
        return " or ".join(variables.key)
    if variables.needs == "address" and "base_url" not in wanted:
        return " or ".join(variables.base_url)
    return ""


def _first(variables: Variables) -> dict[str, Any]:
    """What a new row starts with; from then on it is the operator's."""
    model = DEFAULT_MODELS[variables.api_type]
    return {
        "platform_name": variables.platform_name,
        "api_type": variables.api_type,
        "priority": variables.priority,
        "default_model": model.model,
        "max_tokens": model.max_tokens,
        "supports_vision": model.supports_vision,
        "supports_json_mode": model.supports_json_mode,
    }


def _address(name: str, base_url: str) -> str:
    if not base_url.startswith(("http://", "https://")):
        raise VariableError(f"{name} must be an address that starts with http:// or https://.")
    return base_url.rstrip("/")


def _seconds(name: str, text: str) -> int:
    try:
        seconds = round(float(text))
    except ValueError:
        seconds = 0
    if not 0 < seconds < 86_400:
        raise VariableError(f"{name} must be a number of seconds between 1 and 86399.")
    return seconds
