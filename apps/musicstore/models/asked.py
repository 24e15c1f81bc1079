"""That the team asked who somebody is: then a number alone is an answer to it."""

from django.db import models


class AskedForCustomer(models.Model):
    """One conversation of Opie's in which the customer was asked for."""

    conversation_id = models.UUIDField(primary_key=True)
    asked_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "question for the customer"
        verbose_name_plural = "questions for customers"

    def __str__(self) -> str:
        return str(self.conversation_id)
