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


_FOURS = np.frombuffer("".join(f"{one:04d}" for one in range(10_000)).encode(), dtype=np.uint8).reshape(-1, 4)


def digits(values: Ints, width: int) -> Bytes:
    """Write numbers from 0 with leading zeros. A number that does not fit is a broken contract."""
    assert not len(values) or 0 <= int(values.min()) <= int(values.max()) < 10**width, f"no {width} digits"
    out = np.empty((len(values), width), dtype=np.uint8)
    rest = values
    for end in range(width, 0, -4):
        low = rest
        if end > 4:
            rest = rest // 10_000
            low = low - rest * 10_000
        begin = max(0, end - 4)
        out[:, begin:end] = _FOURS[low, 4 - (end - begin) :]
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
    if len(card) and len(card) > 2 * int(card.max()) + 2:  # each card once, then by its number
        return pans(np.arange(int(card.max()) + 1, dtype=np.int64))[card]
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


def lines_of(columns: list[Bytes], end: str = "\r\n") -> Bytes:
    """Join columns of a fixed-width file with blanks between them into the bytes of its lines."""
    width = sum(column.shape[1] for column in columns) + len(columns) - 1
    out = np.full((len(columns[0]), width + len(end)), ord(" "), dtype=np.uint8)
    at = 0
    for column in columns:
        out[:, at : at + column.shape[1]] = column
        at += column.shape[1] + 1
    out[:, width:] = np.frombuffer(end.encode(), dtype=np.uint8)
    return out


def texts(matrix: Bytes) -> NDArray[np.bytes_]:
    """See a byte matrix as one byte string per row."""
    return np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}").ravel()
