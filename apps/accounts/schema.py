"""What the API's description says about signing in."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class PrincipalScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A bearer (access token or API key), or the session cookie with a CSRF token."""

    target_class = "apps.accounts.authentication.PrincipalAuthentication"
    name = ["bearer", "cookie"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:  # noqa: ARG002
        return [{name: []} for name in self.name]  # either will do

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:  # noqa: ARG002
        bearer = {"type": "http", "scheme": "bearer", "description": "An access token or an API key."}
        cookie = {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "With X-CSRFToken on writes."}
        return [bearer, cookie]


def of_the_api(endpoints: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of all addresses those of the API: what only the frame of a widget calls is described to nobody."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith("/widget/")]
