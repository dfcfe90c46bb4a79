"""UnionPay's files of a cleared day in their real bytes: ACOM (299), COMA (951) and the merchant file ZM (608).

Rule: a line is put together column by column as bytes of fixed width; original and reversal share the RRN. Card numbers
are whole, as the layout wants them, and nobody's (620000…). Field numbers as in Q/CUP 006.3.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from storno.sim.days import digits as d
from storno.sim.days.causes import issuer_of
from storno.sim.days.clearing import PAYMENT, REVERSAL, RRN_BLANK, STAN_NONE, Lines
from storno.sim.days.columns import blocks, joined
from storno.sim.days.dates import Calendar
from storno.sim.days.day import NONE
from storno.sim.days.draw import Flags, Ints
from storno.sim.days.fates import COMPLETION, REFUND, VOID
from storno.sim.days.fleet import Fleet
from storno.sim.days.tables import CODES, ENTRY_TEXTS, ISSUERS, TRADES
from storno.sim.days.write_terminal import clock, mids, rrns, tids

_AGENT, _SENDER = "48023100   ", "00010344   "
_SWITCH_SHARE = 20
"""One part in so many of a fee is the network's own."""


def write_acom(path: Path, lines: Lines, calendar: Calendar, fleet: Fleet, *, coma: bool = False) -> None:
    """Write ACOM or, with 35 more columns, COMA."""
    undone = _undone(lines) if coma else None
    with path.open("wb") as file:
        for rows in blocks(np.arange(lines.size)):
            some = lines.take(rows)
            more = [] if undone is None else _coma(some, calendar, (undone[0][rows], undone[1][rows]))
            file.write(d.lines_of([*_com(some, calendar, fleet), *more]).data)


def _moment(days: Ints, second: Ints, calendar: Calendar, there: Ints) -> d.Bytes:
    """Write MMDDhhmmss; zeros where there is none."""
    known = [int(one) for one in np.unique(days[there])] if there.any() else [0]
    place = np.searchsorted(np.array(known), np.where(there, days, known[0]))
    text = joined(
        d.chosen(tuple(calendar.text(one)[4:] for one in known), place), clock(np.maximum(second, 0))
    )
    text[~there] = ord("0")
    return text


def _rrn(lines: Lines, calendar: Calendar) -> d.Bytes:
    text = np.empty((lines.size, 12), dtype=np.uint8)
    for number in np.unique(lines.day):
        rows = lines.day == number
        text[rows] = rrns(int(number), calendar, lines.rrn[rows])
    text[lines.damage == RRN_BLANK] = ord(" ")
    return text


def _stan(lines: Lines) -> d.Bytes:
    return d.digits(np.where(lines.damage == STAN_NONE, 0, lines.stan), 6)


def _com(lines: Lines, calendar: Calendar, fleet: Fleet) -> list[d.Bytes]:
    size = lines.size
    away = (lines.kind == VOID) | (lines.kind == REFUND)
    refund = (lines.kind == REFUND) & (lines.what == PAYMENT)
    mti = d.chosen(("0200", "0220", "0420"), np.where(lines.what == REVERSAL, 2, np.where(refund, 1, 0)))
    size_minor = np.abs(lines.amount)
    part = (CODES[1] == "10") & (lines.code == 1) & (lines.requested > size_minor) & (size_minor > 0)
    fee = np.abs(lines.fee)
    switch = np.where(lines.fee < 0, fee // _SWITCH_SHARE, 0)
    all_mids = mids(fleet)
    linked = lines.origin_stan != NONE
    blank = d.constant
    issuers = tuple(f"0{102 + at}0000   " for at in range(len(ISSUERS)))
    issuer = d.chosen(issuers, issuer_of(np.maximum(lines.card, 0)))
    return [
        blank(_AGENT, size), blank(_SENDER, size), _stan(lines),
        _moment(lines.day, lines.second, calendar, np.ones(size, dtype=np.bool_)),
        joined(d.pans(np.maximum(lines.card, 0)), blank("   ", size)),
        d.digits(np.where(part, lines.requested, size_minor), 12), d.digits(np.where(part, size_minor, 0), 12),
        blank("0" * 12, size), mti, d.chosen(("000000", "200000"), away.astype(np.int64)),
        d.chosen(tuple(one.mcc for one in TRADES), fleet.trade[lines.merchant]),
        d.chosen(tids(fleet), lines.terminal), d.chosen(all_mids, lines.merchant), _rrn(lines, calendar),
        d.chosen(("00", "06"), (lines.kind == COMPLETION).astype(np.int64)), d.digits(lines.auth, 6), issuer,
        d.digits(np.where(linked, lines.origin_stan, 0), 6), d.chosen(CODES, lines.code),
        d.chosen(ENTRY_TEXTS, lines.entry), d.digits(np.where(lines.fee > 0, fee, 0), 12),
        d.digits(np.where(lines.fee < 0, fee - switch, 0), 12),
        joined(blank("D", size), d.digits(switch, 11)), blank("0", size), blank("001", size), blank("5", size),
        blank("0", size), _moment(lines.origin_day, lines.origin_second, calendar, linked), issuer,
        blank("0", size), blank("03", size), blank("  ", size), blank("0" * 12, size), blank(" " * 14, size),
    ]  # fmt: skip


def _undone(lines: Lines) -> tuple[Flags, Flags]:
    """Say which lines are flagged R (what was reversed, and its reversal) and which C (a void)."""
    reversed_ = np.isin(_key(lines), _key(lines)[lines.what == REVERSAL])
    return reversed_, (lines.kind == VOID) & (lines.what == PAYMENT)


def _coma(lines: Lines, calendar: Calendar, undone: tuple[Flags, Flags]) -> list[d.Bytes]:
    """Give coma1 to coma35."""
    size = lines.size
    cleared = calendar.text(int(lines.cleared[0]))[4:]
    name = "测试商户（演示用，并非真实商户）"
    blank = d.constant
    pairs = [blank(" " * 11, size), blank("0" * 9, size)] * 9
    return [
        blank(_AGENT, size), blank(_SENDER, size), d.chosen((" ", "R"), undone[0].astype(np.int64)),
        d.chosen((" ", "C"), undone[1].astype(np.int64)), blank(cleared, size), blank("01", size),
        blank(name + " " * (40 - len(name.encode("gb18030"))), size), blank("156", size), blank("0" * 9, size),
        blank("0" * 9, size), blank(" " * 11, size), blank("0" * 9, size), *pairs, *[blank("0" * 9, size)] * 3,
        blank(" " * 19, size), blank(" " * 280, size),
    ]  # fmt: skip


def _key(lines: Lines) -> Ints:
    return lines.day * 100_000_000 + lines.serial


_KINDS_ZM = ("01", "31", "02", "03", "04")
"""txnType of SALE, VOID, PREAUTH, COMPLETION, REFUND."""


def write_zm(path: Path, lines: Lines, calendar: Calendar, fleet: Fleet) -> None:
    """Write the merchant file. It has no reversals: what was reversed is left out with them, as its sender does."""
    gone = _key(lines)[lines.what == REVERSAL]
    lines = lines.take(~np.isin(_key(lines), gone))
    size = lines.size
    blank = d.constant
    amount = np.abs(lines.amount)
    net = lines.amount + lines.fee
    linked = lines.origin_stan != NONE
    query = joined(_rrn(lines, calendar), _stan(lines), blank("000", size))
    order = joined(d.chosen(tids(fleet), lines.terminal), _rrn(lines, calendar), blank(" " * 12, size))
    origin = np.maximum(lines.origin_stan, 0)
    columns = [
        blank("S22", size), blank(_AGENT, size), blank(_SENDER, size), _stan(lines),
        _moment(lines.day, lines.second, calendar, np.ones(size, dtype=np.bool_)),
        joined(d.pans(np.maximum(lines.card, 0)), blank("   ", size)), d.digits(amount, 12),
        d.chosen(tuple(one.mcc for one in TRADES), fleet.trade[lines.merchant]), blank("03", size), query,
        blank("01", size), order, blank("01", size), d.digits(np.where(linked, origin, 0), 6),
        _moment(lines.origin_day, lines.origin_second, calendar, linked), _signed(lines.fee), _signed(net),
        blank("0001", size), blank(" " * 15, size), d.chosen(_KINDS_ZM, lines.kind), blank("00", size),
        blank("000000", size), blank("01", size), blank(" " * 4, size), blank(" " * 32, size), blank("0", size),
        blank(" " * 21, size), d.chosen(mids(fleet), lines.merchant), blank("0", size), blank(" " * 15, size),
        blank(_wide("测试商户", 32), size), _signed(np.zeros(size, dtype=np.int64)), _signed(net),
        d.chosen(tids(fleet), lines.terminal), blank(" " * 32, size), _signed(np.zeros(size, dtype=np.int64)),
        _signed(np.zeros(size, dtype=np.int64)), blank("C" + "0" * 11, size), blank("00", size), blank("0", size),
        blank(" " * 32, size), blank(" " * 98, size),
    ]  # fmt: skip
    path.write_bytes(d.lines_of(columns).data)


def _wide(text: str, width: int) -> str:
    return text + " " * (width - len(text.encode("gb18030")))


def _signed(amount: Ints) -> d.Bytes:
    """Write an amount with C or D in front, 13 wide."""
    return joined(d.chosen(("C", "D"), (amount < 0).astype(np.int64)), d.digits(np.abs(amount), 12))
