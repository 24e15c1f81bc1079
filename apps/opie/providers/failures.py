"""What a vendor's error means: a code, words for the person, and whether anything was consumed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from http import HTTPStatus
from time import time

from apps.opie.providers.redaction import redact

LONGEST_DETAIL = 2000
# OpenAI says 429 for both too many requests and an empty account; only the text tells.
EMPTY_ACCOUNT = ("insufficient_quota", "credit balance is too low", "exceeded your current quota", "billing")
TOO_LONG = (
    "context_length_exceeded",
    "maximum context length",
    "maximum input length",
    "context window",
    "prompt is too long",
    "token count",
)


class Then(StrEnum):
    """What is done after a failure, as long as nothing of an answer was shown."""

    RETRY = "retry"  # ask again after a pause, then the next platform
    NEXT = "next"  # the next platform: asking this one again would not help
    REST = "rest"  # the same, and this one is left alone until somebody has seen to it
    STOP = "stop"  # tell the person: the next platform would not help, or an answer had begun


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. `message` takes {platform}, {model} and {limit}; `in_short` follows a platform's name."""

    code: str
    in_short: str
    message: str
    then: Then
    was_sent: bool = True
    was_refused: bool = False  # the vendor answered with an error instead of tokens, which it does not bill
    is_sickness: bool = False  # counts towards a rest


KEY_REFUSED = Failure(
    "platform_key_refused",
    "refused its key",
    "{platform} refused its API key. Whoever manages platforms in your team can enter a new one.",
    Then.REST,
    was_refused=True,
)
ACCOUNT_EMPTY = Failure(
    "platform_account_empty",
    "has no credit",
    "The account at {platform} has no credit left. Whoever manages platforms in your team can top it up.",
    Then.REST,
    was_refused=True,
)
BUSY = Failure(
    "platform_busy",
    "is busy",
    "{platform} is busy at the moment. Try again shortly.",
    Then.RETRY,
    was_refused=True,
    is_sickness=True,
)
MODEL_UNKNOWN = Failure(
    "platform_refused_request",
    "does not offer the model",
    "{platform} does not offer the model {model}. Choose another model.",
    Then.NEXT,
    was_refused=True,
)
INPUT_TOO_LONG = Failure(
    "platform_refused_request",
    "found the conversation too long",
    "This conversation is too long for {model} at {platform}. Start a new session, or shorten what you send.",
    Then.NEXT,
    was_refused=True,
)
TEXT_TOO_LONG = Failure(
    "platform_refused_request",
    "found a text too long",
    "A text is too long for {model} at {platform}. Choose another embedding model, or smaller passages.",
    Then.NEXT,
    was_refused=True,
)
UNUSABLE_VECTORS = Failure(
    "platform_failed",
    "sent vectors that cannot be used",
    "{platform} did not answer with one usable vector for each text. Check that {model} is an embedding model, and try "
    "again.",
    Then.NEXT,
)
REFUSED = Failure(
    "platform_refused_request",
    "refused the request",
    "{platform} refused this request. Rephrase it, or choose another model.",
    Then.STOP,
    was_refused=True,
)
CONTENT_REFUSED = Failure(
    "platform_refused_request",
    "refused the content",
    "{platform} refused to answer this because of its content. Rephrase it, or choose another model.",
    Then.STOP,
)
ERROR = Failure(
    "platform_failed",
    "failed",
    "{platform} failed to answer. Try again in a moment.",
    Then.RETRY,
    was_refused=True,
    is_sickness=True,
)
UNREACHABLE = Failure(
    "platform_unreachable",
    "cannot be reached",
    "{platform} cannot be reached. Check that it runs and that its address is right.",
    Then.RETRY,
    was_sent=False,
    is_sickness=True,
)
NOT_PUBLIC = Failure(
    "platform_unreachable",
    "leads into a private network",
    "{platform} leads to an address that is not on the public internet. Whoever manages platforms in your team can "
    "enter another address.",
    Then.NEXT,
    was_sent=False,
    is_sickness=True,
)
TIMED_OUT = Failure(
    "platform_timeout",
    "took too long",
    "{platform} took too long to answer. Try again in a moment.",
    Then.RETRY,
    is_sickness=True,
)
BROKE_OFF = Failure(
    "platform_failed",
    "broke off",
    "{platform} broke off before it answered. Try again in a moment.",
    Then.RETRY,
    is_sickness=True,
)
EMPTY = Failure(
    "platform_failed",
    "said nothing",
    "{platform} answered with nothing. Try again in a moment.",
    Then.RETRY,
    is_sickness=True,
)
BEYOND_BUDGET = Failure(
    "budget_exceeded",
    "is beyond the budget",
    "{limit}",
    Then.NEXT,
    was_sent=False,
)
INTERRUPTED = Failure(
    "platform_interrupted",
    "broke off in its answer",
    "{platform} broke off in the middle of its answer. What came is kept.",
    Then.STOP,
    is_sickness=True,
)
# Known before anything is sent:
RESTING = Failure(
    "platform_resting",
    "rests",
    "{platform} is left alone for a while because it {limit}. Try again later.",
    Then.NEXT,
    was_sent=False,
)
PLATFORM_LIMIT = Failure("platform_limit_reached", "is at its limit", "{platform}: {limit}", Then.NEXT, was_sent=False)
CANNOT = Failure(
    "platform_limit_exceeded",
    "cannot take this request",
    "{model} at {platform} cannot take this request: {limit}",
    Then.NEXT,
    was_sent=False,
)

_IN_SHORT = {
    failure.code: failure.in_short
    for failure in (KEY_REFUSED, ACCOUNT_EMPTY, BUSY, UNREACHABLE, TIMED_OUT, INTERRUPTED)
}

_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: KEY_REFUSED,
    HTTPStatus.FORBIDDEN: KEY_REFUSED,
    HTTPStatus.PAYMENT_REQUIRED: ACCOUNT_EMPTY,
    HTTPStatus.NOT_FOUND: MODEL_UNKNOWN,
    HTTPStatus.TOO_MANY_REQUESTS: BUSY,
    HTTPStatus.SERVICE_UNAVAILABLE: BUSY,
    529: BUSY,  # Anthropic: overloaded
    HTTPStatus.REQUEST_TIMEOUT: TIMED_OUT,
    HTTPStatus.CONFLICT: ERROR,
}
_GEMINI_RETRY_DELAY = re.compile(r"retryDelay\W+(\d+(?:\.\d+)?)s")
# By name: openai, anthropic and google-genai speak through httpx2, ollama through httpx.
_UNREACHABLE_ERRORS = frozenset(
    {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "UnsupportedProtocol", "InvalidURL"}
)
_TIMEOUT_ERRORS = frozenset(
    {"APITimeoutError", "TimeoutException", "ReadTimeout", "WriteTimeout", "PoolTimeout", "TimeoutError"}
)
# Without a status of its own, Agno gives every error this one.
_AGNO_DEFAULT_STATUS = HTTPStatus.BAD_GATEWAY


class VendorError(Exception):
    """What the vendor's side said, with keys masked: for logs and operators, never for the person."""


class Incomplete(VendorError):  # noqa: N818 - it reads as what happened
    """The stream ended without saying that the answer had."""


def failure_of(error: BaseException, *, after_first_token: bool) -> Failure:
    """The kind of failure that an error of an SDK, or of Agno around it, stands for."""
    if after_first_token:
        return INTERRUPTED
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    if "NotPublic" in names:
        return NOT_PUBLIC
    if names & _UNREACHABLE_ERRORS or _is_ollama_unreachable(error):
        return UNREACHABLE
    if names & _TIMEOUT_ERRORS:
        return TIMED_OUT
    status, text = status_of(error), str(error).lower()
    if status is None:
        # Anthropic says it within a stream that began with 200.
        return BUSY if "overloaded_error" in text else BROKE_OFF
    return _of_status(status, text)


def in_short(code: str) -> str:
    """What a platform that rests did, from the code that is kept of it."""
    return _IN_SHORT.get(code, "failed too often")


def status_of(error: BaseException) -> int | None:
    """The HTTP status that the vendor answered with; None when there was none."""
    for link in reversed(list(_chain(error))):
        for name in ("status_code", "code"):
            status = getattr(link, name, None)
            if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST and not _is_made_up(link, status):
                return status
    return None


def retry_after_of(error: BaseException) -> float | None:
    """The seconds after which the vendor wants to be asked again, where it said so."""
    for link in _chain(error):
        headers = getattr(getattr(link, "response", None), "headers", None)
        if headers is not None and (seconds := _seconds_in(headers)) is not None:
            return seconds
    found = _GEMINI_RETRY_DELAY.search(str(error))
    return float(found[1]) if found else None


def _seconds_in(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers.get(name, "")) / unit)
        except ValueError:
            continue
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time())


def vendor_error(error: BaseException) -> VendorError:
    """What to keep as the cause: the vendor's words without keys, and without the objects that hold them."""
    status = status_of(error)
    origin = list(_chain(error))[-1]
    detail = redact(str(error))[:LONGEST_DETAIL]
    return VendorError(f"{type(origin).__name__}{f' (status {status})' if status else ''}: {detail}")


def _of_status(status: int, text: str) -> Failure:
    if status == HTTPStatus.TOO_MANY_REQUESTS and any(words in text for words in EMPTY_ACCOUNT):
        return ACCOUNT_EMPTY
    if status == HTTPStatus.BAD_REQUEST and "api key not valid" in text:  # Gemini says 400 to a bad key
        return KEY_REFUSED
    if known := _BY_STATUS.get(status):
        return known
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ERROR
    return INPUT_TOO_LONG if any(words in text for words in TOO_LONG) else REFUSED


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, down to the SDK's and the transport's own."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def _is_made_up(link: BaseException, status: int) -> bool:
    return type(link).__module__ == "agno.exceptions" and status == _AGNO_DEFAULT_STATUS and link.__cause__ is not None


def _is_ollama_unreachable(error: BaseException) -> bool:
    return type(error) is ConnectionError
