"""A broken promise: what stops a world and names the seed.

Rule: it says which promise, which transaction and what was seen, never card data. Pure.
"""

from __future__ import annotations

from storno.reversal.key import TxKey


class Violation(Exception):  # noqa: N818 - it is what happened
    """A promise was broken: which one, by which transaction, and what was seen."""

    def __init__(self, promise: str, text: str, key: TxKey | None = None) -> None:
        super().__init__(f"{promise}: {text}" + (f" [{key}]" if key is not None else ""))
        self.promise = promise
        self.text = text
        self.key = key
