"""Today's embedding models: the one table that names them, beside the one of models that write (providers/catalogue.py).

Checked against genai-prices by the same test.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from apps.opie.models.platforms import ApiType
from apps.opie.providers.catalogue import LOCAL
from apps.opie.providers.embedding.embedder import Kind


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """One embedding model. `dimensions` is how many numbers are asked for, `native` how many it gives unasked;
    `longest_input` is in tokens. One that `may_be_shorter` gives any number up to its own."""

    api_type: str
    model: str
    dimensions: int
    native: int
    longest_input: int
    may_be_shorter: bool = False
    unpriced_because: str = ""


def _of_ollama(model: str, dimensions: int, longest_input: int) -> EmbeddingModel:
    return EmbeddingModel(ApiType.OLLAMA, model, dimensions, dimensions, longest_input, unpriced_because=LOCAL)


SMALL = EmbeddingModel(ApiType.OPENAI, "text-embedding-3-small", 1536, 1536, 8191, may_be_shorter=True)
# A quarter of its numbers find nearly as well as all of them, and take a quarter of the room.
GEMINI = EmbeddingModel(ApiType.GEMINI, "gemini-embedding-001", 768, 3072, 2048, may_be_shorter=True)
NOMIC = _of_ollama("nomic-embed-text", 768, 2048)

KNOWN_MODELS = (
    SMALL,
    EmbeddingModel(ApiType.OPENAI, "text-embedding-3-large", 3072, 3072, 8191, may_be_shorter=True),
    EmbeddingModel(ApiType.OPENAI, "text-embedding-ada-002", 1536, 1536, 8191),
    GEMINI,
    NOMIC,
    _of_ollama("mxbai-embed-large", 1024, 512),
    _of_ollama("all-minilm", 384, 256),
    _of_ollama("bge-m3", 1024, 8192),
    _of_ollama("bge-large", 1024, 512),
    _of_ollama("snowflake-arctic-embed", 1024, 512),
    _of_ollama("snowflake-arctic-embed2", 1024, 8192),
    _of_ollama("embeddinggemma", 768, 2048),
    _of_ollama("qwen3-embedding:0.6b", 1024, 32_768),
)

# Servers that serve whatever was loaded have no default: what they serve is measured (`probe`).
DEFAULT_EMBEDDINGS: Mapping[str, EmbeddingModel] = {
    ApiType.OPENAI: SMALL,
    ApiType.GEMINI: GEMINI,
    ApiType.OLLAMA: NOMIC,
}

_KNOWN = {(one.api_type, one.model): one for one in KNOWN_MODELS}

_FOR_SEARCH = "Represent this sentence for searching relevant passages: "
_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "

# What a family of models was trained to find before a document and before a query, by a part of its name; the first that
# fits counts. A family that is not here takes texts as they are; Gemini is told the kind beside the text.
_PREFIXES: tuple[tuple[str, str, str], ...] = (
    ("nomic-embed-text", "search_document: ", "search_query: "),
    ("mxbai-embed-large", "", _FOR_SEARCH),
    ("snowflake-arctic-embed2", "", "query: "),
    ("arctic-embed-m-v2", "", "query: "),
    ("arctic-embed-l-v2", "", "query: "),
    ("arctic-embed", "", _FOR_SEARCH),
    ("bge-m3", "", ""),
    ("bge-multilingual", "", ""),
    ("bge-", "", _FOR_SEARCH),
    ("e5-mistral", "", _INSTRUCT),
    ("e5-large-instruct", "", _INSTRUCT),
    ("e5-", "passage: ", "query: "),
    ("qwen3-embedding", "", _INSTRUCT),
    ("embeddinggemma", "title: none | text: ", "task: search result | query: "),
)


def known_model(api_type: str, model: str) -> EmbeddingModel | None:
    """What is known of a model; None where nothing is."""
    return _KNOWN.get((api_type, model.removesuffix(":latest")))


def prefix_for(model: str, kind: Kind) -> str:
    """What stands before each text, so that questions and what answers them are told apart."""
    name = model.lower()
    for part, document, query in _PREFIXES:
        if part in name:
            return query if kind == "query" else document
    return ""
