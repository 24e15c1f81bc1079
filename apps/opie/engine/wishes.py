"""What is asked for beside the question: the shape of the output, and messages that the model is to be given before it.

Kept with the run, so that whichever process takes it up asks for the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from agno.models.message import Message
from pydantic import BaseModel

from apps.opie.engine.shapes import Shape
from apps.opie.models import Agent
from apps.opie.models.agents import AgentKind
from apps.opie.providers.estimates import estimated_input


@dataclass(frozen=True, slots=True)
class Given:
    """One message of a conversation that the caller has had elsewhere."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """`schema` in place of the agent's own; with `any_text` there is none, whatever the agent's own says. `given` comes
    before the question. `model` is the schema's pydantic model, where this process has it."""

    schema: dict[str, Any] | None = None
    any_text: bool = False
    given: tuple[Given, ...] = ()
    model: type[BaseModel] | None = None

    def __bool__(self) -> bool:
        return self.schema is not None or self.any_text or bool(self.given)

    def shape_for(self, agent: Agent, *, stands_alone: bool) -> Shape | None:
        """What the answer of this agent has to fit, if anything.

        The shape of a task agent's own is that of its tasks: in a conversation with people it answers them in words.
        """
        own = agent.output_schema if stands_alone or agent.kind != AgentKind.TASK else None
        schema = self.schema if self.schema is not None else own
        return None if schema is None or self.any_text else Shape(schema, self.model)

    def as_json(self) -> dict[str, Any]:
        given = [{"role": one.role, "content": one.content} for one in self.given]
        return {"schema": self.schema, "any_text": self.any_text, "given": given}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Self:
        given = tuple(Given(one["role"], one["content"]) for one in kept.get("given", ()))
        return cls(kept.get("schema"), bool(kept.get("any_text")), given)


NONE = Wishes()


@dataclass(frozen=True, slots=True)
class Asked:
    """What an agent is handed to answer one run."""

    text: str
    run_id: str
    session_id: str
    user_id: str
    wishes: Wishes = NONE

    @property
    def stands_alone(self) -> bool:
        """Whether the run belongs to no session: then Agno is given its own id for one."""
        return self.session_id == self.run_id


def messages_given(wishes: Wishes, agent: Agent) -> list[Message]:
    """The newest of the given messages, as many as the agent's history may have tokens."""
    chosen: list[Message] = []
    left = agent.history_tokens
    for one in reversed(wishes.given):
        message = Message(role=one.role, content=one.content, from_history=True)
        left -= estimated_input([message])
        if left < 0:
            break
        chosen.append(message)
    return chosen[::-1]


def context_given(wishes: Wishes, agent: Agent) -> dict[str, Any]:
    """The same as History.as_context says it: what the model was given, and what was left out."""
    sent = messages_given(wishes, agent)
    return {
        "messages_sent": len(sent),
        "messages_left_out": len(wishes.given) - len(sent),
        "estimated_tokens": estimated_input(sent),
        "summary_id": None,
        "first_message_id": None,
    }
