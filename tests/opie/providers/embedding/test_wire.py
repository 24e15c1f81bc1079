"""Embeddings over the vendors' SDKs and real sockets: what is sent, what comes back, what is written down."""

from decimal import Decimal
from typing import Any

import numpy
import pytest

from apps.api.errors import InvalidInput
from apps.opie.models import AgentOSRun
from apps.opie.models.platforms import ApiType
from apps.opie.models.usage import CallOutcome, Certainty
from apps.opie.providers.embedding import Kind, embed, probe
from tests.opie.providers.asking import KEY, usage_rows
from tests.opie.providers.embedding.conftest import UNKNOWN, WIRES, Embedding
from tests.opie.providers.people import Scoped
from tests.vendors.embeddings import texts_of, vector_for
from tests.vendors.reply import Reply, Usage
from tests.vendors.server import VendorServer

pytestmark = pytest.mark.django_db(transaction=True)

MOST_AT_ONCE = dict.fromkeys(WIRES, 32) | {ApiType.OPENAI: 128, ApiType.GEMINI: 100}
# What 120 tokens cost: $0.02 and $0.15 a million; nothing on a machine of one's own; another's endpoint: nobody knows.
COSTS: dict[str, Decimal | None] = dict.fromkeys(WIRES, Decimal(0)) | {
    ApiType.OPENAI: Decimal("0.0000024"),
    ApiType.GEMINI: Decimal("0.000018"),
    ApiType.OPENAI_COMPATIBLE: None,
}


def unit(sent: list[str], length: int) -> numpy.ndarray:
    """The vectors that belong to what was sent, of length 1."""
    vectors = numpy.array([vector_for(text, length) for text in sent])
    return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.mark.parametrize("api_type", WIRES)
async def test_vectors_come_in_order_and_in_batches(
    api_type: str, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(api_type)
    vendor.will(Reply(dimensions=embedder.dimensions))
    texts = [f"Invoice {number} is due." for number in range(MOST_AT_ONCE[api_type] + 2)]
    with scoped():
        vectors = await embed(texts, embedder, kind="document")
    batches = [texts_of(asked.body) for asked in vendor.asked]
    assert [len(batch) for batch in batches] == [MOST_AT_ONCE[api_type], 2]
    sent = [text for batch in batches for text in batch]
    assert all(text.endswith(plain) for text, plain in zip(sent, texts, strict=True))
    assert vectors.dtype == numpy.float32
    assert numpy.abs(vectors - unit(sent, embedder.dimensions)).max() < 1e-6
    for call in await usage_rows(run):
        assert (call.outcome, call.purpose, call.model) == (CallOutcome.SUCCEEDED, "embedding", embedder.model)
        assert (call.platform_name, call.input_tokens, call.output_tokens) == (embedder.platform_name, 120, 0)
        assert (call.certainty, call.cost) == (Certainty.REPORTED, COSTS[api_type])
    assert len(await usage_rows(run)) == 2


@pytest.mark.parametrize("api_type", WIRES)
async def test_what_is_not_reported_is_estimated_and_says_so(
    api_type: str, vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    embedder = await embedding(api_type)
    vendor.will(Reply(dimensions=embedder.dimensions, usage=None))
    with scoped():
        await embed(["twelve bytes"], embedder, kind="query")
    (call,) = await usage_rows(run)
    (sent,) = texts_of(vendor.asked[0].body)
    assert (call.certainty, call.input_tokens) == (Certainty.ESTIMATED, -(-len(sent) // 4))


@pytest.mark.parametrize(
    ("kind", "task", "of_nomic", "of_e5", "of_bge"),
    [
        ("document", "RETRIEVAL_DOCUMENT", "search_document: Hello", "passage: Hello", "Hello"),
        (
            "query",
            "RETRIEVAL_QUERY",
            "search_query: Hello",
            "query: Hello",
            "Represent this sentence for searching relevant passages: Hello",
        ),
    ],
)
async def test_each_model_is_told_what_a_text_is(
    kind: Kind,
    task: str,
    of_nomic: str,
    of_e5: str,
    of_bge: str,
    vendor: VendorServer,
    embedding: Embedding,
    scoped: Scoped,
) -> None:
    vendor.will(Reply(dimensions=768))
    asked: dict[str, Any] = {}
    with scoped():
        for name, api_type, model in (
            ("gemini", ApiType.GEMINI, ""),
            ("nomic", ApiType.OLLAMA, "nomic-embed-text:latest"),
            ("e5", ApiType.LLAMACPP, "intfloat/multilingual-e5-base"),
            ("bge", ApiType.OPENAI_COMPATIBLE, "BAAI/bge-base-en-v1.5"),
        ):
            await embed(["Hello"], await embedding(api_type, model=model), kind=kind)
            asked[name] = vendor.asked[-1].body
    assert asked["gemini"]["requests"][0]["taskType"] == task
    assert [texts_of(asked[name]) for name in asked] == [["Hello"], [of_nomic], [of_e5], [of_bge]]


async def test_fewer_numbers_are_asked_for_where_fewer_are_wanted(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    vendor.will(Reply(dimensions=1536))
    with scoped():
        await embed(["Hello"], await embedding(ApiType.OPENAI, platform_name="whole"), kind="query")
        short = await embedding(ApiType.OPENAI, dimensions=512, platform_name="short")
        assert (await embed(["Hello"], short, kind="query")).shape == (1, 512)
        await embed(["Hello"], await embedding(ApiType.GEMINI), kind="query")
    whole, shorter, gemini = (asked.body for asked in vendor.asked)
    assert "dimensions" not in whole
    assert shorter["dimensions"] == 512
    assert gemini["requests"][0]["outputDimensionality"] == 768


async def test_openai_packs_its_vectors_and_others_are_not_asked_to(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    with scoped():
        vendor.will(Reply(dimensions=1536))
        await embed(["Hello"], await embedding(ApiType.OPENAI), kind="query")
        vendor.will(Reply(dimensions=768))
        await embed(["Hello"], await embedding(ApiType.OPENAI_COMPATIBLE), kind="query")
    assert [asked.body["encoding_format"] for asked in vendor.asked] == ["base64", "float"]
    assert vendor.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_many_long_texts_are_spread_over_more_requests(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    vendor.will(Reply(dimensions=1536))
    with scoped():
        vectors = await embed(["word " * 6000] * 16, await embedding(ApiType.OPENAI), kind="document")
    assert vectors.shape == (16, 1536)
    assert [len(texts_of(asked.body)) for asked in vendor.asked] == [13, 3]


async def test_a_text_is_cut_to_what_the_model_reads(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    """First by estimate; where the platform counts more tokens than that, at what is sure to fit."""
    refused = Reply(status=400, text="Invalid 'input[0]': maximum input length is 8192 tokens.")
    vendor.will(refused, Reply(dimensions=1536))
    with scoped():
        await embed(["ä" * 40_000, "short"], await embedding(ApiType.OPENAI), kind="document")
    first, second = (texts_of(asked.body) for asked in vendor.asked)
    assert [len(text.encode()) for text in first] == [8191 * 4, 5]
    assert [len(text.encode()) for text in second] == [8190, 5]
    calls = await usage_rows(run)
    assert [(call.outcome, call.cost is not None) for call in calls] == [("failed", True), ("succeeded", True)]
    assert calls[0].cost == 0


async def test_half_a_character_does_not_stop_the_rest(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    vendor.will(Reply(dimensions=1536))
    with scoped():
        await embed(["broken \ud83d here\x00"], await embedding(ApiType.OPENAI), kind="document")
    assert texts_of(vendor.asked[0].body) == ["broken ? here\x00"]


async def test_an_unknown_model_is_measured(
    vendor: VendorServer, embedding: Embedding, run: AgentOSRun, scoped: Scoped
) -> None:
    unknown = await embedding(ApiType.OPENAI_COMPATIBLE)
    assert unknown.platform is not None
    vendor.will(Reply(dimensions=640, usage=Usage(input=2)))
    with scoped():
        measured = await probe(unknown.platform, UNKNOWN[0])
    assert (measured.platform_name, measured.model, measured.dimensions) == ("openai_compatible", UNKNOWN[0], 640)
    (call,) = await usage_rows(run)
    assert (call.purpose, call.input_tokens) == ("embedding", 2)


async def test_a_known_model_is_measured_as_it_will_be_asked(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    gemini = await embedding(ApiType.GEMINI)
    assert gemini.platform is not None
    vendor.will(Reply(dimensions=3072))
    with scoped():
        assert await probe(gemini.platform, gemini.model) == gemini


async def test_longer_vectors_than_can_be_stored_are_refused(
    vendor: VendorServer, embedding: Embedding, scoped: Scoped
) -> None:
    unknown = await embedding(ApiType.LLAMACPP)
    assert unknown.platform is not None
    vendor.will(Reply(dimensions=4096))
    with scoped(), pytest.raises(InvalidInput, match="4096 numbers cannot be stored: at most 3072"):
        await probe(unknown.platform, UNKNOWN[0])


async def test_a_platform_without_embeddings_is_not_asked(embedding: Embedding, scoped: Scoped) -> None:
    anthropic = await embedding(ApiType.ANTHROPIC)
    assert anthropic.platform is not None
    with scoped(), pytest.raises(InvalidInput, match="anthropic has no embedding models"):
        await probe(anthropic.platform, "some-model")
