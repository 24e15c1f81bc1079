"""Addresses that the frame of a widget asks."""

from django.urls import path

from apps.opie.agentos import visit_api

_ONE = "<uuid:widget_id>/conversations/<uuid:session_id>/"

urlpatterns = [
    path("<uuid:widget_id>/customer/", visit_api.CustomerView.as_view(), name="widget-customer"),
    path("<uuid:widget_id>/visit/", visit_api.VisitView.as_view(), name="widget-visit"),
    path("<uuid:widget_id>/conversations/", visit_api.ConversationsView.as_view(), name="widget-conversations"),
    path(_ONE, visit_api.ConversationView.as_view(), name="widget-conversation"),
    path(f"{_ONE}customer/", visit_api.BindView.as_view(), name="widget-bind"),
    path(f"{_ONE}messages/", visit_api.QuestionView.as_view(), name="widget-messages"),
    path(f"{_ONE}messages/<uuid:message_id>/react/", visit_api.ReactView.as_view(), name="widget-react"),
    path(f"{_ONE}person/", visit_api.PersonView.as_view(), name="widget-person"),
]
