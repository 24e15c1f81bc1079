"""Whether a local model can be asked: its server is looked at, and what was found is kept, with what to do about it."""

import asyncio
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from apps.accounts.encryption import KeyMissing
from apps.opie import rows
from apps.opie.models import LLMModel, LLMModelCheck
from apps.opie.models.llm_models import API_TYPES, CheckState, LLMProvider
from apps.opie.providers.clients import client_for
from apps.opie.providers.failures import vendor_error
from apps.opie.providers.listing import is_listed
from apps.opie.providers.local_models import server_of
from apps.opie.providers.registry import get_registry
from apps.opie.providers.snapshot import PlatformSnapshot

logger = logging.getLogger(__name__)

CHECK_JOB = "apps.opie.tasks.check_local_models"
PATIENCE_SECONDS = 10
MOST_NAMED = 5

_START = {
    LLMProvider.OLLAMA: "Start it with `ollama serve`.",
    LLMProvider.GPT4ALL: "Open GPT4All and switch on its local API server, in its settings.",
    LLMProvider.LLAMACPP: "Start it with `llama-server -m {path} --alias {name}`.",
}
_GET = {
    LLMProvider.OLLAMA: "Get it with `ollama pull {name}`.",
    LLMProvider.GPT4ALL: "Download it in GPT4All, under this name.",
    LLMProvider.LLAMACPP: "Start the server anew with `llama-server -m {path} --alias {name}`.",
}


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, and what a person does about it. No address is in it: whoever may use the model reads it."""

    state: CheckState
    message: str


async def check(llm_model: LLMModel) -> Found:
    """Ask the model's server whether it has the model, and keep the answer. `llm_model` comes with its platform."""
    found = await _look(llm_model)
    await rows.run(_keep, llm_model, found)
    return found


async def check_all(model_ids: Iterable[UUID] | None = None) -> None:
    """The same for these models, or for every one that is switched on; one after another."""
    for row in await rows.run(_to_check, model_ids):
        await check(row)


async def _look(row: LLMModel) -> Found:
    if row.platform.api_type != API_TYPES[row.provider]:
        return Found(CheckState.UNUSABLE, f"{row.platform} does not speak with {row.get_provider_display()} any more.")
    try:
        server = server_of(row)
    except KeyMissing:
        return Found(CheckState.UNUSABLE, f"The key of {row.platform} cannot be read. Enter it again.")
    if not row.platform.is_enabled:
        return Found(CheckState.UNUSABLE, f"{row.platform} is switched off. Enable the platform.")
    listed = await _listed(server)
    if listed is None:
        return Found(CheckState.UNREACHABLE, _said(row, "{platform} does not answer. " + _START[_provider(row)]))
    if is_listed(row.name, listed) or {_file_of(row.name), _file_of(row.model_path)} & {*map(_file_of, listed)} - {""}:
        return Found(CheckState.READY, _said(row, "{platform} has {name}."))
    has = ", ".join(listed[:MOST_NAMED]) or "none"
    return Found(CheckState.MISSING, _said(row, "{platform} does not have {name}. " + _GET[_provider(row)], has))


async def _listed(server: PlatformSnapshot) -> list[str] | None:
    """The names of the models that are there; None when there is no answer."""
    adapter = get_registry()[server.api_type]
    ask = adapter.list_models or adapter.list_loaded
    if ask is None:
        return None  # a host's own adapter, that has no list
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), client_for(server, adapter) as client:
            return await ask(client)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises, there was no answer
        logger.info("%s gave no list of its models: %s", server.platform_name, vendor_error(error))
        return None


def _provider(row: LLMModel) -> LLMProvider:
    return LLMProvider(row.provider)


def _said(row: LLMModel, text: str, has: str = "") -> str:
    words = {"platform": row.platform.platform_name, "name": row.name, "path": row.model_path or row.name}
    also = f" It has: {has}." if has else ""
    return (text.format(**words) + also)[: LLMModelCheck._meta.get_field("message").max_length]


def _file_of(path: str) -> str:
    """llama.cpp calls a model by the path of its file, unless it was given another name."""
    return re.split(r"[\\/]", path)[-1]


def _to_check(model_ids: Iterable[UUID] | None) -> list[LLMModel]:
    wanted = Q(is_active=True) if model_ids is None else Q(pk__in=model_ids)
    return list(LLMModel.objects.filter(wanted).select_related("platform"))


def _keep(row: LLMModel, found: Found) -> None:
    values = {"state": found.state, "message": found.message, "checked_at": timezone.now()}
    try:
        with transaction.atomic():
            LLMModelCheck.objects.update_or_create(llm_model_id=row.pk, defaults=values)
    except IntegrityError:
        logger.info("%s went while its server was asked", row.name)
