"""Run the tests' own code on a stack of its own.

With every call Playwright walks the stack that it is called from, the local variables of each frame too, and
while it traces ships it to its driver. Below a pytest test lie seventy frames of pytest itself, which is most
of the time that the test spends outside of the browser. On a greenlet's stack there are only the test's own.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from greenlet import greenlet  # type: ignore[import-untyped]

P = ParamSpec("P")
T = TypeVar("T")


def on_a_fresh_stack(function: Callable[P, T]) -> Callable[P, T]:
    """Whatever the function returns or raises reaches the caller as usual."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        result: T = greenlet(function).switch(*args, **kwargs)
        return result

    return call
