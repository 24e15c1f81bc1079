"""What a vendor's error means: a code, words for the person, and whether anything was consumed."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from apps.api.errors import PlatformFailed
from apps.opie.providers.redaction import redact

LONGEST_DETAIL = 2000
# OpenAI says 429 for both too many requests and an empty account; only the text tells.
EMPTY_ACCOUNT = ("insufficient_quota", "credit balance is too low", "exceeded your current quota", "billing")
TOO_LONG = ("context_length_exceeded", "maximum context length", "context window", "prompt is too long", "token count")


@dataclass(frozen=True, slots=True)
class Failure:
    """One kind of failure. `message` takes {platform} and {model}."""

    code: str
    message: str
    was_sent: bool = True
    was_refused: bool = False  # the vendor answered with an error instead of tokens, which it does not bill


KEY_REFUSED = Failure(
    "platform_key_refused",
    "{platform} refused its API key. Whoever manages platforms in your team can enter a new one.",
    was_refused=True,
)
ACCOUNT_EMPTY = Failure(
    "platform_account_empty",
    "The account at {platform} has no credit left. Whoever manages platforms in your team can top it up.",
    was_refused=True,
)
BUSY = Failure("platform_busy", "{platform} is busy at the moment. Try again shortly.", was_refused=True)
MODEL_UNKNOWN = Failure(
    "platform_refused_request", "{platform} does not offer the model {model}. Choose another model.", was_refused=True
)
INPUT_TOO_LONG = Failure(
    "platform_refused_request",
    "This conversation is too long for {model} at {platform}. Start a new session, or shorten what you send.",
    was_refused=True,
)
REFUSED = Failure(
    "platform_refused_request",
    "{platform} refused this request. Rephrase it, or choose another model.",
    was_refused=True,
)
ERROR = Failure("platform_failed", "{platform} failed to answer. Try again in a moment.", was_refused=True)
UNREACHABLE = Failure(
    "platform_unreachable",
    "{platform} cannot be reached. Check that it runs and that its address is right.",
    was_sent=False,
)
TIMED_OUT = Failure("platform_timeout", "{platform} took too long to answer. Try again in a moment.")
BROKE_OFF = Failure("platform_failed", "{platform} broke off before it answered. Try again in a moment.")
INTERRUPTED = Failure("platform_interrupted", "{platform} broke off in the middle of its answer. What came is kept.")

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


def failure_of(error: BaseException, *, after_first_token: bool) -> Failure:
    """The kind of failure that an error of an SDK, or of Agno around it, stands for."""
    if after_first_token:
        return INTERRUPTED
    names = {kind.__name__ for link in _chain(error) for kind in type(link).__mro__}
    if names & _UNREACHABLE_ERRORS or _is_ollama_unreachable(error):
        return UNREACHABLE
    if names & _TIMEOUT_ERRORS:
        return TIMED_OUT
    status = status_of(error)
    return BROKE_OFF if status is None else _of_status(status, str(error).lower())


def status_of(error: BaseException) -> int | None:
    """The HTTP status that the vendor answered with; None when there was none."""
    for link in reversed(list(_chain(error))):
        for name in ("status_code", "code"):
            status = getattr(link, name, None)
            if isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST and not _is_made_up(link, status):
                return status
    return None


def platform_failed(failure: Failure, platform: str, model: str) -> PlatformFailed:
    """The failure as the error that reaches the person."""
    return PlatformFailed(failure.message.format(platform=platform, model=model), code=failure.code)


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
