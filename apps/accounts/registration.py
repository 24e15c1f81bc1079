"""Becoming a user: one way, for the browser (through allauth) and for REST."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    pass
