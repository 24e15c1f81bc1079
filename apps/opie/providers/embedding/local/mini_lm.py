"""all-MiniLM-L6-v2: a BERT of six layers whose mean is the vector of a text.

All texts of a batch lie one after the other in one matrix, so that nothing is padded: what belongs to one text alone,
attention and the mean, is worked out text by text; the rest for all at once. A vector does not depend on its neighbours.
"""

from collections.abc import Mapping, Sequence

import numpy

from apps.opie.providers.embedding.local.weights import Numbers

LAYERS = 6
HEADS = 12
WIDTH = 384
OF_A_HEAD = WIDTH // HEADS
TINY = numpy.float32(1e-12)
# So many numbers at a time stay in the cache of a processor's core.
AT_ONCE = 32_768
# The rows up to which a product is quicker the other way round: a question is of that length.
FEW = 48

# erf(x/√2) is x·P(x²)/Q(x²) to 4e-7 for |x| ≤ 5.4, beyond which it is ±1 in these digits; NumPy has no erf. The numbers
# are a least-squares fit made for this, the highest power first.
LARGEST = numpy.float32(5.4)
P = (4.67734905e-08, 1.27200535e-05, 3.28644058e-04, 9.30170684e-03, 6.67445104e-02, 7.97884491e-01)
Q = (1.2165918e-06, 7.24003136e-05, 1.85898346e-03, 2.83787041e-02, 2.50317927e-01, 1.0)


class MiniLM:
    """The network. It holds nothing but views of its weights; any number of threads may use it."""

    def __init__(self, weights: Mapping[str, Numbers]) -> None:
        self._weights = weights

    def vectors_of(self, texts: Sequence[Sequence[int]]) -> Numbers:
        """One row of length 1 for each text, which is given as the numbers of its pieces."""
        ends = numpy.cumsum([len(text) for text in texts])
        parts = [slice(int(end) - len(text), int(end)) for end, text in zip(ends, texts, strict=True)]
        states = self._begin(texts)
        for layer in range(LAYERS):
            states = self._layer(f"encoder.layer.{layer}.", states, parts)
        means: Numbers = numpy.stack([states[part].mean(axis=0) for part in parts])
        means /= numpy.maximum(numpy.linalg.norm(means, axis=1, keepdims=True), TINY)
        return means

    def _begin(self, texts: Sequence[Sequence[int]]) -> Numbers:
        pieces = numpy.concatenate([numpy.asarray(text) for text in texts])
        places = numpy.concatenate([numpy.arange(len(text)) for text in texts])
        states: Numbers = self._weights["embeddings.word_embeddings.weight"][pieces]
        states += self._weights["embeddings.position_embeddings.weight"][places]
        states += self._weights["embeddings.token_type_embeddings.weight"][0]
        return self._normal("embeddings.LayerNorm", states)

    def _layer(self, name: str, states: Numbers, parts: Sequence[slice]) -> Numbers:
        seen = self._dense(f"{name}attention.output.dense", self._attention(f"{name}attention.self.", states, parts))
        seen += states
        states = self._normal(f"{name}attention.output.LayerNorm", seen)
        thought = self._dense(f"{name}output.dense", _gelu(self._dense(f"{name}intermediate.dense", states)))
        thought += states
        return self._normal(f"{name}output.LayerNorm", thought)

    def _attention(self, name: str, states: Numbers, parts: Sequence[slice]) -> Numbers:
        query, key, value = (self._dense(name + one, states) for one in ("query", "key", "value"))
        query *= numpy.float32(OF_A_HEAD**-0.5)
        found = numpy.empty_like(states)
        for part in parts:
            asked, keys, values = (_by_head(one[part]) for one in (query, key, value))
            weights = asked @ keys.transpose(0, 2, 1)
            weights -= weights.max(axis=-1, keepdims=True)
            numpy.exp(weights, out=weights)
            weights /= weights.sum(axis=-1, keepdims=True)
            numpy.matmul(weights, values, out=_by_head(found[part]))
        return found

    def _dense(self, name: str, states: Numbers) -> Numbers:
        weight = self._weights[f"{name}.weight"]
        result = states @ weight.T if len(states) > FEW else numpy.ascontiguousarray((weight @ states.T).T)
        result += self._weights[f"{name}.bias"]
        return result

    def _normal(self, name: str, states: Numbers) -> Numbers:
        """Each row with mean 0 and variance 1, then stretched and moved as was learnt. In place."""
        states -= states.mean(axis=1, keepdims=True)
        variance = numpy.einsum("ij,ij->i", states, states) / numpy.float32(WIDTH)
        states *= (1 / numpy.sqrt(variance + TINY))[:, None]
        states *= self._weights[f"{name}.weight"]
        states += self._weights[f"{name}.bias"]
        return states


def _by_head(states: Numbers) -> Numbers:
    """A view of rows of one text as heads × rows × what a head sees."""
    return states.reshape(-1, HEADS, OF_A_HEAD).transpose(1, 0, 2)


def _gelu(states: Numbers) -> Numbers:
    """x·Φ(x), in place, a stretch at a time."""
    flat = states.reshape(-1)
    for start in range(0, flat.size, AT_ONCE):
        x = flat[start : start + AT_ONCE]
        bound = numpy.clip(x, -LARGEST, LARGEST)
        square = bound * bound
        bound *= _polynomial(P, square)
        bound /= _polynomial(Q, square)
        bound += 1
        bound *= numpy.float32(0.5)
        x *= bound
    return states


def _polynomial(factors: Sequence[float], x: Numbers) -> Numbers:
    result = x * numpy.float32(factors[0])
    for factor in factors[1:-1]:
        result += numpy.float32(factor)
        result *= x
    result += numpy.float32(factors[-1])
    return result
