"""What of a conversation a model was given with a question, and what was left out, as one reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from apps.opie.models import AgentOSRun, AgentOSSummary


@dataclass(frozen=True, slots=True)
class Given:
    """`earlier` messages stood before the question: so many were given, so many summed up, the rest left out.
    `shortened` when even the newest had to be cut."""

    earlier: int
    given: int
    summed_up: int = 0
    summary: str = ""
    shortened: bool = False

    @property
    def left_out(self) -> int:
        return max(0, self.earlier - self.given - self.summed_up)


def given_to(runs: Iterable[AgentOSRun]) -> Mapping[UUID, Given]:
    """For each run that was not given everything, what it was given. One query, where something was summed up."""
    shortened = [run for run in runs if run.context.get("messages_left_out") or run.context.get("shortened")]
    wanted = {run.context["summary_id"] for run in shortened if run.context.get("summary_id")}
    summaries = {str(pk): summary for pk, summary in AgentOSSummary.objects.in_bulk(wanted).items()} if wanted else {}
    return {run.pk: _given(run, summaries.get(str(run.context.get("summary_id")))) for run in shortened}


def _given(run: AgentOSRun, summary: AgentOSSummary | None) -> Given:
    sent, left_out = int(run.context.get("messages_sent", 0)), int(run.context.get("messages_left_out", 0))
    return Given(
        earlier=sent + left_out,
        given=sent,
        summed_up=min(left_out, summary.message_count) if summary else 0,
        summary=summary.text if summary else "",
        shortened=bool(run.context.get("shortened")),
    )
