"""What the local embedding model makes of the examples that agents are chosen by: read once, whatever process asks."""

from django.db import models


class ExampleVector(models.Model):
    """The vector of one text, by a digest of model and text: who changes a text has another row. The text itself stands
    with its agent alone."""

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    vector = models.BinaryField(editable=False, help_text="Single floats, in the processor's order.")
    used_on = models.DateField(editable=False, help_text="The last day on which a process read it.")

    class Meta:
        verbose_name = "example's vector"
        verbose_name_plural = "examples' vectors"
        indexes = [models.Index(fields=["used_on"], name="opie_example_vector_used")]

    def __str__(self) -> str:
        return self.digest
