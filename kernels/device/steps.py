"""Long computations that can be left between two launches: generators that yield there and return their result."""

from collections.abc import Generator
from typing import TypeVar

__all__ = ["Steps", "finish"]

Result = TypeVar("Result")
Steps = Generator[None, None, Result]


def finish(steps: Generator[object, None, Result]) -> Result:
    """The result of a computation that nobody leaves before its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
