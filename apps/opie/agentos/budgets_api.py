"""/api/v1/budgets/: money set aside for a team, its people and its keys."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers, status
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.api.acting import principal_of
from apps.accounts.audit import record
from apps.accounts.models import ApiKey, Membership
from apps.accounts.permissions import Permission, requires
from apps.accounts.principal import Principal
from apps.api.errors import Conflict, InvalidInput, NotFound
from apps.api.serializers import StrictSerializer
from apps.opie.ledger.budgets import forget_warning, period_in_force, periods_in_force
from apps.opie.models import Budget, BudgetPeriod
from apps.opie.models.budgets import BudgetPeriodKind


class BudgetBody(StrictSerializer):
    """A budget of the whole team, of one person in it (`user_id`), or of one of its keys (`api_key_id`)."""

    user_id = serializers.UUIDField(required=False, allow_null=True)
    api_key_id = serializers.UUIDField(required=False, allow_null=True)
    period = serializers.ChoiceField(choices=BudgetPeriodKind.choices, required=False)
    amount = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=Decimal(0))
    allows_unpriced = serializers.BooleanField(required=False)
    is_enabled = serializers.BooleanField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("user_id") and attrs.get("api_key_id"):
            raise serializers.ValidationError({"api_key_id": ["A budget is for a person or for a key, not for both."]})
        return attrs


class BudgetChange(StrictSerializer):
    """What can be changed: for another subject or period, make another budget."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=4, min_value=Decimal(0), required=False)
    allows_unpriced = serializers.BooleanField(required=False)
    is_enabled = serializers.BooleanField(required=False)


def budget_as_json(budget: Budget, period: BudgetPeriod | None = None) -> dict[str, Any]:
    """The budget with the books of its period, which are looked up when they are not given."""
    period = period or period_in_force(budget)
    return {
        "id": str(budget.pk),
        "user_id": str(budget.user_id) if budget.user_id else None,
        "api_key_id": str(budget.api_key_id) if budget.api_key_id else None,
        "period": budget.period,
        "amount": money(budget.amount),
        "currency": budget.currency,
        "spent": money(period.spent),
        "reserved": money(period.reserved),
        "unpriced_calls": period.unpriced_calls,
        "allows_unpriced": budget.allows_unpriced,
        "is_enabled": budget.is_enabled,
    }


def money(amount: Decimal) -> str:
    return format(Decimal(amount).normalize(), "f")


class BudgetsView(generics.ListAPIView[Budget]):
    """The team's budgets, or those that are about oneself; making one."""

    permission_classes = [requires(Permission.MANAGE_BUDGETS, to_read=Permission.VIEW_AGENTS)]
    queryset = Budget.objects.none()
    filter_backends = [SearchFilter, OrderingFilter]
    search_fields = ["user__email", "api_key__prefix", "period"]
    ordering_fields = ["period", "amount", "created_at"]
    ordering = ["period", "pk"]

    def get_queryset(self) -> QuerySet[Budget]:
        return Budget.objects.visible_to(principal_of(self.request))

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="budgets_list")
    def get(self, request: Request) -> Response:  # noqa: ARG002
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset())) or []
        periods = periods_in_force(page)
        return self.get_paginated_response([budget_as_json(budget, periods[budget.pk]) for budget in page])

    @extend_schema(request=BudgetBody, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request) -> Response:
        principal = principal_of(request)
        body = BudgetBody(data=request.data)
        body.is_valid(raise_exception=True)
        check_subject(principal, body.validated_data)
        try:
            with transaction.atomic():
                budget = Budget.objects.create(team_id=principal.acting_team, **body.validated_data)
                record(principal, "budget.created", budget, after=budget_as_json(budget))
        except IntegrityError as error:
            if "opie_budget_once" in str(error):
                raise Conflict(
                    "There is a budget for this subject and period. Change that one.", code="budget_exists"
                ) from None
            raise
        return Response(budget_as_json(budget), status=status.HTTP_201_CREATED)


class BudgetView(APIView):
    """One budget."""

    permission_classes = [requires(Permission.MANAGE_BUDGETS, to_read=Permission.VIEW_AGENTS)]

    def _budget(self, request: Request, budget_id: UUID, *, locked: bool = False) -> Budget:
        budgets = Budget.objects.visible_to(principal_of(request))
        budget = (budgets.select_for_update(of=("self",)) if locked else budgets).filter(pk=budget_id).first()
        if budget is None:
            raise NotFound("There is no such budget.", code="budget_not_found")
        return budget

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def get(self, request: Request, budget_id: UUID) -> Response:
        return Response(budget_as_json(self._budget(request, budget_id)))

    @extend_schema(request=BudgetChange, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request: Request, budget_id: UUID) -> Response:
        body = BudgetChange(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        with transaction.atomic():
            budget = self._budget(request, budget_id, locked=True)
            before = budget_as_json(budget)
            for name, value in body.validated_data.items():
                setattr(budget, name, value)
            budget.save(update_fields=[*body.validated_data, "updated_at"])
            forget_warning(budget)
            record(principal_of(request), "budget.changed", budget, before=before, after=budget_as_json(budget))
        return Response(budget_as_json(budget))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, budget_id: UUID) -> Response:
        with transaction.atomic():
            # Locked before its books are looked for: no call can hold money from it meanwhile.
            budget = self._budget(request, budget_id, locked=True)
            record(principal_of(request), "budget.deleted", budget, before=budget_as_json(budget))
            budget.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


def check_subject(principal: Principal, body: dict[str, Any]) -> None:
    """People and keys of other teams are answered like ones that do not exist. Raises InvalidInput."""
    user_id, key_id = body.get("user_id"), body.get("api_key_id")
    if user_id and not Membership.objects.filter(team_id=principal.acting_team, user_id=user_id).exists():
        raise InvalidInput(fields={"user_id": ["There is nobody with this id in your team."]})
    if key_id and not ApiKey.objects.filter(team_id=principal.acting_team, pk=key_id).exists():
        raise InvalidInput(fields={"api_key_id": ["Your team has no key with this id."]})
