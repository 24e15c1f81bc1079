"""Under which name a host keeps whom a conversation is about: one subject has one, whoever says it. Sync."""

from collections.abc import Callable

from apps.api.errors import InvalidInput

# The name for what another system or a host's page said; None where it is nobody's.
SubjectOf = Callable[[str], str | None]

_by_kind: dict[str, SubjectOf] = {}


def read_subjects_by(kind: str, subject_of: SubjectOf) -> None:
    """Have this function read the subjects of that kind from here on."""
    _by_kind[kind] = subject_of


def read_subjects_no_more(kind: str) -> None:
    """Subjects of that kind are taken as they are said."""
    _by_kind.pop(kind, None)


def subject_named(kind: str, said: str) -> str:
    """The name of the subject that another system or a host's page calls so; as it is said, where no host reads that kind.
    Raises InvalidInput (`subject_unknown`) where the host knows nobody of that name."""
    subject_of = _by_kind.get(kind)
    found = said if subject_of is None else subject_of(said)
    if not found:
        raise InvalidInput(f"There is no {kind} of that name.", code="subject_unknown")
    return found
