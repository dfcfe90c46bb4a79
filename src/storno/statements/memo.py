"""A function's answers kept by what it was asked: a file has many lines and few different values.

Bounded, so that a column of numbers that never come twice costs no more memory than any other. Pure.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Value = TypeVar("Value")
Asked = TypeVar("Asked", bound=Hashable)
MEMO_MAX = 1 << 16


class Memo(dict[Asked, Value]):
    """The answers of one function; what raises is asked again."""

    __slots__ = ("_of",)

    def __init__(self, of: Callable[[Asked], Value]) -> None:
        super().__init__()
        self._of = of

    def __missing__(self, asked: Asked) -> Value:
        answer = self[asked] = self._of(asked)
        return answer

    def all(self, asked: Iterable[Asked]) -> list[Value]:
        """Give the answers to many. Raises what the function raises."""
        if len(self) > MEMO_MAX:
            self.clear()
        return list(map(self.__getitem__, asked))
