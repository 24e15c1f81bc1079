"""How long a platform may be silent."""

from apps.opie.providers.snapshot import PlatformSnapshot

SECONDS_TO_CONNECT = 10.0


def patience(platform: PlatformSnapshot) -> dict[str, float]:
    """The arguments of httpx's Timeout: connecting is quick or it is not there; an answer may be slow."""
    silence = float(platform.timeout)
    return {"timeout": silence, "connect": min(SECONDS_TO_CONNECT, silence)}
