"""What the worker does: on its own by the clock, and when it is asked to."""

import asyncio
import logging
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from apps.accounts.people import people_who_may
from apps.opie import jobs, rows
from apps.opie.engine import (
    afterwards,
    approvals,
    background,
    remembering,
    schedules,
    summaries,
    visiting,
    waiting,
    watching,
    webhook_clearing,
    webhook_work,
)
from apps.opie.engine.attempts import BACKGROUND_JOB
from apps.opie.engine.continuing import continue_run
from apps.opie.engine.dispatcher import example_vectors
from apps.opie.knowledge import claims, graphs, ingesting, names, reembedding, sources
from apps.opie.knowledge.statistics import refresh_statistics
from apps.opie.ledger import budgets
from apps.opie.ledger.calls import close_abandoned_calls
from apps.opie.ledger.notices import MAIL_JOB, tell_person
from apps.opie.ledger.notices import TASK as TELL_MANAGERS
from apps.opie.metrics import system
from apps.opie.models import LimitCount
from apps.opie.models.partitions import ensure_usage_partitions
from apps.opie.providers import checking, listing

logger = logging.getLogger(__name__)


@app.periodic(cron="* * * * * */5", periodic_id="interrupt-stale-runs")
@app.task(queueing_lock="interrupt-stale-runs", pass_context=False)
async def interrupt_stale_runs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Finish the books of runs whose process is gone, and begin those that waited for them."""
    await watching.sweep()
    await rows.run(background.tell_worker_again)


@app.task(name=BACKGROUND_JOB, queue=jobs.RUNS, pass_context=False)
async def run_in_background(run_id: str) -> None:
    """Run what somebody left to the worker. Whether it is tried again is its own rule's, not the job's."""
    await background.run_to_end(UUID(run_id))


@app.periodic(cron="* * * * * */20", periodic_id="take-due-schedules")
@app.task(queueing_lock="take-due-schedules", pass_context=False)
async def take_due_schedules(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Open a run for each schedule whose time has come."""
    await rows.run(schedules.take_due)


@app.periodic(cron="*/2 * * * *", periodic_id="retry-lost-jobs")
@app.task(queueing_lock="retry-lost-jobs", pass_context=False)
async def retry_lost_jobs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Jobs that a worker took along when it died are done by another."""
    for job in await app.job_manager.get_stalled_jobs():
        await app.job_manager.retry_job(job)


@app.periodic(cron="* * * * * */15", periodic_id="continue-decided-runs")
@app.task(queueing_lock="continue-decided-runs", pass_context=False)
async def continue_decided_runs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Count approvals that nobody gave in time as a no, and take up runs that wait for nothing more."""
    await rows.run(approvals.expire)
    for run_id in await rows.run(waiting.left_behind):
        await continue_run(run_id)


@app.periodic(cron="* * * * *", periodic_id="finish-counts")
@app.task(queueing_lock="finish-counts", pass_context=False)
async def finish_counts(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Release money that nothing will settle any more, and sweep windows of limits that are over."""
    await rows.run(close_abandoned_calls)
    if released := await rows.run(budgets.release_stale):
        logger.warning("what was held for %s calls was finished without them", released)
    await rows.run(_sweep_limit_counts)


@app.periodic(cron="* * * * *", periodic_id="note-system-metrics")
@app.task(queueing_lock="note-system-metrics", pass_context=False)
async def note_system_metrics(timestamp: int) -> None:
    """Write down how the minute was that has just ended."""
    await rows.run(system.note_minute, datetime.fromtimestamp(timestamp, UTC))


@app.periodic(cron="17 3 * * *", periodic_id="make-usage-partitions")
@app.task(queueing_lock="make-usage-partitions", pass_context=False)
async def make_usage_partitions(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Have a partition of the ledger ready for each of the next months."""
    for name in await rows.run(ensure_usage_partitions):
        logger.info("made %s", name)


@app.periodic(cron="7 4 * * *", periodic_id="clear-visitors")
@app.task(queueing_lock="clear-visitors", pass_context=False)
async def clear_visitors(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Visitors of widgets who have long said nothing go, with what they said."""
    while cleared := await rows.run(visiting.clear_visitors):
        logger.info("cleared %s visitors of widgets", cleared)


@app.periodic(cron="22 4 * * *", periodic_id="clear-unused-vectors")
@app.task(queueing_lock="clear-unused-vectors", pass_context=False)
async def clear_unused_vectors(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Vectors of examples that no agent has had for long go."""
    if cleared := await rows.run(example_vectors.clear_unused_vectors):
        logger.info("cleared %s vectors of examples", cleared)


@app.periodic(cron="37 4 * * *", periodic_id="clear-ended-jobs")
@app.task(queueing_lock="clear-ended-jobs", pass_context=False)
async def clear_ended_jobs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Jobs that failed, or were called off, go after a while. Those that were done are deleted at once by the worker."""
    hours = settings.OPIE_ENDED_JOB_DAYS * 24
    await app.job_manager.delete_old_jobs(hours, include_failed=True, include_cancelled=True, include_aborted=True)


@app.periodic(cron="52 * * * *", periodic_id="clear-webhook-events")
@app.task(queueing_lock="clear-webhook-events", pass_context=False)
async def clear_webhook_events(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Events of webhooks that ended long ago go; what they led to stays."""
    while cleared := await rows.run(webhook_clearing.clear_old_events):
        logger.info("cleared %s webhook events", cleared)


@app.periodic(cron="41 */6 * * *", periodic_id="look-for-retired-models")
@app.task(queueing_lock="look-for-retired-models", pass_context=False)
async def look_for_retired_models(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Ask the platforms which models they offer, and tell who manages them when one that is used is gone."""
    await listing.look_for_retired_models()


@app.task(name=checking.CHECK_JOB, pass_context=False)
async def check_local_models(model_ids: list[str]) -> None:
    """Ask the servers of these local models whether they have them."""
    await checking.check_all([UUID(model_id) for model_id in model_ids])


@app.periodic(cron="*/10 * * * *", periodic_id="check-active-local-models")
@app.task(queueing_lock="check-active-local-models", pass_context=False)
async def check_active_local_models(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """The same for all that are switched on, so that their state is seldom old."""
    await checking.check_all()


@app.task(name=afterwards.SUMMARIZE, pass_context=False)
async def summarize(run_id: str) -> None:
    """Sum up what the session's history leaves out from now on."""
    await summaries.summarize(UUID(run_id))


@app.task(name=afterwards.REMEMBER, pass_context=False)
async def remember(run_id: str) -> None:
    """Note what the person said about themselves."""
    await remembering.remember(UUID(run_id))


# Whether an event is tried again is its own rule's; the job comes back only where the rule could not be written down.
@app.task(name=webhook_work.TASK, pass_context=False, retry=RetryStrategy(max_attempts=8, exponential_wait=4))
async def work_on_webhook_event(event_id: str) -> None:
    """Do what another system told us of. A host's handler may take its time, as tools do."""
    await rows.run_tool(webhook_work.work_on, UUID(event_id))


# What goes wrong with a document is written with the document, and so is when it is tried again.
@app.task(name=names.INGEST, queue=jobs.KNOWLEDGE, pass_context=False)
async def ingest(document_id: str) -> None:
    """Read a document, so that it is found."""
    await ingesting.ingest(UUID(document_id))


@app.task(
    name=names.REEMBED,
    queue=jobs.KNOWLEDGE,
    pass_context=False,
    retry=RetryStrategy(max_attempts=8, exponential_wait=4),
)
async def reembed(index_id: str) -> None:
    """Embed a base by another model."""
    await reembedding.reembed(UUID(index_id))


@app.task(name=names.REWORD, queue=jobs.KNOWLEDGE, pass_context=False)
async def reword(base_id: str) -> None:
    """Read the words of a base in another language."""
    await rows.run(reembedding.reword, UUID(base_id))


@app.task(name=names.COUNT_WORDS, queue=jobs.KNOWLEDGE, pass_context=False)
async def count_words(index_id: str) -> None:
    """Count in how many chunks of an index each word is, if much has changed."""
    await rows.run(refresh_statistics, UUID(index_id))


@app.periodic(cron="* * * * *", periodic_id="tend-graphs")
@app.task(queueing_lock="tend-graphs", queue=jobs.KNOWLEDGE, pass_context=False)
async def tend_graphs(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Build the graphs that large knowledge bases are searched by, and drop those that nobody needs any more."""
    await graphs.tend()


@app.task(name=names.SYNC_SOURCE, queue=jobs.KNOWLEDGE, pass_context=False)
async def sync_source(source_id: str) -> None:
    """See what has changed of a page or a sitemap that a base follows."""
    await sources.sync(UUID(source_id))


@app.periodic(cron="* * * * *", periodic_id="look-after-knowledge")
@app.task(queueing_lock="look-after-knowledge", pass_context=False)
async def look_after_knowledge(timestamp: int) -> None:  # noqa: ARG001 - when it was due
    """Sync what is due, take up documents whose job was lost, and delete the indexes that nobody searches any more."""
    await rows.run(sources.take_due)
    if forgotten := await rows.run(claims.defer_forgotten):
        logger.warning("%s documents were left behind by their jobs", len(forgotten))
    await rows.run(reembedding.delete_retired)


@app.task(name=TELL_MANAGERS, pass_context=False)
async def tell_managers(team_id: str | None, permission: str, subject: str, text: str) -> None:
    """Have each of those mailed who hold the permission in the team, or the installation's superusers."""
    await rows.run(_defer_mails, UUID(team_id) if team_id else None, permission, subject, text)


# Each mail is a job of its own: one that fails is tried again, and nobody else gets theirs twice.
@app.task(name=MAIL_JOB, pass_context=False, retry=RetryStrategy(max_attempts=6, exponential_wait=4))
async def mail(address: str, subject: str, text: str) -> None:
    """Send one mail. It may wait for a mail server, so it keeps no connection to the database."""
    await asyncio.to_thread(send_mail, subject, text, settings.DEFAULT_FROM_EMAIL, [address])


@transaction.atomic
def _defer_mails(team_id: UUID | None, permission: str, subject: str, text: str) -> None:
    for person in people_who_may(permission, team_id):
        tell_person(person.email, subject=subject, text=text)


def _sweep_limit_counts() -> None:
    LimitCount.objects.filter(expires_at__lt=timezone.now()).delete()
