"""A host's own last link in the chain: Python that answers for an agent when no platform can.

It takes the offline responder's place for that agent: the same row in the ledger, the same stream, nothing spent. A team with
keyword routes has the member answer whose words are in the message. Who answered, and by which layer, is noted with the
message (`answered_by`, `layer`), unless the host's code has noted it:

- `keywords`: the member whose words they are, or an agent without a team;
- `direct`: the team itself, as the words are nobody's, or of two;
- `member_failed`: the team itself, as the member's responder failed;
- `general`: nothing worked, and what is said is always the same.
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
from apps.opie.providers.keyword_routes import ROUTES, keyword_route
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
        member = keyword_route(self.responds_for, said)
        layer = "direct" if self.responds_for in ROUTES else "keywords"
        if member is not None:
            text = await _answer_of(member, said, "keywords")
            if text is not None:
                return text
            layer = "member_failed"
        text = await _answer_of(self.responds_for, said, layer)
        if text is None:
            require_scope().notes.update(answered_by=self.responds_for, layer="general")
        return text or NOTHING_WORKS


async def _answer_of(agent_id: str, said: str, layer: str) -> str | None:
    """What the agent's responder says, noted with who it was; None where it cannot, and then nothing is noted."""
    responder, scope = responder_for(agent_id), require_scope()
    if responder is None:
        return None
    before = dict(scope.notes)
    try:
        text = await _called(responder, scope, said)
    except OpieError as error:
        text = error.message
    except Exception:
        logger.exception("the responder of %s failed", agent_id)
        text = ""
    if not text:
        scope.notes.clear()
        scope.notes.update(before)
        return None
    scope.notes.setdefault("answered_by", agent_id)
    scope.notes.setdefault("layer", layer)
    return text


async def _called(responder: Responder, scope: RunScope, said: str) -> str:
    if inspect.iscoroutinefunction(responder):
        return str(await responder(scope, said))
    return str(await rows.run_tool(responder, scope, said))
