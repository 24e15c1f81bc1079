"""Making, changing and deleting knowledge bases: the use cases behind REST and pages. Sync."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language

from apps.accounts.audit import record
from apps.accounts.permissions import Permission, Reach
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie import jobs
from apps.opie.knowledge.names import REWORD
from apps.opie.models import KnowledgeBase, KnowledgeIndex
from apps.opie.models.agents import AgentVisibility
from apps.opie.models.chunks import width_for
from apps.opie.models.knowledge import IndexState, KnowledgeVisibility, Language
from apps.opie.providers.embedding import Embedder, default_embedder

PLAIN_FIELDS = ("name", "description", "visibility", "language")
# The languages of the pages, as PostgreSQL calls them.
_LANGUAGE_OF_PERSON = {"en": Language.ENGLISH, "ar": Language.ARABIC}


def visible_base(principal: Principal, base_id: UUID) -> KnowledgeBase:
    """The base, if this person may read it. Raises NotFound alike for one that is not there and one that is not theirs."""
    base = KnowledgeBase.objects.visible_to(principal).select_related("live_index", "owner").filter(pk=base_id).first()
    if base is None:
        raise NotFound("There is no such knowledge base.", code="base_not_found")
    return base


def managed_base(principal: Principal, base_id: UUID) -> KnowledgeBase:
    """The base, if this person may change it. Raises NotFound, and NotAllowed for one that they may only read."""
    base = visible_base(principal, base_id)
    if not may_manage(principal, base):
        raise NotAllowed("You can read this knowledge base, but not change it. Ask its owner or an admin of the team.")
    return base


def may_manage(principal: Principal, base: KnowledgeBase) -> bool:
    """Whether this person may add documents to the base, change and delete it: the rule of `managed_by`, for a row
    that is at hand."""
    if base.team_id != principal.team_id:
        return False
    if base.visibility == KnowledgeVisibility.PRIVATE and base.owner_id != principal.user_id:
        return False
    return principal.may_for(Permission.MANAGE_KNOWLEDGE, base.owner_id)


def create_base(principal: Principal, body: dict[str, Any], embedder: Embedder | None = None) -> KnowledgeBase:
    """A base with an empty index. Without an embedder it is the default one's.

    Raises NotAllowed, InvalidInput, and Unavailable when nothing can make vectors.
    """
    if principal.reach(Permission.MANAGE_KNOWLEDGE) is Reach.NO:
        raise NotAllowed
    _refuse_reaching_too_far(principal, body)
    embedder = embedder or default_embedder()
    language = body.get("language") or _LANGUAGE_OF_PERSON.get((get_language() or "")[:2], Language.SIMPLE)
    with transaction.atomic():
        base = KnowledgeBase(team_id=principal.acting_team, owner_id=principal.user_id)
        _write(base, body | {"language": language})
        base.live_index = new_index(base, embedder, IndexState.LIVE, principal)
        base.save(update_fields=["live_index"])
        record(principal, "knowledge_base.created", base, after=shown(base))
    return base


def change_base(principal: Principal, base: KnowledgeBase, changes: dict[str, Any]) -> KnowledgeBase:
    """Change name, description, who reads it, or the language that its words are read in. Raises NotAllowed,
    InvalidInput."""
    if not may_manage(principal, base):
        raise NotAllowed
    _refuse_reaching_too_far(principal, changes)
    with transaction.atomic():
        base = KnowledgeBase.objects.select_for_update(of=("self",)).select_related("live_index").get(pk=base.pk)
        if changes.get("visibility") == KnowledgeVisibility.PRIVATE and base.owner_id != principal.user_id:
            raise InvalidInput(fields={"visibility": ["Only its owner can make a base private."]})
        _refuse_vault_of_shared_agents(base, changes)
        before, language = shown(base), base.language
        _write(base, changes)
        record(principal, "knowledge_base.changed", base, before=before, after=shown(base))
        if base.language != language:
            jobs.defer(REWORD, queue=jobs.KNOWLEDGE, base_id=str(base.pk))
    return base


def delete_base(principal: Principal, base: KnowledgeBase) -> None:
    """Delete a base with its documents, files and vectors. Raises NotAllowed."""
    if not may_manage(principal, base):
        raise NotAllowed
    with transaction.atomic():
        record(principal, "knowledge_base.deleted", base, before=shown(base))
        base.delete()


def new_index(base: KnowledgeBase, embedder: Embedder, state: IndexState, principal: Principal) -> KnowledgeIndex:
    """An empty index of a base. Raises InvalidInput for vectors that no table takes."""
    try:
        width = width_for(embedder.dimensions)
    except ValueError as error:
        raise InvalidInput(fields={"embedding": [str(error)]}) from None
    return KnowledgeIndex.objects.create(
        base=base,
        platform_id=embedder.platform.id if embedder.platform else None,
        platform_name=embedder.platform_name,
        model=embedder.model,
        dimensions=embedder.dimensions,
        width=width,
        state=state,
        created_by_id=principal.user_id,
    )


def shown(base: KnowledgeBase) -> dict[str, Any]:
    """What of a base is written into the audit trail."""
    return {name: getattr(base, name) for name in PLAIN_FIELDS}


def _refuse_reaching_too_far(principal: Principal, body: dict[str, Any]) -> None:
    # Public means everyone in the installation, not only the team.
    public = body.get("visibility") == KnowledgeVisibility.PUBLIC
    if public and principal.reach(Permission.MANAGE_KNOWLEDGE) is not Reach.YES:
        raise InvalidInput(fields={"visibility": ["Only an owner or admin of the team can make a base public."]})


def _refuse_vault_of_shared_agents(base: KnowledgeBase, changes: dict[str, Any]) -> None:
    shared = base.agents.exclude(agent__visibility=AgentVisibility.PRIVATE)
    if changes.get("visibility") == KnowledgeVisibility.PRIVATE and shared.exists():
        raise Conflict(
            "Agents that others use answer from this base. Take it away from them first.", code="base_in_use"
        )


def _write(base: KnowledgeBase, body: dict[str, Any]) -> None:
    for name in PLAIN_FIELDS:
        if name in body:
            setattr(base, name, body[name])
    base.name = base.name.strip()
    if not base.name:
        raise InvalidInput(fields={"name": ["Give it a name."]})
    base.save()
