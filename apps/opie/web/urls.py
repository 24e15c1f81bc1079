"""The pages."""

from django.urls import path

from apps.opie.web import agent_pages, views

app_name = "pages"

urlpatterns = [
    path("", views.HomeView.as_view(), name="home"),
    path("agentos/", views.AgentOSDashboardView.as_view(), name="dashboard"),
    path("agentos/agents/", views.AgentOSAgentListView.as_view(), name="agents"),
    path("agentos/agents/new/", agent_pages.AgentCreateView.as_view(), name="new-agent"),
    path("agentos/agents/<slug:agent_id>/edit/", agent_pages.AgentChangeView.as_view(), name="edit-agent"),
    path("agentos/chat/", views.ChatHomeView.as_view(), name="chat-home"),
    path("agentos/chat/<slug:agent_id>/", views.AgentOSChatView.as_view(), name="chat"),
    path("agentos/history/", views.HistoryView.as_view(), name="history"),
    path("agentos/session/<uuid:session_id>/", views.AgentOSSessionView.as_view(), name="session"),
    path("agentos/session/<uuid:session_id>/rename/", views.RenameSessionView.as_view(), name="rename-session"),
    path("agentos/session/<uuid:session_id>/delete/", views.DeleteSessionView.as_view(), name="delete-session"),
    path(
        "agentos/session/<uuid:session_id>/export.<str:form>", views.ExportSessionView.as_view(), name="export-session"
    ),
]
