"""What an agent's runs came to, counted when they are settled."""

from django.db import models
from django.db.models import Q

from apps.accounts.models import Team
from apps.opie.models.agents import Agent

SHARDS = 16


class AgentTally(models.Model):
    """A part of the counts of one agent in one team: the sum of its parts is what there is to know.

    There are several, and each run is added to one at random, so that runs that end together do not wait for each
    other. Deleting runs or sessions changes nothing here.
    """

    id = models.BigAutoField(primary_key=True)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    shard = models.PositiveSmallIntegerField()
    completed = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0, help_text="Failed, or broke off.")
    cancelled = models.BigIntegerField(default=0)
    duration_ms = models.BigIntegerField(default=0, help_text="Of the completed ones, in all.")
    first_tokens = models.BigIntegerField(default=0, help_text="Completed ones that had a first token.")
    first_token_ms = models.BigIntegerField(default=0, help_text="Until then, of these, in all.")

    class Meta:
        verbose_name = "tally"
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(fields=["agent", "team", "shard"], name="opie_tally_once"),
            models.CheckConstraint(condition=Q(shard__lt=SHARDS), name="opie_tally_shard_known"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} in {self.team_id}, part {self.shard}"
