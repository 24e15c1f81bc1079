"""A team's platform leads to the public internet only, unless an operator entered its address.

Of those that are there, operators alone could have entered local ones and those without TLS.
"""

from typing import Any

from django.db import migrations, models
from django.db.models import Q

LOCAL = ("ollama", "llama.cpp", "gpt4all", "offline")


def mark_operators_own(apps: Any, _: Any) -> None:
    entered_by_operators = Q(api_type__in=LOCAL) | Q(base_url__startswith="http://")
    apps.get_model("opie", "AIPlatform").objects.filter(entered_by_operators).update(may_be_private=True)


class Migration(migrations.Migration):
    dependencies = [("opie", "0007_calls_in_one_statement")]
    operations = [
        migrations.AddField(
            model_name="aiplatform",
            name="may_be_private",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="An operator entered its address, which may be in a private network.",
            ),
        ),
        migrations.RunPython(mark_operators_own, migrations.RunPython.noop),
    ]
