"""Addresses that ask nobody to sign in."""

# Open to everybody: (nobody, signed in).
OPEN: dict[tuple[str, str], tuple[int, int]] = {
    ("GET", "/"): (302, 302),
    ("GET", "/health/live/"): (200, 200),
    ("GET", "/health/ready/"): (200, 200),
    ("GET", "/admin/"): (302, 302),
    # Whoever signs the call with the secret of this name is let in; any other credential is not looked at.
    ("POST", "/api/v1/agentos/webhook/<slug:name>/"): (401, 401),
    ("POST", "/api/v1/auth/register/"): (400, 400),
    ("POST", "/api/v1/auth/login/"): (400, 400),
    ("POST", "/api/v1/auth/token/refresh/"): (400, 400),
    ("POST", "/api/v1/auth/password/reset/"): (400, 400),
    ("POST", "/api/v1/auth/password/reset/confirm/"): (400, 400),
    # Of a widget's frame, which sends a visitor's token and never a cookie (tests/opie/rest/test_visitors.py).
    ("GET", "/widget/<uuid:widget_id>.js"): (200, 200),
    ("GET", "/widget/<uuid:widget_id>/"): (200, 200),
    ("POST", "/widget/<uuid:widget_id>/customer/"): (403, 403),
    ("POST", "/widget/<uuid:widget_id>/visit/"): (403, 403),
    ("POST", "/widget/<uuid:widget_id>/conversations/"): (401, 404),
    ("GET", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/"): (401, 404),
    ("POST", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/customer/"): (401, 404),
    ("POST", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/messages/"): (401, 404),
    ("POST", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/messages/<uuid:message_id>/react/"): (401, 404),
    ("DELETE", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/messages/<uuid:message_id>/react/"): (
        401,
        404,
    ),
    ("POST", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/person/"): (401, 404),
    ("DELETE", "/widget/<uuid:widget_id>/conversations/<uuid:session_id>/person/"): (401, 404),
    ("GET", "/accounts/login/"): (200, 302),
    ("GET", "/accounts/logout/"): (302, 200),
    ("GET", "/accounts/signup/"): (200, 302),
    ("GET", "/accounts/inactive/"): (200, 200),
    ("GET", "/accounts/confirm-email/"): (200, 200),
    ("GET", r"/accounts/confirm-email/(?P<key>[-:\w]+)/$"): (200, 200),
    ("GET", "/accounts/password/reset/"): (200, 200),
    ("GET", "/accounts/password/reset/done/"): (200, 200),
    ("GET", r"/accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$"): (200, 200),
    ("GET", "/accounts/password/reset/key/done/"): (200, 200),
}
