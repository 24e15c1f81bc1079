"""The cast of the isolation tests, and searches without the embedding in between."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest

from apps.accounts.principal import Principal
from apps.opie.knowledge.search import EVERYTHING, Filters, Hit, Mode, places, search_rows
from tests.opie.knowledge.filling import Vectors
from tests.opie.models.test_isolation import ann, viewers  # noqa: F401

Find = Callable[..., list[Hit]]


@pytest.fixture
def find() -> Find:
    """A search whose question has its vector already: one for all embedders, or one for each model."""

    def found(
        principal: Principal,
        query: str,
        vector: Vectors | dict[str, Vectors] | None = None,
        *,
        base_ids: Sequence[UUID] | None = None,
        mode: Mode = "hybrid",
        filters: Filters = EVERYTHING,
        limit: int = 10,
    ) -> list[Hit]:
        where = places(principal, query, base_ids, filters)
        vectors: dict[Any, Vectors] = {}
        for place in where:
            one = vector.get(place.embedded_by.model) if isinstance(vector, dict) else vector
            if one is not None:
                vectors[place.embedded_by] = one
        return search_rows(principal, vectors, where, base_ids=base_ids, mode=mode, filters=filters, limit=limit)

    return found
