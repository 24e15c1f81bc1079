"""How the installation is doing and what it is made of, and switching its local models: behind /api/v1/system/."""

import sys
from typing import Any

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction

from apps.accounts.audit import record
from apps.accounts.permissions import Permission
from apps.accounts.principal import Principal
from apps.api.errors import InvalidInput, NotAllowed, NotFound
from apps.opie.agentos.health import counts, snapshot, versions
from apps.opie.agentos.platform_rows import is_operator
from apps.opie.metrics.system import figures
from apps.opie.models import Agent, AIPlatform, LLMModel, LLMModelCheck
from apps.opie.models.llm_parameters import UnusableParameters, checked_parameters
from apps.opie.providers.listing import configured

API_VERSION = "v1"


def status_shown(principal: Principal) -> dict[str, Any]:
    """Which parts answer, counts of what this person may know of, and the figures of the last hour."""
    seen = snapshot()
    answers = seen.part("database").status == "ok"
    return seen.as_json(principal) | {"figures": figures() if answers else None}


def info_shown(principal: Principal) -> dict[str, Any]:
    """What runs here. What is configured is said to operators alone, and of secrets only whether there are any."""
    shown = {
        "name": "Opie",
        "api": API_VERSION,
        "versions": versions(),
        "counts": counts(principal),
        "features": {
            "agentos": settings.AGENTOS_ENABLED,
            "private_agents": settings.AGENTOS_INCLUDE_VAULT_AGENTS,
            "local_models": LLMModel.objects.visible_to(principal).filter(is_active=True).exists(),
        },
    }
    return shown | {"configuration": _configuration()} if is_operator(principal) else shown


def models_shown(principal: Principal) -> dict[str, Any]:
    """The local models, and the models in use of every platform that the person's agents may call."""
    models = LLMModel.objects.visible_to(principal).select_related("platform", "check_result")
    found = [model_shown(principal, row) for row in models]
    return {
        "count": len(found),
        "next": None,
        "previous": None,
        "results": found,
        "platforms": _platforms_shown(principal),
    }


def model_shown(principal: Principal, row: LLMModel) -> dict[str, Any]:
    """One local model. Addresses and files of the operator's network are for operators."""
    shown = {
        "id": str(row.pk),
        "name": row.name,
        "provider": row.provider,
        "platform": row.platform.platform_name,
        "belongs_to": "team" if row.team_id else "installation",
        "active": row.is_active,
        "position": row.position,
        "parameters": row.parameters,
        "may_configure": _may_configure(principal, row),
        "check": _check_shown(row),
    }
    return shown | {"base_url": row.base_url, "model_path": row.model_path} if is_operator(principal) else shown


def configure_model(principal: Principal, model_id: Any, changes: dict[str, Any]) -> LLMModel:
    """Switch a local model on or off, or put other parameters in place of its own; the next message heeds it.

    Raises NotFound, NotAllowed for one that is not the person's to switch, InvalidInput for parameters there are not.
    """
    with transaction.atomic():
        visible = LLMModel.objects.visible_to(principal).select_related("platform")
        row = visible.select_for_update(of=("self",)).filter(pk=model_id).first()
        if row is None:
            raise NotFound("There is no such model.", code="model_not_found")
        if not _may_configure(principal, row):
            raise NotAllowed("You can use this model, but not change it.")
        before = _switches(row)
        row.is_active = changes.get("active", row.is_active)
        if "parameters" in changes:
            row.parameters = _parameters(principal, changes["parameters"])
        row.save(update_fields=["is_active", "parameters", "updated_at"])
        record(principal, "llm_model.configured", row, before=before, after=_switches(row))
    return row


def _may_configure(principal: Principal, row: LLMModel) -> bool:
    """The team's are for its owners and admins, the installation's for superusers."""
    if row.team_id is None:
        return is_operator(principal)
    return row.team_id == principal.team_id and principal.may(Permission.MANAGE_PLATFORMS)


def _switches(row: LLMModel) -> dict[str, Any]:
    return {"active": row.is_active, "parameters": row.parameters}


def _parameters(principal: Principal, given: Any) -> dict[str, Any]:
    try:
        found = checked_parameters(given)
    except UnusableParameters as error:
        raise InvalidInput(fields={"parameters": [str(error)]}) from None
    named = set(found.get("agents", []))
    agents = Agent.objects.all() if is_operator(principal) else Agent.objects.visible_to(principal)
    unknown = named - set(agents.filter(agent_id__in=named).values_list("agent_id", flat=True))
    if unknown:
        raise InvalidInput(fields={"parameters": [f"There is no agent {', '.join(sorted(unknown))}."]})
    return found


def _check_shown(row: LLMModel) -> dict[str, Any] | None:
    found: LLMModelCheck | None = getattr(row, "check_result", None)
    if found is None:
        return None
    return {"state": found.state, "message": found.message, "checked_at": found.checked_at.isoformat()}


def _platforms_shown(principal: Principal) -> list[dict[str, Any]]:
    platforms = list(AIPlatform.objects.visible_to(principal))
    used = configured(platforms)
    return [
        {
            "platform": one.platform_name,
            "api_type": one.api_type,
            "is_local": one.is_local,
            "is_enabled": one.is_enabled,
            "models": sorted(used[one.pk]),
        }
        for one in platforms
    ]


def _configuration() -> dict[str, Any]:
    return {
        "environment": settings.OPIE_ENV,
        "debug": settings.DEBUG,
        "operating_system": sys.platform,
        "hosts": list(settings.ALLOWED_HOSTS),
        "cache": "Redis" if settings.REDIS_URL else "PostgreSQL",
        "database_pool": settings.DATABASE_POOL_SIZE,
        "files": type(storages["default"]).__name__,
        "sends_mail": settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"),
        "background_runs": settings.OPIE_BACKGROUND_RUNS,
        "platforms_with_key": [
            one.platform_name for one in AIPlatform.objects.filter(team=None, is_enabled=True) if one.api_key
        ],
    }
