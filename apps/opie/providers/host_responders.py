"""A host's own last link in the chain: Python that answers for an agent when no platform can.

It takes the offline responder's place for that agent: the same row in the ledger, the same stream, nothing spent.
"""

import asyncio
import inspect
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from agno.models.message import Message
from agno.models.response import ModelResponse

from apps.api.errors import OpieError
from apps.opie import rows
from apps.opie.providers.offline import OfflineResponder, usage_of
from apps.opie.providers.responders import Responder, responder_for
from apps.opie.scope import RunScope, require_scope

logger = logging.getLogger(__name__)

NOTHING_WORKS = (
    "I cannot look that up at the moment. Please try again in a little while; if it is urgent, ask for a person."
)


@dataclass
class HostResponder(OfflineResponder):
    """Answers the person's last words by the host's function. Whatever that raises, there is an answer."""

    name: str | None = "HostResponder"
    responds_for: str = ""

    async def ainvoke(self, messages: list[Message], *_: Any, **asked: Any) -> ModelResponse:
        """The whole answer at once."""
        text = await self._answer(messages)
        response = ModelResponse(role="assistant", content=text)
        response.response_usage = usage_of(messages, asked.get("tools"), text)
        return response

    async def ainvoke_stream(self, messages: list[Message], *_: Any, **asked: Any) -> AsyncIterator[ModelResponse]:
        """The answer word by word, then what it took."""
        text = await self._answer(messages)
        for word in re.findall(r"\S+\s*|\s+", text):
            yield ModelResponse(role="assistant", content=word)
            await asyncio.sleep(self.pause)
        yield ModelResponse(response_usage=usage_of(messages, asked.get("tools"), text))

    async def _answer(self, messages: list[Message]) -> str:
        said = next((one.get_content_string() for one in reversed(messages) if one.role == "user"), "") or ""
        responder = responder_for(self.responds_for)
        if responder is None:
            return NOTHING_WORKS
        try:
            return await _called(responder, require_scope(), said) or NOTHING_WORKS
        except OpieError as error:
            return error.message
        except Exception:
            logger.exception("the responder of %s failed", self.responds_for)
            return NOTHING_WORKS


async def _called(responder: Responder, scope: RunScope, said: str) -> str:
    if inspect.iscoroutinefunction(responder):
        return str(await responder(scope, said))
    return str(await rows.run_tool(responder, scope, said))
