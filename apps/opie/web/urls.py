"""The pages."""

from django.urls import path

from apps.opie.web import (
    activity_pages,
    agent_pages,
    command_edit_pages,
    command_pages,
    dispatcher_pages,
    history_pages,
    knowledge_pages,
    memory_pages,
    schedule_pages,
    statistics_pages,
    support_pages,
    views,
    webhook_pages,
    widget_list_pages,
    widget_pages,
)

app_name = "pages"

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("agentos/", views.AgentOSDashboardView.as_view(), name="dashboard"),
    path("agentos/agents/", views.AgentOSAgentListView.as_view(), name="agents"),
    path("agentos/agents/new/", agent_pages.AgentCreateView.as_view(), name="new-agent"),
    path("agentos/agents/<slug:agent_id>/edit/", agent_pages.AgentChangeView.as_view(), name="edit-agent"),
    path("agentos/chat/", views.ChatHomeView.as_view(), name="chat-home"),
    path("agentos/chat/<slug:agent_id>/", views.AgentOSChatView.as_view(), name="chat"),
    path("agentos/commands/", command_pages.CommandsView.as_view(), name="commands"),
    path("agentos/commands/new/", command_edit_pages.CommandCreateView.as_view(), name="command-new"),
    path("agentos/commands/check/", command_edit_pages.CommandCheckView.as_view(), name="command-check"),
    path("agentos/commands/import/", command_edit_pages.CommandImportView.as_view(), name="command-import"),
    path("agentos/commands/<str:slug>/", command_pages.CommandView.as_view(), name="command"),
    path("agentos/commands/<str:slug>/edit/", command_edit_pages.CommandChangeView.as_view(), name="command-edit"),
    path(
        "agentos/commands/<str:slug>/versions/",
        command_edit_pages.CommandVersionsView.as_view(),
        name="command-versions",
    ),
    path(
        "agentos/commands/<str:slug>/favourite/", command_pages.CommandFavouriteView.as_view(), name="command-favourite"
    ),
    path("agentos/commands/<str:slug>/fields/", command_pages.CommandFieldsView.as_view(), name="command-fields"),
    path("agentos/dispatcher/", dispatcher_pages.DispatcherView.as_view(), name="dispatcher"),
    path("agentos/dispatcher/scores.svg", dispatcher_pages.ScorePlotView.as_view(), name="score-plot"),
    path("agentos/dispatcher/decisions/<uuid:decision_id>/", dispatcher_pages.DecisionView.as_view(), name="decision"),
    path("agentos/history/", history_pages.HistoryView.as_view(), name="history"),
    path("agentos/history/import/", history_pages.HistoryImportView.as_view(), name="history-import"),
    path("agentos/history/statistics/", statistics_pages.StatisticsView.as_view(), name="statistics"),
    path("agentos/history/statistics/days.svg", statistics_pages.DaysPlotView.as_view(), name="days-plot"),
    path("agentos/history/statistics/days.csv", statistics_pages.DaysTableView.as_view(), name="days-table"),
    path("agentos/history/statistics/agents.svg", statistics_pages.AgentsPlotView.as_view(), name="agents-plot"),
    path("agentos/history/statistics/agents.csv", statistics_pages.AgentsTableView.as_view(), name="agents-table"),
    path("agentos/knowledge/", knowledge_pages.KnowledgeView.as_view(), name="knowledge"),
    path("agentos/knowledge/new/", knowledge_pages.NewBaseView.as_view(), name="new-base"),
    path("agentos/knowledge/passages/<uuid:chunk_id>/", knowledge_pages.PassagePage.as_view(), name="passage"),
    path("agentos/knowledge/<uuid:base_id>/", knowledge_pages.BaseView.as_view(), name="base"),
    path("agentos/knowledge/<uuid:base_id>/documents/", knowledge_pages.DocumentsPiece.as_view(), name="documents"),
    path(
        "agentos/knowledge/<uuid:base_id>/documents/<uuid:document_id>/",
        knowledge_pages.DocumentPage.as_view(),
        name="document",
    ),
    path("agentos/knowledge/<uuid:base_id>/search/", knowledge_pages.BaseSearchPage.as_view(), name="base-search"),
    path("agentos/knowledge/<uuid:base_id>/sources/", knowledge_pages.SourcesPage.as_view(), name="base-sources"),
    path(
        "agentos/knowledge/<uuid:base_id>/sources/<uuid:source_id>/",
        knowledge_pages.SourceActionView.as_view(),
        name="source",
    ),
    path(
        "agentos/knowledge/<uuid:base_id>/settings/", knowledge_pages.BaseSettingsPage.as_view(), name="base-settings"
    ),
    path("agentos/memory/", memory_pages.MemoryView.as_view(), name="memory"),
    path("agentos/memory/forget/", memory_pages.ForgetAgentView.as_view(), name="forget-agent"),
    path("agentos/memory/restore/", memory_pages.RestoreMemoryView.as_view(), name="restore-memory"),
    path("agentos/memory/profiles/<slug:name>/", memory_pages.ProfileView.as_view(), name="profile"),
    path(
        "agentos/memory/profiles/<slug:name>/forget/", memory_pages.ForgetProfileView.as_view(), name="forget-profile"
    ),
    path("agentos/memory/<uuid:memory_id>/", memory_pages.OneMemoryView.as_view(), name="one-memory"),
    path("agentos/memory/<uuid:memory_id>/forget/", memory_pages.ForgetMemoryView.as_view(), name="forget-memory"),
    path("agentos/runs/", activity_pages.RunsView.as_view(), name="runs"),
    path("agentos/runs/<uuid:run_id>/", activity_pages.RunView.as_view(), name="run"),
    path("agentos/runs/<uuid:run_id>/cancel/", activity_pages.CancelRunView.as_view(), name="cancel-run"),
    path("agentos/approvals/", activity_pages.ApprovalsView.as_view(), name="approvals"),
    path("agentos/approvals/<uuid:approval_id>/", activity_pages.ApprovalView.as_view(), name="approval"),
    path("agentos/schedules/", schedule_pages.SchedulesView.as_view(), name="schedules"),
    path("agentos/schedules/new/", schedule_pages.ScheduleCreateView.as_view(), name="new-schedule"),
    path("agentos/schedules/preview/", schedule_pages.SchedulePreviewView.as_view(), name="preview-schedule"),
    path(
        "agentos/schedules/<uuid:schedule_id>/edit/", schedule_pages.ScheduleChangeView.as_view(), name="edit-schedule"
    ),
    path(
        "agentos/schedules/<uuid:schedule_id>/switch/",
        schedule_pages.SwitchScheduleView.as_view(),
        name="switch-schedule",
    ),
    path("agentos/schedules/<uuid:schedule_id>/run/", schedule_pages.RunScheduleView.as_view(), name="run-schedule"),
    path(
        "agentos/schedules/<uuid:schedule_id>/delete/",
        schedule_pages.DeleteScheduleView.as_view(),
        name="delete-schedule",
    ),
    path("agentos/session/<uuid:session_id>/", views.AgentOSSessionView.as_view(), name="session"),
    path("agentos/session/<uuid:session_id>/rename/", views.RenameSessionView.as_view(), name="rename-session"),
    path("agentos/session/<uuid:session_id>/branch/", views.BranchSessionView.as_view(), name="branch-session"),
    path("agentos/session/<uuid:session_id>/clear/", views.ClearSessionView.as_view(), name="clear-session"),
    path("agentos/session/<uuid:session_id>/delete/", views.DeleteSessionView.as_view(), name="delete-session"),
    path(
        "agentos/session/<uuid:session_id>/export.<str:form>", views.ExportSessionView.as_view(), name="export-session"
    ),
    path("agentos/support/", support_pages.SupportListView.as_view(), name="support"),
    path("agentos/support/<uuid:session_id>/", support_pages.SupportView.as_view(), name="support-conversation"),
    path("agentos/support/<uuid:session_id>/take-over/", support_pages.TakeOverView.as_view(), name="take-over"),
    path("agentos/support/<uuid:session_id>/hand-back/", support_pages.HandBackView.as_view(), name="hand-back"),
    path("agentos/support/<uuid:session_id>/reply/", support_pages.ReplyView.as_view(), name="support-reply"),
    path("agentos/webhooks/", webhook_pages.WebhooksView.as_view(), name="webhooks"),
    path("agentos/webhooks/new/", webhook_pages.WebhookCreateView.as_view(), name="new-webhook"),
    path("agentos/webhooks/<uuid:webhook_id>/", webhook_pages.WebhookChangeView.as_view(), name="edit-webhook"),
    path("agentos/webhooks/<uuid:webhook_id>/secret/", webhook_pages.RotateSecretView.as_view(), name="rotate-webhook"),
    path(
        "agentos/webhooks/<uuid:webhook_id>/delete/", webhook_pages.DeleteWebhookView.as_view(), name="delete-webhook"
    ),
    path(
        "agentos/webhooks/<uuid:webhook_id>/events/", webhook_pages.WebhookEventsView.as_view(), name="webhook-events"
    ),
    path(
        "agentos/webhooks/events/<uuid:event_id>/retry/",
        webhook_pages.RetryEventView.as_view(),
        name="retry-webhook-event",
    ),
    path("agentos/widgets/", widget_list_pages.WidgetsView.as_view(), name="widgets"),
    path("agentos/widgets/new/", widget_list_pages.WidgetCreateView.as_view(), name="new-widget"),
    path("agentos/widgets/<uuid:widget_id>/", widget_list_pages.WidgetChangeView.as_view(), name="edit-widget"),
    path("agentos/widgets/<uuid:widget_id>/secret/", widget_list_pages.RenewSecretView.as_view(), name="renew-secret"),
    path(
        "agentos/widgets/<uuid:widget_id>/delete/", widget_list_pages.DeleteWidgetView.as_view(), name="delete-widget"
    ),
    path("widget/<uuid:widget_id>.js", widget_pages.script, name="widget-script"),
    path("widget/<uuid:widget_id>/", widget_pages.frame, name="widget-frame"),
]
