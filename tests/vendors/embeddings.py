"""The wire formats of embeddings. A vector is made of its text, so that a test knows which belongs to which."""

import base64
import random
import struct
from typing import Any

from tests.vendors.formats import Format, GeminiFormat, Json, OllamaFormat, OpenAIFormat, format_of
from tests.vendors.reply import Reply


def vector_for(text: str, length: int) -> list[float]:
    """What a text becomes: not of length 1."""
    lot = random.Random(text)
    return [round(lot.uniform(-3, 3), 4) for _ in range(length)]


def vectors_for(texts: list[str], reply: Reply, wanted: int | None) -> list[list[float]]:
    """The vectors of a reply, spoilt as it says."""
    found = [vector_for(text, wanted or reply.dimensions) for text in texts]
    if reply.spoilt == "one_missing":
        found.pop()
    elif reply.spoilt == "one_short":
        found[0].pop()
    elif reply.spoilt == "nan":
        found[-1][3] = float("nan")
    elif reply.spoilt == "zero":
        found[-1] = [0.0] * len(found[-1])
    return found


class OpenAIEmbeddings(OpenAIFormat):
    """POST /v1/embeddings. The last vector comes first, with its number."""

    def wants_stream(self, path: str, body: Json) -> bool:
        return False

    def whole(self, reply: Reply, body: Json) -> Json:
        vectors = vectors_for(body["input"], reply, body.get("dimensions"))
        is_packed = body.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if is_packed else vector}
            for index, vector in enumerate(vectors)
        ]
        whole: Json = {"object": "list", "model": body["model"], "data": data[::-1]}
        if reply.usage:
            whole["usage"] = {"prompt_tokens": reply.usage.input, "total_tokens": reply.usage.input}
        return whole


class GeminiEmbeddings(GeminiFormat):
    """POST /v1beta/models/…:batchEmbedContents."""

    def wants_stream(self, path: str, body: Json) -> bool:
        return False

    def whole(self, reply: Reply, body: Json) -> Json:
        texts = ["".join(part["text"] for part in one["content"]["parts"]) for one in body["requests"]]
        vectors = vectors_for(texts, reply, body["requests"][0].get("outputDimensionality"))
        whole: Json = {"embeddings": [{"values": vector} for vector in vectors]}
        return whole | ({"usageMetadata": {"promptTokenCount": reply.usage.input}} if reply.usage else {})


class OllamaEmbeddings(OllamaFormat):
    """POST /api/embed."""

    def wants_stream(self, path: str, body: Json) -> bool:
        return False

    def whole(self, reply: Reply, body: Json) -> Json:
        whole: Json = {"model": body["model"], "embeddings": vectors_for(body["input"], reply, body.get("dimensions"))}
        return whole | ({"prompt_eval_count": reply.usage.input} if reply.usage else {})


def any_format_of(path: str) -> Format:
    """The format of what was asked for, embeddings among it."""
    if path.endswith("/embeddings"):
        return OpenAIEmbeddings()
    if path.endswith(":batchEmbedContents"):
        return GeminiEmbeddings()
    return OllamaEmbeddings() if path == "/api/embed" else format_of(path)


def texts_of(body: Any) -> list[str]:
    """The texts that a request brought, whichever vendor it was for."""
    if "requests" in body:
        return ["".join(part["text"] for part in one["content"]["parts"]) for one in body["requests"]]
    return list(body["input"])


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
