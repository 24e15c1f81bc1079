"""The words of a question, as they are looked for in `Chunk.words`.

Whoever writes chunks fills `words` with the database's `opie_words(language, index_id, heading, text)`, and `length` with
its `opie_length(words)` (migration 0011).
"""

from uuid import UUID


def index_lexeme(index_id: UUID) -> str:
    """The lexeme that is in every chunk of an index and in no text."""
    return f"ix {index_id.hex}"
