"""Addresses under /api/v1/."""

from django.urls import path

from apps.opie.agentos import (
    agents_api,
    api,
    budgets_api,
    limits_api,
    memories_api,
    metrics_api,
    platforms_api,
    schedules_api,
)

urlpatterns = [
    path("agents/", agents_api.AgentsView.as_view(), name="agents"),
    path("agents/<str:agent_id>/", agents_api.AgentView.as_view(), name="agent"),
    path("agentos/", api.AgentOSAPIView.as_view(), name="agentos"),
    path("agentos/info/", api.AgentOSAPIView.as_view(), name="agentos-info"),
    path("agentos/agents/", api.AgentListView.as_view(), name="agentos-agents"),
    path("agentos/create-session/", api.CreateSessionView.as_view(), name="agentos-create-session"),
    path("agentos/sessions/", api.SessionListView.as_view(), name="agentos-sessions"),
    path("agentos/sessions/<uuid:session_id>/", api.SessionDetailView.as_view(), name="agentos-session"),
    path("agentos/sessions/<uuid:session_id>/messages/", api.SessionMessagesView.as_view(), name="agentos-messages"),
    path("agentos/send-message/", api.SendMessageView.as_view(), name="agentos-send-message"),
    path("agentos/runs/<uuid:run_id>/", api.RunDetailView.as_view(), name="agentos-run"),
    path("agentos/runs/<uuid:run_id>/events/", api.RunEventsView.as_view(), name="agentos-run-events"),
    path("agentos/runs/<uuid:run_id>/cancel/", api.RunCancelView.as_view(), name="agentos-run-cancel"),
    path("agentos/memories/", memories_api.MemoriesView.as_view(), name="agentos-memories"),
    path("agentos/memories/<uuid:memory_id>/", memories_api.MemoryView.as_view(), name="agentos-memory"),
    path("agentos/schedules/", schedules_api.SchedulesView.as_view(), name="agentos-schedules"),
    path("agentos/schedules/<uuid:schedule_id>/", schedules_api.ScheduleView.as_view(), name="agentos-schedule"),
    path("agentos/metrics/usage/", metrics_api.UsageMetricsView.as_view(), name="metrics-usage"),
    path("agentos/metrics/performance/", metrics_api.PerformanceMetricsView.as_view(), name="metrics-performance"),
    path("agentos/metrics/errors/", metrics_api.ErrorMetricsView.as_view(), name="metrics-errors"),
    path("agentos/metrics/errors/<uuid:error_id>/", metrics_api.ErrorMetricView.as_view(), name="metrics-error"),
    path("budgets/", budgets_api.BudgetsView.as_view(), name="budgets"),
    path("budgets/<uuid:budget_id>/", budgets_api.BudgetView.as_view(), name="budget"),
    path("prices/", budgets_api.PricesView.as_view(), name="prices"),
    path("prices/rerate/", budgets_api.RerateView.as_view(), name="prices-rerate"),
    path("limits/", limits_api.LimitsView.as_view(), name="limits"),
    path("limits/<uuid:limit_id>/", limits_api.LimitView.as_view(), name="limit"),
    path("platforms/", platforms_api.PlatformsView.as_view(), name="platforms"),
    path("platforms/<uuid:platform_id>/", platforms_api.PlatformView.as_view(), name="platform"),
    path("platforms/<uuid:platform_id>/test/", platforms_api.PlatformTestView.as_view(), name="platform-test"),
]
