"""The Content-Security-Policy of every page: nothing from elsewhere, no script without the request's nonce."""

from collections.abc import Mapping, Sequence

_POLICY: dict[str, str] = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "script-src": "'self' 'nonce-{nonce}'",
    "style-src": "'self' 'nonce-{nonce}'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}


def content_security_policy(nonce: str, more: Mapping[str, str] | None = None, *, shown_in: Sequence[str] = ()) -> str:
    """The header's value. `more` adds sources to directives, for the rare page that sets its own header; `shown_in` are
    the origins whose pages may have this one in a frame, which is otherwise for nobody."""
    sources = {name: value.format(nonce=nonce) for name, value in _POLICY.items()}
    for name, value in (more or {}).items():
        sources[name] = f"{sources[name]} {value}" if name in sources else value
    if shown_in:
        sources["frame-ancestors"] = " ".join(shown_in)
    return "; ".join(f"{name} {value}" for name, value in sources.items())
