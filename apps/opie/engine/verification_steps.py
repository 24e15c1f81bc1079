"""Steps by which a host's agents come to know whom a conversation is about: registered once, when its app is ready.

The host only recognises; what follows is done here. Whoever is recognised is bound, or sent a code first; what leads to
nobody is a failed try, and the third ends it. It all happens before a model sees the message.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from apps.accounts.principal import Principal
from apps.opie.engine.hooks import Hook, RunAtHand, register_hook
from apps.opie.engine.subjects import SubjectOf, read_subjects_by, read_subjects_no_more
from apps.opie.engine.verification_codes import send_code, try_codes
from apps.opie.engine.verifying import ASKS_FOR, bind_subject, note_failed_try, state_of, verification_of
from apps.opie.models import AgentOSMessage, SessionVerification
from apps.opie.registering import problem_of_function
from apps.opie.scope import current_scope

# A mail server may take its time.
TIMEOUT_SECONDS = 20.0
# What a message's notes say of the step: what it came to with this message.
NOTE = "verification"
REDACTED = "••••••"

# `failed`: whom the words lead to could not be looked up.
Came = Literal[
    "verified", "unknown", "another", "failed", "code_sent", "code_not_sent", "code_right", "code_wrong", "code_late"
]

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)
# Six digits that stand alone, perhaps in two groups: no part of a telephone number, an amount or a word.
_CODE = re.compile(r"(?<![\w@#.,/+-])(?<![0-9] )([0-9]{3})[ -]?([0-9]{3})(?![\w@]|[ ,./-]?[0-9])")


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whom the person's words lead to. `NOBODY`: they say who it is, and it is nobody who is known."""

    subject: str


NOBODY = Recognised("")

# None: nothing was said of who it is.
Recognise = Callable[[RunAtHand], Recognised | None]
CodeTo = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, eq=False)
class VerificationStep:
    """As a host registered it; `remove` takes it away again."""

    kind: str
    recognise: Recognise
    agent_ids: Sequence[str]
    code_to: CodeTo | None = None
    subject_of: SubjectOf | None = None
    hooks: list[Hook] = field(default_factory=list)

    def remove(self) -> None:
        for hook in self.hooks:
            hook.remove()
        if self.hooks:
            read_subjects_no_more(self.kind)
        if self in _registered:
            _registered.remove(self)

    def take(self, run: RunAtHand) -> str | None:
        """Before a run: what the model is asked, where it is not what the person wrote."""
        if run.session_id is None:
            return None
        known = verification_of(run.session_id, self.kind)
        if known.state == "given_up":
            return None
        if known.state == "verified":
            self._hear_of_another(run, known.subject)
            return None
        codes = {"".join(found) for found in _CODE.findall(run.text)} if known.state.startswith("code") else set()
        if codes:
            return self._take_codes(run, codes)
        recognised = self._recognised(run)
        if recognised is not None:
            _note(self._take_word(run, recognised.subject, known.subject))
        return None

    def _recognised(self, run: RunAtHand) -> Recognised | None:
        """Raises what the host's function raises, noted, so that nobody is asked again for what they have said."""
        try:
            return self.recognise(run)
        except Exception:
            _note("failed")
            raise

    def _hear_of_another(self, run: RunAtHand, bound_to: str) -> None:
        """Somebody else than the conversation is about is a case for another one, which has to be said. Nothing is tried."""
        recognised = self._recognised(run)
        if recognised is not None and recognised.subject not in ("", bound_to):
            _note("another")

    def _take_word(self, run: RunAtHand, subject: str, bound_to: str) -> Came:
        assert run.session_id is not None  # noqa: S101 - the caller has looked
        if not subject:
            note_failed_try(run.principal, run.session_id, self.kind)
            return "unknown"
        if bound_to not in ("", subject):
            # Another needs another conversation: this one stays with whom it is about, and shows nothing while it is expired.
            return "another"
        if self.code_to is None:
            bind_subject(run.principal, run.session_id, self.kind, subject)
            return "verified"
        send_code(run.principal, run.session_id, self.kind, subject, self.code_to(subject))
        was_sent = verification_of(run.session_id, self.kind).state == "code_wanted"
        return "code_sent" if was_sent else "code_not_sent"

    def _take_codes(self, run: RunAtHand, codes: set[str]) -> str:
        """The message without the code, for the model and for good."""
        assert run.session_id is not None  # noqa: S101 - the caller has looked
        question = AgentOSMessage.objects.filter(answering_runs=run.run_id)
        question.update(content=_CODE.sub(REDACTED, run.text))
        tried = try_codes(run.principal, run.session_id, self.kind, codes)
        _note(_CAME[tried])
        return _CODE.sub(f"[code: {tried}]", run.text)


_CAME: dict[str, Came] = {
    "right": "code_right",
    "wrong": "code_wrong",
    "late": "code_late",
    "none": "code_not_sent",
}
_registered: list[VerificationStep] = []


def register_verification(
    kind: str,
    *,
    recognise: Recognise,
    agent_ids: Sequence[str],
    code_to: CodeTo | None = None,
    subject_of: SubjectOf | None = None,
) -> VerificationStep:
    """Have `recognise(run)` look for a subject of that kind (`customer`) in what the person wrote, before each run of these
    agents until somebody is verified or it was tried too often. It is sync, and answers `Recognised(subject)`, `NOBODY` for
    what leads to nobody, or None where nothing was said of it.

    Whoever is recognised is bound to the session. With `code_to` they are sent a code of six digits first, to the address that
    it answers for the subject; None for one who has none. `subject_of(said)` reads whom a key with `verify_customers` or the
    page around a widget names: it answers the subject as `recognise` does, or None for nobody. What is registered wrongly is said by the system check opie.E008.
    """
    step = VerificationStep(kind, recognise, agent_ids, code_to, subject_of)
    fits = not list(_problems_of(step)) and all(one.kind != kind for one in _registered)
    _registered.append(step)
    if fits:
        if subject_of is not None:
            read_subjects_by(kind, subject_of)
        step.hooks.extend(
            register_hook(before=step.take, agent_id=agent_id, timeout=TIMEOUT_SECONDS, is_opies=True)
            for agent_id in agent_ids
        )
    return step


def agents_waiting_for(principal: Principal, session_id: UUID) -> set[str]:
    """The ids of the agents that wait in this session to learn who somebody is: a code was sent, or the last answer asked
    for it. What is written there is theirs to read, and nobody else's."""
    if not _registered:
        return set()
    answers = AgentOSMessage.objects.visible_to(principal).filter(session=session_id, is_answer=True)
    last = answers.order_by("-number").values_list("metadata", flat=True).first()
    if last is None:
        return set()
    asked_for = (last.get("notes") or {}).get(ASKS_FOR)
    rows = {row.kind: row for row in SessionVerification.objects.filter(session=session_id)}
    waiting = [
        one for one in _registered if one.kind == asked_for or state_of(rows.get(one.kind)).state == "code_wanted"
    ]
    return {agent_id for one in waiting for agent_id in one.agent_ids}


def registered() -> tuple[VerificationStep, ...]:
    return tuple(_registered)


def problems() -> Iterable[str]:
    """What is wrong with the registrations, in words for whoever wrote them."""
    kinds = [one.kind for one in _registered]
    for place, step in enumerate(_registered):
        yield from _problems_of(step)
        if step.kind in kinds[:place]:
            yield f"The verification of a {step.kind!r} is registered twice."


def _problems_of(step: VerificationStep) -> Iterable[str]:
    name: Any = step.kind
    ids: Any = step.agent_ids
    if not isinstance(name, str) or not _KIND.fullmatch(name):
        yield f"{name!r} cannot be a kind of verification: small letters, digits, - and _, 32 at most."
    if problem := problem_of_function(step.recognise, "run"):
        yield f"The verification of a {name!r}: recognise {problem}."
    if step.code_to is not None and (problem := problem_of_function(step.code_to, "subject")):
        yield f"The verification of a {name!r}: code_to {problem}."
    if step.subject_of is not None and (problem := problem_of_function(step.subject_of, "said")):
        yield f"The verification of a {name!r}: subject_of {problem}."
    if isinstance(ids, str) or not ids or not all(isinstance(one, str) and one for one in ids):
        yield f"The verification of a {name!r} needs the agents that it is for, by their ids."


def _note(came: Came) -> None:
    scope = current_scope.get()
    if scope is not None:
        scope.notes[NOTE] = came
