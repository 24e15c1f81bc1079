"""Agno's own Knowledge over our bases, for any Agno agent, one that Opie did not build included.

It reads as one person, whoever runs the agent, and is read only: documents are handed in to bases, not to Agno.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from agno.knowledge import Knowledge
from agno.knowledge.document import Document
from agno.vectordb.base import VectorDb
from agno.vectordb.search import SearchType

from apps.accounts.principal import Principal
from apps.opie.knowledge.citing import as_citation
from apps.opie.knowledge.search import Filters, Hit, Mode, search
from apps.opie.scope import RunScope, current_scope

_MODES: dict[SearchType, Mode] = {
    SearchType.hybrid: "hybrid",
    SearchType.vector: "vector",
    SearchType.keyword: "text",
}


def knowledge_for(principal: Principal, base_ids: Sequence[UUID] | None = None, *, results: int = 10) -> Knowledge:
    """Agno's Knowledge over those of the bases that the person may read; None: over all of them."""
    return Knowledge(name="Opie", vector_db=OpieVectorDb(principal, base_ids), max_results=results)


class OpieVectorDb(VectorDb):
    """Our search in Agno's shape. Its filters are document_ids, tags, since and until (ISO dates). Whatever would write
    raises TypeError."""

    def __init__(self, principal: Principal, base_ids: Sequence[UUID] | None = None) -> None:
        super().__init__(id="opie", name="Opie")
        self.search_type = SearchType.hybrid
        self._principal, self._base_ids = principal, base_ids

    async def async_search(
        self,
        query: str,
        limit: int = 5,
        filters: Any = None,
        user_id: str | None = None,  # noqa: ARG002
    ) -> list[Document]:
        """The passages that answer a question best. Whose search it is was said when this was made, and stays so."""
        token = None
        if current_scope.get() is None:  # an agent of the host's own, outside any run of ours
            token = current_scope.set(RunScope(self._principal, purpose="embedding"))
        try:
            hits = await search(
                self._principal,
                query,
                base_ids=self._base_ids,
                limit=limit,
                mode=_MODES[self.search_type],
                filters=_filters_of(filters),
            )
        finally:
            if token is not None:
                current_scope.reset(token)
        return [_document_of(hit) for hit in hits]

    def get_supported_search_types(self) -> list[str]:
        return [kind.value for kind in SearchType]

    async def async_create(self) -> None:
        """The tables are there: migrations own them."""

    async def async_exists(self) -> bool:
        return True

    def create(self) -> None:
        """As above."""

    def exists(self) -> bool:
        return True

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise TypeError(_READ_ONLY)

    async def _refuse_async(self, *_: Any, **__: Any) -> Any:
        raise TypeError(_READ_ONLY)

    search = insert = upsert = drop = delete = delete_by_id = delete_by_name = delete_by_metadata = _refuse
    update_metadata = delete_by_content_id = name_exists = id_exists = content_hash_exists = _refuse
    async_insert = async_upsert = async_drop = _refuse_async
    async_name_exists: Any = _refuse_async


_READ_ONLY = "Opie's knowledge is read through async_search, and written by handing documents in to its bases."


def _filters_of(given: Any) -> Filters:
    """Raises ValueError for what is no filter of ours: one that was left out would find too much."""
    if not given:
        return Filters()
    if not isinstance(given, dict) or not given.keys() <= {"document_ids", "tags", "since", "until"}:
        raise ValueError(f"Filters of Opie's knowledge are document_ids, tags, since and until, not {given!r}.")
    return Filters(
        document_ids=[UUID(str(one)) for one in given["document_ids"]] if "document_ids" in given else None,
        tags=tuple(given.get("tags", ())),
        since=date.fromisoformat(given["since"]) if given.get("since") else None,
        until=date.fromisoformat(given["until"]) if given.get("until") else None,
    )


def _document_of(hit: Hit) -> Document:
    return Document(
        id=str(hit.chunk_id),
        name=hit.title,
        content=hit.text,
        meta_data=as_citation(hit),
        content_id=str(hit.document_id),
    )
