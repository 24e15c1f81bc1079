"""The same network once more, as slowly and plainly as it can be written: one text at a time, padded, in float64."""

import json
import math
from pathlib import Path

import numpy


def vector_of(folder: Path, pieces: list[int], *, padded_to: int) -> numpy.ndarray:
    """The vector of one text, which is given as the numbers of its pieces."""
    weights = _weights(folder / "model.safetensors")

    def dense(name: str, x: numpy.ndarray) -> numpy.ndarray:
        return x @ weights[name + ".weight"].T + weights[name + ".bias"]

    def normal(name: str, x: numpy.ndarray) -> numpy.ndarray:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / numpy.sqrt(variance + 1e-12) * weights[name + ".weight"] + weights[name + ".bias"]

    ids = pieces + [0] * (padded_to - len(pieces))
    mask = numpy.array([1.0] * len(pieces) + [0.0] * (padded_to - len(pieces)))
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.token_type_embeddings.weight"][0]
    x = normal("embeddings.LayerNorm", x + weights["embeddings.position_embeddings.weight"][: len(ids)])
    for layer in range(6):
        at = f"encoder.layer.{layer}."
        query, key, value = (dense(f"{at}attention.self.{one}", x) for one in ("query", "key", "value"))
        heads = []
        for head in range(12):
            part = slice(head * 32, head * 32 + 32)
            scores = query[:, part] @ key[:, part].T / math.sqrt(32) + (1 - mask) * -1e9
            shares = numpy.exp(scores - scores.max(-1, keepdims=True))
            heads.append(shares / shares.sum(-1, keepdims=True) @ value[:, part])
        x = normal(f"{at}attention.output.LayerNorm", dense(f"{at}attention.output.dense", numpy.hstack(heads)) + x)
        inner = dense(f"{at}intermediate.dense", x)
        inner = inner * 0.5 * (1 + numpy.vectorize(math.erf)(inner / math.sqrt(2)))
        x = normal(f"{at}output.LayerNorm", dense(f"{at}output.dense", inner) + x)
    mean = (x * mask[:, None]).sum(0) / mask.sum()
    return numpy.asarray(mean / math.sqrt(float(mean @ mean)))


def _weights(path: Path) -> dict[str, numpy.ndarray]:
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    described = json.loads(content[8:start])
    found = {}
    for name, one in described.items():
        if one.get("dtype") == "F32":
            first, last = (start + offset for offset in one["data_offsets"])
            found[name] = numpy.frombuffer(content[first:last], "<f4").reshape(one["shape"]).astype(numpy.float64)
    return found
