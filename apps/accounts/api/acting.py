"""The principal of a REST request, for views behind a guard that has found one."""

from rest_framework.request import Request

from apps.accounts.permissions import signed_in
from apps.accounts.principal import Principal
from apps.api.errors import NotSignedIn


def principal_of(request: Request) -> Principal:
    """Raises NotSignedIn when the view let nobody in."""
    principal = signed_in(request)
    if principal is None:
        raise NotSignedIn
    return principal
