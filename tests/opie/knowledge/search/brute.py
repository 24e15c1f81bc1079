"""What a search should find, worked out in plain NumPy and Python."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from tests.opie.knowledge.filling import Vectors


def nearest(vectors: Vectors, vector: Vectors, count: int) -> list[int]:
    return [int(number) for number in np.argsort(-(vectors @ vector), kind="stable")[:count]]


def bm25(texts: Sequence[str], question: str, *, k1: float = 1.2, b: float = 0.75) -> list[float]:
    """Lucene's BM25, times k1 + 1, of texts whose words are separated by spaces."""
    counted = [Counter(text.split()) for text in texts]
    lengths = [sum(words.values()) for words in counted]
    mean = sum(lengths) / len(lengths)
    scores = [0.0] * len(texts)
    for word in set(question.split()):
        having = sum(word in words for words in counted)
        weight = math.log(1 + (len(texts) - having + 0.5) / (having + 0.5))
        for number, words in enumerate(counted):
            slow = words[word] + k1 * (1 - b + b * lengths[number] / mean)
            scores[number] += weight * words[word] * (k1 + 1) / slow
    return scores
