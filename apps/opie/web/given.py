"""What of a conversation a model was given with a question, and what was left out, as one reads it."""

from dataclasses import dataclass

from apps.opie.models import AgentOSRun


@dataclass(frozen=True, slots=True)
class Given:
    """`earlier` messages stood before the question: so many were given, so many summed up, the rest left out."""

    earlier: int
    given: int
    summed_up: int = 0

    @property
    def left_out(self) -> int:
        return max(0, self.earlier - self.given - self.summed_up)


def given_to(run: AgentOSRun) -> Given | None:
    """None where everything was given, or nothing is known."""
    known = [run.context.get(name) for name in ("earlier", "given", "summed_up")]
    earlier, given, summed_up = (value if isinstance(value, int) else 0 for value in known)
    return Given(earlier, given, summed_up) if earlier > given else None
