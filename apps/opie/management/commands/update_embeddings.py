"""manage.py update_embeddings: embed knowledge bases by another model, or again by the one they have."""

import asyncio
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from apps.api.errors import OpieError
from apps.opie.knowledge import reembedding
from apps.opie.knowledge.claims import reading_for
from apps.opie.models import KnowledgeBase, KnowledgeIndex
from apps.opie.models.knowledge import IndexState
from apps.opie.providers.embedding import default_embedder, embedder_named


class Command(BaseCommand):
    help = (
        "Embeds knowledge bases by a model, the local one unless another is named, while they are searched as before. "
        "Bases that are embedded by it already are skipped, except with --force."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base", type=UUID, help="the id of one base; all of them unless given")
        parser.add_argument("--platform", default="", help="the platform's name; the local model unless given")
        parser.add_argument("--model", default="", help="the model's name; the platform's default unless given")
        parser.add_argument("--force", action="store_true", help="also those that are embedded by it already")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's shape
        bases = KnowledgeBase.objects.select_related("live_index").order_by("created_at")
        if options["base"]:
            bases = bases.filter(pk=options["base"])
            if not bases:
                raise CommandError("There is no such knowledge base.")
        elif not bases:
            self.stdout.write("There is no knowledge base to embed.")
        for number, base in enumerate(bases, start=1):
            try:
                did = self._update(base, options)
            except OpieError as error:
                raise CommandError(f"{base.name}: {error.message}") from None
            self.stdout.write(f"{did:10}{base.pk}  {base.name}  ({number} of {len(bases)})")

    def _update(self, base: KnowledgeBase, options: dict[str, Any]) -> str:
        named = options["platform"]
        embedder = embedder_named(base.team_id, named, options["model"]) if named else default_embedder()
        live = base.live_index
        same = live is not None and (live.platform_name, live.model) == (embedder.platform_name, embedder.model)
        if same and not options["force"]:
            return "skipped"
        if options["dry_run"]:
            return "would be"
        building = base.indexes.filter(state=IndexState.BUILDING).first()
        index = building or reembedding.start(reading_for(base, base.owner_id), base, embedder)
        asyncio.run(reembedding.reembed(index.pk))
        return "embedded" if KnowledgeIndex.objects.filter(pk=index.pk, state=IndexState.LIVE).exists() else "given up"
