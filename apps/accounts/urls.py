"""What is mounted at /api/v1/."""

from django.urls import path

from apps.accounts.api import auth, keys, teams, users

urlpatterns = [
    path("auth/register/", auth.RegisterView.as_view(), name="api-register"),
    path("auth/login/", auth.LoginView.as_view(), name="api-login"),
    path("auth/logout/", auth.LogoutView.as_view(), name="api-logout"),
    path("auth/token/refresh/", auth.RefreshView.as_view(), name="api-token-refresh"),
    path("auth/password/reset/", auth.PasswordResetView.as_view(), name="api-password-reset"),
    path("auth/password/reset/confirm/", auth.PasswordResetConfirmView.as_view(), name="api-password-reset-confirm"),
    path("teams/", teams.TeamsView.as_view(), name="api-teams"),
    path("teams/<uuid:team_id>/", teams.TeamView.as_view(), name="api-team"),
    path("teams/<uuid:team_id>/members/", teams.MembersView.as_view(), name="api-members"),
    path("teams/<uuid:team_id>/members/<uuid:user_id>/", teams.MemberView.as_view(), name="api-member"),
    path("teams/<uuid:team_id>/invitations/", teams.InvitationsView.as_view(), name="api-invitations"),
    path(
        "teams/<uuid:team_id>/invitations/<uuid:invitation_id>/",
        teams.InvitationView.as_view(),
        name="api-invitation",
    ),
    path("invitations/accept/", teams.AcceptInvitationView.as_view(), name="api-invitation-accept"),
    path("api-keys/", keys.ApiKeysView.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>/", keys.ApiKeyView.as_view(), name="api-key"),
    path("users/bulk_delete/", users.BulkDeleteView.as_view(), name="api-users-bulk-delete"),
]
