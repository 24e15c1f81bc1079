"""How many tokens one call took, as the vendor bills them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of one call. None is unknown, which is not 0.

    `input` holds all input, with what was read from (`cached`) and written to (`cache_write`) the vendor's cache;
    `output` holds all output, with what was thought and not said (`reasoning`). `audio` is the part of both that
    was sound.
    """

    input: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether enough is known to put a price on it."""
        return self.input is not None and self.output is not None


NO_TOKENS = TokenCounts(input=0, cached=0, cache_write=0, output=0, reasoning=0, audio=0)
