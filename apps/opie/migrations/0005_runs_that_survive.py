"""Branches, queues, approvals, schedules and summaries. What was said before them is one branch."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import apps.api.ids

# A session that was one line of messages is a tree of one branch; each run answers the question it stored.
LINE_UP = """
UPDATE opie_agentosmessage AS message SET parent_id = line.previous
FROM (SELECT id, lag(id) OVER (PARTITION BY session_id ORDER BY number) AS previous FROM opie_agentosmessage) AS line
WHERE line.id = message.id AND line.previous IS NOT NULL;
UPDATE opie_agentossession AS session SET head_id = last.id
FROM (SELECT DISTINCT ON (session_id) session_id, id FROM opie_agentosmessage ORDER BY session_id, number DESC) AS last
WHERE last.session_id = session.id;
UPDATE opie_agentosrun AS run SET question_id = message.id
FROM opie_agentosmessage AS message WHERE message.run_id = run.id AND message.role = 'user';
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_audit_entries_are_kept"),
        ("opie", "0004_prices_are_kept"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AgentOSApproval",
            fields=[
                ("id", models.UUIDField(default=apps.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("tool_call_id", models.CharField(max_length=200)),
                ("tool_name", models.CharField(max_length=200)),
                ("arguments", models.JSONField(default=dict, help_text="As the model asked.")),
                (
                    "changed_arguments",
                    models.JSONField(blank=True, help_text="As whoever said yes changed them.", null=True),
                ),
                (
                    "by",
                    models.CharField(
                        choices=[
                            ("person", "Whoever asked the agent"),
                            ("manager", "Somebody who manages the team's agents"),
                        ],
                        default="person",
                        max_length=8,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("expired", "Expired"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, help_text="What the model is told with a no.", max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "approval",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="AgentOSSchedule",
            fields=[
                ("id", models.UUIDField(default=apps.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=120)),
                ("message", models.TextField(max_length=100000)),
                (
                    "cron",
                    models.CharField(
                        help_text="Minute, hour, day of the month, month, day of the week.", max_length=100
                    ),
                ),
                ("time_zone", models.CharField(default="UTC", max_length=64)),
                ("most_attempts", models.PositiveSmallIntegerField(default=3)),
                ("is_enabled", models.BooleanField(default=True)),
                ("next_run_at", models.DateTimeField(blank=True, null=True)),
                ("last_run_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "verbose_name": "schedule",
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="AgentOSSummary",
            fields=[
                ("id", models.UUIDField(default=apps.api.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("message_count", models.PositiveIntegerField(help_text="How many messages it stands for.")),
                ("text", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "verbose_name": "summary",
                "verbose_name_plural": "summaries",
                "ordering": ["session", "-id"],
            },
        ),
        migrations.AddField(
            model_name="agent",
            name="approvals",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="{tool: {by, roles}}: which tools wait for a person's yes, and whose.",
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="history_tokens",
            field=models.PositiveIntegerField(
                default=16000, help_text="The most tokens of the conversation that the model is given with a question."
            ),
        ),
        migrations.AddField(
            model_name="agent",
            name="summarize_history",
            field=models.BooleanField(
                default=True,
                help_text="Have what is left out of the history summed up, and give the model the summary.",
            ),
        ),
        migrations.AddField(
            model_name="agentosmessage",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                help_text="What was said right before it in its branch; nothing for the first, and for a question that waits.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="children",
                to="opie.agentosmessage",
            ),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="context",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="What of the conversation the model was given, and what was left out.",
            ),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="input",
            field=models.JSONField(blank=True, help_text="What a run without a session was given.", null=True),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="is_background",
            field=models.BooleanField(default=False, help_text="The worker runs it, and tries again by its rule."),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="most_attempts",
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="not_before",
            field=models.DateTimeField(blank=True, help_text="When the next attempt is due.", null=True),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="paused_state",
            field=models.JSONField(
                blank=True, editable=False, help_text="Where a run that waits for approval goes on.", null=True
            ),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="question",
            field=models.ForeignKey(
                blank=True,
                help_text="What it answers; several runs may answer one question, each in a branch of its own.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="answering_runs",
                to="opie.agentosmessage",
            ),
        ),
        migrations.AddField(
            model_name="agentossession",
            name="head",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="opie.agentosmessage",
            ),
        ),
        migrations.AddField(
            model_name="agentossession",
            name="when_busy",
            field=models.CharField(
                choices=[
                    ("queue", "It waits its turn"),
                    ("steer", "The answer is stopped, and the message is next"),
                    ("refuse", "It is refused"),
                ],
                default="queue",
                max_length=6,
            ),
        ),
        migrations.AlterField(
            model_name="agentosmessage",
            name="number",
            field=models.PositiveIntegerField(
                help_text="In the order in which it was said, over all branches; above that of its parent."
            ),
        ),
        migrations.AddConstraint(
            model_name="agentossession",
            constraint=models.CheckConstraint(
                condition=models.Q(("when_busy__in", ["queue", "steer", "refuse"])), name="opie_session_when_busy_known"
            ),
        ),
        migrations.AddField(
            model_name="agentosapproval",
            name="agent",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="opie.agent"
            ),
        ),
        migrations.AddField(
            model_name="agentosapproval",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="agentosapproval",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="approvals", to="opie.agentosrun"
            ),
        ),
        migrations.AddField(
            model_name="agentosapproval",
            name="team",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.team"),
        ),
        migrations.AddField(
            model_name="agentosapproval",
            name="user",
            field=models.ForeignKey(
                help_text="On whose behalf the tool acts.",
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="agentosschedule",
            name="agent",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="schedules", to="opie.agent"
            ),
        ),
        migrations.AddField(
            model_name="agentosschedule",
            name="session",
            field=models.ForeignKey(
                blank=True,
                help_text="Where it is asked; without one each run is on its own.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="opie.agentossession",
            ),
        ),
        migrations.AddField(
            model_name="agentosschedule",
            name="team",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.team"),
        ),
        migrations.AddField(
            model_name="agentosschedule",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="agentosrun",
            name="schedule",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="runs",
                to="opie.agentosschedule",
            ),
        ),
        migrations.AddIndex(
            model_name="agentosrun",
            index=models.Index(
                condition=models.Q(("status__in", ["pending", "running", "waiting"])),
                fields=["session", "id"],
                name="opie_run_live_in_session",
            ),
        ),
        migrations.RunSQL(LINE_UP, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="agentosrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("question__isnull", False), ("status__in", ["running", "waiting"])),
                fields=("session",),
                name="opie_run_one_at_a_time",
            ),
        ),
        migrations.AddField(
            model_name="agentossummary",
            name="session",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="summaries", to="opie.agentossession"
            ),
        ),
        migrations.AddField(
            model_name="agentossummary",
            name="up_to",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="summary", to="opie.agentosmessage"
            ),
        ),
        migrations.AddIndex(
            model_name="agentosapproval",
            index=models.Index(fields=["team", "status", "-id"], name="opie_approval_of_team"),
        ),
        migrations.AddIndex(
            model_name="agentosapproval",
            index=models.Index(
                condition=models.Q(("status", "pending")), fields=["expires_at"], name="opie_approval_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentosapproval",
            constraint=models.UniqueConstraint(fields=("run", "tool_call_id"), name="opie_approval_once_per_call"),
        ),
        migrations.AddConstraint(
            model_name="agentosapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["pending", "approved", "rejected", "expired", "cancelled"])),
                name="opie_approval_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="agentosapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(("by__in", ["person", "manager"])), name="opie_approval_by_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentosapproval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("status", "pending")),
                    models.Q(models.Q(("status", "pending"), _negated=True), ("decided_at__isnull", False)),
                    _connector="OR",
                ),
                name="opie_approval_decided_once",
            ),
        ),
        migrations.AddIndex(
            model_name="agentosschedule",
            index=models.Index(fields=["user", "team"], name="opie_schedule_of_person"),
        ),
        migrations.AddIndex(
            model_name="agentosschedule",
            index=models.Index(
                condition=models.Q(("is_enabled", True)), fields=["next_run_at"], name="opie_schedule_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="agentosschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_enabled", False), ("next_run_at__isnull", False), _connector="OR"),
                name="opie_schedule_enabled_has_next",
            ),
        ),
        migrations.AddConstraint(
            model_name="agentosschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("most_attempts__gte", 1), ("most_attempts__lte", 10)),
                name="opie_schedule_1_to_10_attempts",
            ),
        ),
    ]
