"""What a search should find, worked out in plain NumPy and Python."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tests.opie.knowledge.filling import Vectors


def nearest(vectors: Vectors, vector: Vectors, count: int) -> list[int]:
    return [int(number) for number in np.argsort(-(vectors @ vector), kind="stable")[:count]]


def bm25(
    texts: Sequence[str], question: str, headings: Sequence[str] = (), *, k1: float = 2.0, b: float = 0.75
) -> list[float]:
    """Lucene's BM25, times k1 + 1, of texts whose words are separated by spaces. A heading is part of its text, and each
    of its words counts as three."""
    above = [heading.split() for heading in headings] or [[] for _ in texts]
    counted = [Counter(text.split() + words * 3) for text, words in zip(texts, above, strict=True)]
    lengths = [len(text.split()) + len(words) for text, words in zip(texts, above, strict=True)]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(texts)
    for word in set(question.split()):
        having = sum(word in words for words in counted)
        weight = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        for number, words in enumerate(counted):
            slow = words[word] + k1 * (1 - b + b * lengths[number] / mean)
            scores[number] += weight * words[word] * (k1 + 1) / slow
    return scores
