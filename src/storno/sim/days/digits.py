"""Numbers into text, a column at a time: fixed-width digits as bytes, card numbers with their check digit.

Rule: works on byte matrices (rows x characters), so that a million lines cost no million Python strings.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from storno.sim.days.causes import issuer_of
from storno.sim.days.draw import Ints

Bytes: TypeAlias = NDArray[np.uint8]
_ZERO = 48
PAN_DIGITS = 16


def digits(values: Ints, width: int) -> Bytes:
    """Write numbers from 0 with leading zeros. A number that does not fit is a broken contract."""
    assert not len(values) or 0 <= int(values.min()) <= int(values.max()) < 10**width, f"no {width} digits"
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = values.copy()
    for place in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, place] = digit + _ZERO
    return out


def constant(text: str, rows: int) -> Bytes:
    """Repeat a text in every row."""
    one = np.frombuffer(text.encode("gb18030"), dtype=np.uint8)
    return np.broadcast_to(one, (rows, len(one)))


def chosen(texts: tuple[str, ...], which: Ints) -> Bytes:
    """Give for each row one of the texts, all of one width."""
    table = np.array([list(text.encode("gb18030")) for text in texts], dtype=np.uint8)
    return table[which]


def pans(card: Ints) -> Bytes:
    """Write test card numbers: 620000, two digits of the issuer, seven of the card, the Luhn digit."""
    body = np.concatenate(
        [constant("620000", len(card)), digits(issuer_of(card) + 10, 2), digits(card, 7)], axis=1
    )
    values = (body - _ZERO).astype(np.int64)
    doubled = values.copy()
    doubled[:, ::2] *= 2
    doubled -= np.where(doubled > 9, 9, 0)
    check = (-doubled.sum(axis=1)) % 10
    return np.concatenate([body, digits(check, 1)], axis=1)


def masked(card: Ints) -> Bytes:
    """Write card numbers with all but the first six and last four hidden."""
    whole = pans(card)
    whole[:, 6:12] = ord("*")
    return whole


def lines_of(columns: list[Bytes], separator: str = " ", end: str = "\r\n") -> bytes:
    """Join columns of a fixed-width file into its bytes."""
    rows = len(columns[0])
    parts: list[Bytes] = []
    for place, column in enumerate(columns):
        if place and separator:
            parts.append(constant(separator, rows))
        parts.append(column)
    parts.append(constant(end, rows))
    return np.concatenate(parts, axis=1).tobytes()


def texts(matrix: Bytes) -> NDArray[np.bytes_]:
    """See a byte matrix as one byte string per row."""
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel()
