"""Writing down who did what. In the transaction of the deed: one is not kept without the other."""

from typing import Any

from django.db.models import Model

from apps.accounts.models import AuditEntry, User
from apps.accounts.principal import Principal
from apps.api.request_ids import current_request_id


def record(
    principal: Principal | None,
    action: str,
    changed: Model,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """One audit entry about a row. `before` and `after` hold what changed, as JSON, and never a secret.

    The team is the row's own (`team_id`, or itself when it is a team), else the one the principal acts in.
    """
    _write(
        changed,
        action,
        before,
        after,
        actor_id=principal.user_id if principal else None,
        actor=principal.email if principal else "",
        api_key_id=principal.api_key_id if principal else None,
        team_id=_team_of(changed) or (principal.team_id if principal else None),
    )


def record_of_person(user: User, action: str, *, after: dict[str, Any] | None = None) -> None:
    """One audit entry about what a person did to their own account, before or after any principal is known."""
    _write(user, action, None, after, actor_id=user.pk, actor=user.email, api_key_id=None, team_id=None)


def _write(
    changed: Model, action: str, before: dict[str, Any] | None, after: dict[str, Any] | None, **who: Any
) -> None:
    AuditEntry.objects.create(
        action=action,
        object_type=changed._meta.label_lower,
        object_id=str(changed.pk),
        before=before,
        after=after,
        request_id=current_request_id(),
        **who,
    )


def _team_of(changed: Model) -> Any:
    return changed.pk if changed._meta.label_lower == "accounts.team" else getattr(changed, "team_id", None)
