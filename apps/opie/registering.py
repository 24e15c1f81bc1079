"""What the functions are held to that hosts register: whether they can be called as Opie will call them."""

import inspect
from typing import Any


def is_async(function: Any) -> bool:
    """Also an object whose call is async."""
    called = getattr(type(function), "__call__", None)  # noqa: B004 - asked for the function, not whether there is one
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)


def problem_of_function(function: Any, *given: str, may_be_async: bool = False) -> str | None:
    """What is wrong with a function that is called with these arguments, to stand behind its name; None where nothing is."""
    arguments = ", ".join(given)
    if not callable(function):
        return f"cannot be called: give a function of ({arguments}), not {str(function)[:60]!r}"
    if not may_be_async and is_async(function):
        return f"is async: give a plain function of ({arguments})"
    try:
        inspect.signature(function).bind(*given)
    except TypeError:
        return f"does not fit: it is called with ({arguments})"
    except ValueError:
        return None  # of one that is written in C nothing is known
    return None
