"""One message as fields of text: what is exchanged between the codec and everybody else.

Rule: its repr can go to a log: it names the fields and shows only those that identify a transaction without being
card data. Imports nothing that acts.
"""

from __future__ import annotations

_SHOWN = (3, 4, 7, 11, 37, 39, 41, 42)


class Message:
    """A message: MTI, fields 2..128 as text, and the head the dialect puts before them.

    Field text: BCD as digits, ASCII and GBK as text with its trailing spaces, binary as upper-case hex. `raw` holds the
    wire bytes (with length prefix and padding) of fields whose text alone would not give the same bytes again; key 1 is
    the bitmap. Encoding uses them only while the text is unchanged.
    """

    __slots__ = ("fields", "header", "mti", "raw", "tpdu")

    def __init__(
        self,
        mti: str,
        fields: dict[int, str] | None = None,
        tpdu: str = "",
        header: str = "",
        raw: dict[int, bytes] | None = None,
    ) -> None:
        self.mti = mti
        self.fields: dict[int, str] = {} if fields is None else fields
        self.tpdu = tpdu
        self.header = header
        self.raw: dict[int, bytes] = {} if raw is None else raw

    def get(self, n: int) -> str | None:
        """Give field `n`, or None when the message does not carry it."""
        return self.fields.get(n)

    def copy(self) -> Message:
        """Make a message that can be changed without touching this one."""
        return Message(self.mti, self.fields.copy(), self.tpdu, self.header, self.raw.copy())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.mti, self.fields, self.tpdu, self.header, self.raw) == (
            other.mti,
            other.fields,
            other.tpdu,
            other.header,
            other.raw,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = " ".join(f"F{n}={self.fields[n]!r}" for n in _SHOWN if n in self.fields)
        hidden = ",".join(str(n) for n in sorted(self.fields) if n not in _SHOWN)
        return f"<Message {self.mti} {shown} +[{hidden}]>"
