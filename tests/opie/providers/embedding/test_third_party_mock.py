"""The same against a mock that somebody else wrote, with fixtures of one vector each."""

from collections.abc import Iterator

import numpy
import pytest

from apps.opie.models import AgentOSRun
from apps.opie.models.platforms import ApiType
from apps.opie.providers.embedding import embed
from tests.opie.providers.asking import usage_rows
from tests.opie.providers.embedding.conftest import Embedding
from tests.opie.providers.people import Scoped
from tests.vendors.aimock import AimockMissingError, aimock, skip_or_fail

pytestmark = pytest.mark.django_db(transaction=True)

VECTOR = [3.0, 4.0, 0.0, 0.0]
FIXTURES = [{"match": {"inputText": "fox"}, "response": {"embedding": VECTOR}}]


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    try:
        with aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as url:
            yield url
    except AimockMissingError as error:
        skip_or_fail(error)


# aimock 1.43 answers /api/embed as Ollama's older /api/embeddings does, which the SDK refuses, and has no batches of Gemini's.
@pytest.mark.parametrize("api_type", [ApiType.OPENAI, ApiType.LLAMACPP, ApiType.OPENAI_COMPATIBLE])
async def test_vectors_of_another_mock(
    api_type: str, mock_url: str, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(api_type, mock_url, model="unheard-of", dimensions=4)
    with scoped():
        vectors = await embed(["A fox.", "Another fox."], embedder, kind="document")
    assert numpy.abs(vectors - [[0.6, 0.8, 0, 0]] * 2).max() < 1e-6
    assert [call.outcome for call in await usage_rows(run)] == ["succeeded"]
