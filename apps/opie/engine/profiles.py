"""What is known of somebody across conversations, by the schemas that hosts register. Sync.

Whose it is: the subject (`customer`) that the conversation is verified for now, or else the user who asks, and nobody
where others speak through that user (engine/speaking.py). A claim that has expired is nobody verified. Nothing moves from one to the other: what was said before a conversation was verified
stays with the user, so that whoever guesses a customer's number adds nothing to what is known of that customer.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from pydantic import BaseModel

from apps.accounts.principal import Principal
from apps.opie.engine.hooks import RunAtHand, register_hook
from apps.opie.engine.outcome import RunResult
from apps.opie.engine.profile_schemas import SCHEMAS, TAKEN, MemorySchema, merged, read, schema_of, stored, without
from apps.opie.engine.speaking import marked, only_the_user_speaks, speaks_for_many
from apps.opie.engine.verifying import verification_of
from apps.opie.models import AgentOSMemory, MemoryProfile, SessionVerification

# Says what to note after a run, by field.
Noting = Callable[[RunAtHand, RunResult], Mapping[str, Any] | None]
_OWNER = ["team", "schema", "user", "subject_kind", "subject"]


class OnBehalf(Protocol):
    """Who asks, and in which session: a RunScope, a RunAtHand, or a Person."""

    @property
    def principal(self) -> Principal: ...
    @property
    def session_id(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody outside any conversation, or in one that was looked up for them."""

    principal: Principal
    session_id: UUID | None = None


def register_memory_schema(
    name: str,
    schema: type[BaseModel],
    *,
    agent_ids: Collection[str],
    label: str,
    subject_kind: str | None = "customer",
    after: Noting | None = None,
) -> None:
    """Have these agents told what is known by this schema, of the verified subject of that kind or else of the user.

    `after` is called after each completed run of theirs and answers what to `remember`. What is wrong with it, and another
    schema under the same name, is said by opie.E007; the same one twice is fine.
    """
    ids = (agent_ids,) if isinstance(agent_ids, str) else tuple(agent_ids)
    made = MemorySchema(name, schema, ids, label, subject_kind, after)
    if SCHEMAS.setdefault(name, made) is not made:
        if SCHEMAS[name] != made:
            TAKEN.append(made)
        return
    if after is not None:
        for agent_id in made.agent_ids:
            register_hook(after=partial(_note_after, made), agent_id=agent_id, is_opies=True)


def memory_of(of: OnBehalf, name: str) -> Any:
    """What is known, as an instance of the schema; its defaults where that is nothing. One statement."""
    wanted = schema_of(name)
    return known(of, [wanted]).get(name) or wanted.schema()


def remember(of: OnBehalf, name: str, **changes: Any) -> Any:
    """Note these fields and answer what is known then: lists grow at their front, the rest is put in the old's place.
    Two at once lose nothing. Raises InvalidInput, and changes nothing, where something does not fit or is too much."""
    wanted = schema_of(name)
    return _change(of, wanted, lambda before: merged(wanted, before, changes, adds=True))


def take_out(of: OnBehalf, name: str, **items: Collection[str]) -> Any:
    """Take these items out of lists, and answer what is known then: what somebody likes no longer. Items that are not
    there are no fault. Raises InvalidInput, and changes nothing, for a field that is no list of texts."""
    wanted = schema_of(name)
    return _change(of, wanted, lambda before: without(wanted, before, items))


def put(of: OnBehalf, name: str, changes: Mapping[str, Any]) -> Any:
    """The same for what somebody has edited: lists are taken as they are."""
    wanted = schema_of(name)
    return _change(of, wanted, lambda before: merged(wanted, before, changes, adds=False))


def forget(of: OnBehalf, name: str) -> bool:
    """Forget what is known by this schema of the verified subject and of the user who asks, and what its agents have
    noted about the user in their own words. Answers whether there was anything. Who speaks through somebody else's
    session has nothing of that user forgotten."""
    wanted, principal = schema_of(name), of.principal
    is_user = only_the_user_speaks(principal, of.session_id)
    owners = [_owner_of(of, wanted), _user(principal) if is_user else None]
    gone = 0
    with transaction.atomic():
        for owner in {one for one in owners if one is not None}:
            gone += _row_of(owner, wanted).delete()[0]
        if is_user:
            notes = AgentOSMemory.objects.visible_to(principal)
            gone += notes.filter(agent__agent_id__in=wanted.agent_ids).delete()[0]
    return gone > 0


def erase(of: OnBehalf, name: str) -> bool:
    """Erase the one profile that `memory_of` answers from."""
    wanted = schema_of(name)
    owner = _owner_of(of, wanted)
    return owner is not None and _row_of(owner, wanted).delete()[0] > 0


def of_subject(kind: str, subject: str) -> "QuerySet[MemoryProfile]":
    """Everything that is kept of one subject, whatever the team and the schema: for whoever runs the installation."""
    return MemoryProfile.objects.filter(subject_kind=kind, subject=subject)


def known(of: OnBehalf, wanted: Iterable[MemorySchema]) -> dict[str, BaseModel]:
    """What is known by each of these schemas, where that is anything. One statement."""
    by_name, principal = {one.name: one for one in wanted}, of.principal
    if not by_name or principal.team_id is None:
        return {}
    bound = SessionVerification.objects.filter(session=of.session_id, expires_at__gt=timezone.now()).exclude(subject="")
    theirs = Q(user=principal.user_id)
    if of.session_id is not None:
        for kind in {one.subject_kind for one in by_name.values() if one.subject_kind}:
            theirs |= Q(user=None, subject_kind=kind, subject=bound.filter(kind=kind).values("subject")[:1])
    rows = MemoryProfile.objects.filter(theirs, team=principal.team_id, schema__in=by_name)
    columns = rows.annotate(kinds=ArraySubquery(bound.values("kind")), for_others=marked(of.session_id)).values_list(
        "schema", "user", "subject_kind", "data", "kinds", "for_others"
    )
    found = {}
    for name, user_id, subject_kind, data, kinds, for_others in columns:
        wanted_kind = by_name[name].subject_kind
        is_users = wanted_kind not in kinds and not for_others and not speaks_for_many(principal)
        if is_users if user_id else subject_kind == wanted_kind:
            found[name] = read(by_name[name], data)
    return found


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose a profile is: the values of the row."""

    team_id: UUID
    user_id: UUID | None = None
    subject_kind: str = ""
    subject: str = ""


def _owner_of(of: OnBehalf, wanted: MemorySchema) -> _Owner | None:
    """None for whom nothing is kept: who is in no team, and whoever speaks through somebody else."""
    principal = of.principal
    if principal.team_id is not None and wanted.subject_kind is not None:
        bound = verification_of(of.session_id, wanted.subject_kind)
        if bound.state == "verified":
            return _Owner(principal.team_id, None, wanted.subject_kind, bound.subject)
    return _user(principal) if only_the_user_speaks(principal, of.session_id) else None


def _user(principal: Principal) -> _Owner | None:
    return _Owner(principal.team_id, principal.user_id) if principal.team_id else None


def _row_of(owner: _Owner, wanted: MemorySchema) -> "QuerySet[MemoryProfile]":
    return MemoryProfile.objects.filter(
        team=owner.team_id, schema=wanted.name, user=owner.user_id, subject_kind=owner.subject_kind,
        subject=owner.subject,
    )  # fmt: skip


def _change(of: OnBehalf, wanted: MemorySchema, changed: Callable[[BaseModel], BaseModel]) -> BaseModel:
    with transaction.atomic():
        owner = _owner_of(of, wanted)
        if owner is None:
            return wanted.schema()
        row = MemoryProfile(
            team_id=owner.team_id, schema=wanted.name, user_id=owner.user_id, subject_kind=owner.subject_kind,
            subject=owner.subject,
        )  # fmt: skip
        # Made, or locked as it is: either way this is the only one to change it until the end.
        MemoryProfile.objects.bulk_create([row], update_conflicts=True, unique_fields=_OWNER, update_fields=["schema"])
        kept = _row_of(owner, wanted).get()
        profile = changed(read(wanted, kept.data))
        if stored(profile) != kept.data:
            kept.data = stored(profile)
            kept.save(update_fields=["data", "updated_at"])
    return profile


def _note_after(wanted: MemorySchema, run: RunAtHand, result: RunResult) -> None:
    if result.status == "completed" and wanted.after is not None and (changes := wanted.after(run, result)):
        remember(run, wanted.name, **changes)
