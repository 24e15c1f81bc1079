"""What a mock platform is told to answer."""

from dataclasses import dataclass, field
from typing import Any, Literal

Spoilt = Literal["", "one_missing", "one_short", "nan", "zero"]
Fault = Literal["", "cut", "hang", "hang_first", "not_json", "end_early"]


@dataclass(frozen=True)
class Usage:
    """What the platform bills: all input with its cached parts, all output with what was reasoned."""

    input: int = 120
    cached: int = 64
    cache_write: int = 16
    output: int = 45
    reasoning: int = 20


@dataclass(frozen=True)
class Reply:
    """One answer. `status` other than 200 is an error with `text` as its message.

    `fault`: cut = reset the connection after the second piece; hang = fall silent there; hang_first = never say
    anything; not_json = answer with a web page; end_early = end the stream in good order, but before its end.
    """

    text: str = "The quick brown fox jumps."
    thought: str = ""
    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    more_calls: tuple[tuple[str, dict[str, Any]], ...] = ()  # at the same time as `tool`; in OpenAI's format only
    in_one_piece: bool = False  # streamed so, where a test does not look at the streaming; in OpenAI's format only
    usage: Usage | None = field(default_factory=Usage)
    status: int = 200
    fault: Fault = ""
    error_code: str = ""
    retry_after: str = ""
    is_refused: bool = False  # it will not answer because of the content
    location: str = ""  # where a redirect points to
    dimensions: int = 768  # how many numbers a vector has unless fewer are asked for
    spoilt: Spoilt = ""  # what is wrong with the vectors

    def words(self) -> list[str]:
        """The text in the pieces that it is streamed in."""
        if self.in_one_piece:
            return [self.text]
        return [word + " " for word in self.text.split(" ")[:-1]] + self.text.split(" ")[-1:]
