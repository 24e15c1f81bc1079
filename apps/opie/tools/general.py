"""Tools of general use."""

import ast
import math
import re
from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db.models import Q
from django.utils import timezone
from simpleeval import DEFAULT_OPERATORS, InvalidExpression, SimpleEval

from apps.opie.models import AgentOSMessage, AgentOSSession
from apps.opie.models.messages import MessageRole
from apps.opie.scope import RunScope
from apps.opie.storable import clean_text
from apps.opie.tools.registry import register_tool

LONGEST_EXPRESSION = 200
ARITHMETIC = re.compile(r"[0-9\s.()+\-*/%eE]*")
MOST_BITS = 10_000
MOST_RESULTS = 5
EXCERPT_LENGTH = 200
LONGEST_TITLE = 200


def get_date_and_time(time_zone: str = "UTC") -> str:
    """Tell the current date and time.

    Args:
        time_zone: An IANA name such as Europe/Berlin; UTC unless given.
    """
    try:
        now = datetime.now(ZoneInfo(time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"There is no time zone named {time_zone!r}. Use an IANA name such as Europe/Berlin."
    return now.strftime("%A, %d %B %Y, %H:%M:%S ") + time_zone


def calculate(expression: str) -> str:
    """Work out an arithmetic expression exactly, with + - * / // % ** and parentheses.

    Args:
        expression: For example (1250 * 1.19) / 3
    """
    if len(expression) > LONGEST_EXPRESSION:
        return f"The expression is too long: at most {LONGEST_EXPRESSION} characters."
    expression = expression.replace("×", "*").replace("÷", "/").replace("^", "**")
    if not ARITHMETIC.fullmatch(expression):
        return "That cannot be calculated. Write it with numbers, parentheses and + - * / // % ** only."
    try:
        result = SimpleEval(operators=OPERATORS, names={}, functions={}).eval(expression)
    except ZeroDivisionError:
        return "That divides by zero."
    except (InvalidExpression, SyntaxError, TypeError, ValueError, OverflowError, KeyError) as error:
        return f"That cannot be calculated: {type(error).__name__}. Write it with numbers and + - * / ** only."
    return _number_as_text(result)


def _power(base: float, exponent: float) -> float:
    """Powers that a person would read: larger ones would keep a processor busy for minutes."""
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > MOST_BITS:
        raise OverflowError
    return cast(float, base**exponent)


OPERATORS = DEFAULT_OPERATORS | {ast.Pow: _power}


def _number_as_text(result: object) -> str:
    if isinstance(result, int) and result.bit_length() <= MOST_BITS:
        return str(result)
    if isinstance(result, float) and math.isfinite(result):
        return f"{result:.12g}"
    return "The result is too large, or is no real number."


def search_my_sessions(scope: RunScope, query: str) -> str:
    """Search the person's own earlier chats for words, newest first.

    Args:
        query: The words to look for; all of them must be in a message.
    """
    words = clean_text(query).split()
    if not words:
        return "Say which words to look for."
    all_words = Q()
    for word in words[:10]:
        all_words &= Q(content__icontains=word)
    earlier = AgentOSMessage.objects.visible_to(scope.principal).exclude(session_id=scope.session_id)
    found = earlier.filter(all_words).exclude(role=MessageRole.TOOL).select_related("session").order_by("-id")
    lines = [_line(message, words[0]) for message in found[:MOST_RESULTS]]
    return "\n".join(lines) or f"None of the earlier chats says {query!r}."


def _line(message: AgentOSMessage, word: str) -> str:
    at = max(0, message.content.lower().find(word.lower()) - EXCERPT_LENGTH // 2)
    excerpt = " ".join(message.content[at : at + EXCERPT_LENGTH].split())
    when = timezone.localtime(message.created_at).strftime("%Y-%m-%d")
    return f"- {when}, “{message.session}”, {message.get_role_display().lower()}: {excerpt}"


def rename_this_chat(scope: RunScope, title: str) -> str:
    """Give the chat that is going on a new title.

    Args:
        title: The title, a few words on one line.
    """
    line = " ".join(clean_text(title).split())[:LONGEST_TITLE]
    if not line:
        return "Say what the chat shall be called."
    own = AgentOSSession.objects.visible_to(scope.principal)
    if scope.session_id is None or not own.filter(pk=scope.session_id).update(title=line):
        return "There is no chat to rename here."
    return f"The chat is now called “{line}”."


def register_general_tools() -> None:
    register_tool(get_date_and_time, label="Date and time", reads_only=True)
    register_tool(calculate, label="Calculator", reads_only=True)
    register_tool(search_my_sessions, label="Search my chats", reads_only=True)
    register_tool(rename_this_chat, label="Rename this chat")
