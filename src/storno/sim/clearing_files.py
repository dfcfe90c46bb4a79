"""What the host's day end sends out: an ACOM file of what it cleared and the bank's statement of what it paid.

Rule: both follow from the host's own books alone; the journal is not asked. The books hold no whole card number, so the
card column carries the masked one. Pure: bytes out, nothing written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from storno.reversal.kinds import Kind
from storno.sim.entry import CHARGES, Entry, Standing

if TYPE_CHECKING:
    from storno.sim.books import Books

FEE_BP = 38
"""What every merchant of the demonstration pays: 0.38 %."""
_OFFSET = timedelta(hours=8)
_AGENT, _SENDER, _ISSUER = "48023100", "00010344", "01020000"
_AWAY = frozenset({Kind.VOID, Kind.COMPLETION_VOID, Kind.REFUND})
_LATER = frozenset({Kind.COMPLETION, Kind.COMPLETION_ADVICE, Kind.COMPLETION_VOID})


@dataclass(frozen=True, slots=True)
class Cleared:
    """One line of clearing. `amount_minor` and `fee_minor` are signed: positive is money towards the shop."""

    tid: str
    mid: str
    batch: str
    stan: str
    rrn: str
    auth_code: str
    card: str
    at_ms: int
    mti: str
    f3: str
    f25: str
    amount_minor: int
    fee_minor: int
    requested_minor: int
    code: str = "00"
    original_stan: str = ""
    original_ms: int = 0

    @property
    def day(self) -> str:
        """Give the clearing day, YYYYMMDD: the local day of the transaction."""
        return local(self.at_ms).strftime("%Y%m%d")


def local(at_ms: int) -> datetime:
    """Give the local time of a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC) + _OFFSET


def fee_of(amount_minor: int) -> int:
    """Give the agreed fee of a signed amount, to the nearest minor unit, half up; with the opposite sign."""
    size = (abs(amount_minor) * FEE_BP + 5_000) // 10_000
    return -size if amount_minor > 0 else size


def cleared(books: Books) -> Iterator[Cleared]:
    """Give the lines of everything the host approved that moves money; what it reversed has its reversal as well."""
    entries = {entry.identity: entry for entry in books.entries()}
    for entry in entries.values():
        moves = entry.kind in CHARGES or entry.kind in _AWAY
        if entry.standing is not Standing.APPROVED or not moves or not entry.amount_minor:
            continue
        original = entries.get(entry.original) if entry.original is not None else None
        line = _line(entry, original)
        yield line
        if entry.reversed:
            yield _reversal(line)


def _line(entry: Entry, original: Entry | None) -> Cleared:
    amount = -entry.amount_minor if entry.kind in _AWAY else entry.amount_minor
    notice = entry.kind in (Kind.REFUND, Kind.COMPLETION_ADVICE)
    return Cleared(
        entry.tid, entry.mid, entry.batch, entry.identity.stan, entry.rrn, entry.auth_code, entry.masked, entry.at_ms,
        "0220" if notice else "0200", "200000" if amount < 0 else "000000",
        "06" if entry.kind in _LATER else "00", amount, fee_of(amount), entry.requested_minor, entry.code,
        original.identity.stan if original is not None else "", original.at_ms if original is not None else 0,
    )  # fmt: skip


def _reversal(line: Cleared) -> Cleared:
    return Cleared(
        line.tid, line.mid, line.batch, line.stan, line.rrn, line.auth_code, line.card, line.at_ms, "0420", line.f3,
        line.f25, -line.amount_minor, fee_of(-line.amount_minor), abs(line.amount_minor), "00", line.stan, line.at_ms,
    )  # fmt: skip


def acom(lines: Iterable[Cleared]) -> bytes:
    """Write ACOM: 34 fields of fixed width, one blank between them, 299 bytes a line."""
    return "".join(_acom_line(line) + "\r\n" for line in lines).encode("gb18030")


def acom_name(day: str) -> str:
    """Name the file of a clearing day."""
    return f"IND{day[2:]}01ACOM"


def _acom_line(line: Cleared) -> str:
    size = abs(line.amount_minor)
    part = line.code == "10" and line.requested_minor > size
    origin = local(line.original_ms).strftime("%m%d%H%M%S") if line.original_ms else "0" * 10
    fields = (
        f"{_AGENT:<11}", f"{_SENDER:<11}", line.stan, local(line.at_ms).strftime("%m%d%H%M%S"), f"{line.card:<19}",
        f"{line.requested_minor if part else size:012d}", f"{size if part else 0:012d}", "0" * 12, line.mti, line.f3,
        "5411", f"{line.tid:<8}", f"{line.mid:<15}", f"{line.rrn:<12}", line.f25, f"{line.auth_code:<6}",
        f"{_ISSUER:<11}", line.original_stan or "0" * 6, line.code, "051", f"{max(0, line.fee_minor):012d}",
        f"{max(0, -line.fee_minor):012d}", "D" + "0" * 11, "0", "001", "5", "0", origin, f"{_ISSUER:<11}", "0", "03",
        "  ", "0" * 12, " " * 14,
    )  # fmt: skip
    return " ".join(fields)


@dataclass(frozen=True, slots=True)
class Payout:
    """One booking of the bank: a merchant's net of a clearing day."""

    mid: str
    day: str
    amount_minor: int


def payouts(lines: Iterable[Cleared]) -> list[Payout]:
    """Give what is due for the lines: gross - refunds - fees of each merchant and day."""
    net: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        net[line.mid, line.day] += line.amount_minor + line.fee_minor
    return [Payout(mid, day, amount) for (mid, day), amount in sorted(net.items()) if amount]


def bank_csv(paid: Iterable[Payout]) -> str:
    """Write the bank's statement in the columns of the preset `storno_bank`; booked on the next working day."""
    rows = ["booked_on,value_on,mid,reference,amount_yuan,kind,text"]
    for one in paid:
        booked = _next_working(one.day)
        sign, size = ("-" if one.amount_minor < 0 else ""), abs(one.amount_minor)
        rows.append(
            f"{booked},{booked},{one.mid},POS-{one.mid}-{one.day},{sign}{size // 100}.{size % 100:02d},deposit,"
            f"POS清算 商户{one.mid} 清算日{one.day}"
        )
    return "\n".join([*rows, ""])


def _next_working(day: str) -> str:
    at = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
    while at.weekday() >= 5:
        at += timedelta(days=1)
    return at.strftime("%Y%m%d")
