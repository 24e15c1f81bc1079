"""Tools over a host's Django model: list, find, get, create and change rows, as the person who asks and never as more.

Which rows there are is the host's queryset for that person; what of a row is shown or written is a list of fields. What
may be written is asked of Django's own permissions (`add_…`, `change_…`), unless the host says otherwise. What was
registered wrongly is said by model_problems.py, once every model is there.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import Q, QuerySet

from apps.accounts.models import User
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotAllowed, NotFound
from apps.opie.models.approval_rules import ApprovalRule
from apps.opie.scope import RunScope
from apps.opie.tools.model_parameters import can_be_emptied, taking_fields
from apps.opie.tools.offered_models import READING, Action, Defaults, MayWrite, ModelTools, RowsFor, plural_of
from apps.opie.tools.registry import Audience, register_tool

MOST_ROWS = 25
LONGEST_QUERY = 200
MOST_WORDS = 8
LONGEST_VALUE = 2_000


MODEL_TOOLS: list[ModelTools] = []
# Of what could not even be kept, in words.
UNUSABLE: list[str] = []


def register_model(
    model: type[models.Model],
    *,
    rows: RowsFor,
    fields: Sequence[str],
    search: Sequence[str] = (),
    write: Sequence[str] = (),
    actions: Collection[Action] = READING,
    name: str | None = None,
    may_write: MayWrite | None = None,
    related: dict[str, RowsFor] | None = None,
    defaults: Defaults | None = None,
    approval: ApprovalRule | None = None,
    audience: Audience | None = None,
) -> list[str]:
    """Offer a model's rows to agents; answers the names of the tools (`list_tracks`, `get_track`, …).

    `rows(principal)` are those that the person may see. `fields` are shown, `a__b` follows a relation; `search` are the
    fields that `find` looks in; `write` may be set by create and change, a foreign key among them to a row of
    `related[field](principal)` only. `defaults(principal)` are values that create sets itself, by field, whatever the model
    says. Calls that write wait for `approval`, where there is one. What is wrong with all that is said by the system check
    opie.E003, once every model is there.
    """
    given: Any = model
    if not (isinstance(given, type) and issubclass(given, models.Model)):
        UNUSABLE.append(f"register_model: give a model's class, not {given!r}.")
        return []
    lists: dict[str, Collection[str]] = {"fields": fields, "search": search, "write": write, "actions": actions}
    if texts := [argument for argument, names in lists.items() if isinstance(names, str)]:
        UNUSABLE.append(f"{model.__name__}: {', '.join(texts)} takes a list of texts, such as ['list'], not one text.")
        return []
    called = name or model._meta.model_name or ""
    if any(one.name == called for one in MODEL_TOOLS):
        UNUSABLE.append(f"{model.__name__}: a model is registered as {called!r} already. Say name= of one of them.")
        return []
    made = ModelTools(
        model, rows, tuple(fields), tuple(search), tuple(write), tuple(actions), called,
        plural_of(called if name else model), may_write, dict(related or {}), defaults,
    )  # fmt: skip
    MODEL_TOOLS.append(made)
    return [_register(made, action, approval, audience) for action in _MAKERS if action in actions]


def _register(made: ModelTools, action: Action, approval: ApprovalRule | None, audience: Audience | None) -> str:
    function = _MAKERS[action](made)
    function.__name__ = function.__qualname__ = name = made.tool_name(action)
    reads = action in READING
    register_tool(
        function,
        label=f"{made.called.capitalize()}: {action}",
        name=name,
        approval=None if reads else approval,
        reads_only=reads,
        audience=audience,
    )
    return name


def _lister(made: ModelTools) -> Callable[..., Any]:
    def list_rows(scope: RunScope, page: int = 1) -> dict[str, Any]:
        return _page(made, _rows(made, scope), page)

    list_rows.__doc__ = f"""List every {made.called} that may be seen, {MOST_ROWS} on a page.

    Args:
        page: Which page, from 1.
    """
    return list_rows


def _finder(made: ModelTools) -> Callable[..., Any]:
    def find_rows(scope: RunScope, query: str, page: int = 1) -> dict[str, Any]:
        wanted = Q()
        for word in query[:LONGEST_QUERY].split()[:MOST_WORDS]:
            wanted &= Q.create([(f"{path}__icontains", word) for path in made.search], connector=Q.OR)
        return _page(made, _rows(made, scope).filter(wanted).distinct(), page)

    find_rows.__doc__ = f"""Find each {made.called} in which all these words occur, in {", ".join(made.search)}.

    Args:
        query: A few words.
        page: Which page, from 1; {MOST_ROWS} are on one.
    """
    return find_rows


def _getter(made: ModelTools) -> Callable[..., Any]:
    def get_row(scope: RunScope, id: str) -> dict[str, Any]:
        return _shown(_one(made, _rows(made, scope), id, made.fields))

    get_row.__doc__ = f"""Show one {made.called}.

    Args:
        id: Its id, as the other tools say it.
    """
    return get_row


def _creator(made: ModelTools) -> Callable[..., Any]:
    def create_row(scope: RunScope, **values: Any) -> dict[str, Any]:
        _require_may(made, scope.principal, "create")
        row = made.model()
        _set_all(made, scope.principal, row, values)
        own = made.defaults(scope.principal) if made.defaults is not None else {}
        for name, value in own.items():
            setattr(row, name, value)
        return _written(made, scope.principal, row)

    return taking_fields(made, create_row, f"Create a {made.called}.", is_change=False)


def _changer(made: ModelTools) -> Callable[..., Any]:
    @transaction.atomic
    def change_row(scope: RunScope, id: str, empty: Collection[str] | None = None, **values: Any) -> dict[str, Any]:
        _require_may(made, scope.principal, "change")
        emptied = set(empty or ())
        said = {name: value for name, value in values.items() if value is not None}
        if not said and not emptied:
            raise InvalidInput(f"Say what is to change: {', '.join(made.write)}.")
        if both := sorted(emptied & said.keys()):
            raise InvalidInput(f"Either give {', '.join(both)} or have it emptied.")
        key = _one(made, _rows(made, scope), id, ("pk",))["pk"]
        row = made.model._default_manager.select_for_update(of=("self",)).get(pk=key)
        _set_all(made, scope.principal, row, said)
        _empty(made, row, emptied)
        return _written(made, scope.principal, row)

    return taking_fields(made, change_row, f"Change a {made.called}: only what is given.", is_change=True)


_MAKERS: dict[Action, Callable[[ModelTools], Callable[..., Any]]] = {
    "list": _lister,
    "find": _finder,
    "get": _getter,
    "create": _creator,
    "change": _changer,
}


def _rows(made: ModelTools, scope: RunScope) -> QuerySet[Any]:
    return made.rows(scope.principal)


def _page(made: ModelTools, found: QuerySet[Any], page: int) -> dict[str, Any]:
    page = max(1, page)
    if not found.ordered:
        found = found.order_by("pk")
    begin = (page - 1) * MOST_ROWS
    total = found.count()
    shown = [_shown(row) for row in found.values("pk", *made.fields)[begin : begin + MOST_ROWS]]
    more = {"next_page": page + 1} if begin + MOST_ROWS < total else {}
    return {"total": total, "page": page, "results": shown} | more


def _one(made: ModelTools, found: QuerySet[Any], key: Any, fields: Sequence[str]) -> dict[str, Any]:
    """Raises NotFound alike for a row that is not there, one that is not for this person, and what is no id."""
    try:
        row = found.filter(pk=key).values("pk", *fields).first()
    except (ValueError, ValidationError, OverflowError):
        row = None
    if row is None:
        raise NotFound(f"There is no {made.called} with the id {str(key)[:60]!r}.")
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {"id" if name == "pk" else name: _as_json(value) for name, value in row.items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return value[:LONGEST_VALUE] + "…"
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def _require_may(made: ModelTools, principal: Principal, action: Action) -> None:
    if made.may_write is not None:
        allowed = made.may_write(principal, action)
    else:
        meta = made.model._meta
        codename = f"{meta.app_label}.{'add' if action == 'create' else 'change'}_{meta.model_name}"
        user = User.objects.filter(pk=principal.user_id, is_active=True).first()
        allowed = user is not None and user.has_perm(codename)
    if not allowed:
        raise NotAllowed(f"Whoever asks may not {action} a {made.called}.")


def _written(made: ModelTools, principal: Principal, row: models.Model) -> dict[str, Any]:
    """The row as it is afterwards. Raises InvalidInput for what its fields do not take, Conflict where it clashes, and
    NotAllowed, with nothing written, where the person would not see it."""
    try:
        with transaction.atomic():
            row.full_clean()
            row.save()
            # What would be out of the person's sight afterwards is not theirs to make.
            return _shown(_one(made, made.rows(principal), row.pk, made.fields))
    except NotFound:
        raise NotAllowed(f"That would be a {made.called} that whoever asks may not see.") from None
    except ValidationError as error:
        raise InvalidInput(_in_words(error)) from None
    except IntegrityError:
        raise Conflict(f"This {made.called} clashes with one that is there already.") from None


def _set_all(made: ModelTools, principal: Principal, row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in made.write and value is not None:
            _set(made, principal, row, name, value)


def _set(made: ModelTools, principal: Principal, row: models.Model, name: str, value: Any) -> None:
    if name not in made.related:
        setattr(row, name, value)
        return
    try:
        target = made.related[name](principal).filter(pk=value).first()
    except (ValueError, ValidationError, OverflowError):
        target = None
    if target is None:
        raise InvalidInput(f"{name}: there is none with the id {str(value)[:60]!r}.")
    setattr(row, name, target)


def _empty(made: ModelTools, row: models.Model, names: Collection[str]) -> None:
    """Raises InvalidInput for a field that has to have a value."""
    for name in sorted(names):
        column: Any = made.model._meta.get_field(name) if name in made.write else None
        if column is None or not can_be_emptied(column):
            raise InvalidInput(f"{name} cannot be emptied.")
        setattr(row, name, None if column.null else "")


def _in_words(error: ValidationError) -> str:
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
