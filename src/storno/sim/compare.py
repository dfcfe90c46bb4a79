"""The three books compared: what the host holds, what the journal says, what each shop was told.

Rule: every original is classified. All sides agree, or an open exception names the difference, or it is one of the
three things that must never be: silent, lost, doubled. Works on lines read elsewhere (`three_books`); pure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind


class Claim(Enum):
    """What one book says of one original."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    STANDS = "stands"
    GONE = "gone"
    """Never happened, declined, or undone by a reversal. (A voided sale stands, and so does its void.)"""
    OPEN = "open"
    """The book itself says that it does not know yet."""


class Class(Enum):
    """How the three claims on one original fit together."""

    __hash__ = object.__hash__  # identity: looked up several times a message

    AGREE = "agree"
    NAMED = "named"
    SILENT = "silent"
    """The one-sided entry: books differ and nobody is told."""
    LOST = "lost"
    """The shop was told approved, the host holds nothing, and nobody is told."""
    DOUBLED = "doubled"
    """The host counted an effect or its undoing more than once."""


class HostLine(NamedTuple):
    """One original in the host's books. `minor` is signed: plus is taken from the cardholder."""

    key: TxKey
    kind: Kind
    stands: bool
    in_force: bool
    minor: int
    hold_minor: int
    applied: int
    undone: int
    restored: int = 0
    """Voids over it that were reversed: each allows one more application."""


class JournalLine(NamedTuple):
    """One transaction in the gateway's journal; amounts are sums of its ledger entries, not its row's."""

    key: TxKey
    tx_id: str
    kind: Kind
    claim: Claim
    minor: int
    hold_minor: int
    names: tuple[str, ...] = ()
    """Its open case, and `reversing` while a reversal is under way."""
    doubt_minor: int = 0
    """What stands in suspense for it."""


class TerminalLine(NamedTuple):
    """One row of a terminal's durable log: what the cashier was told."""

    key: TxKey
    claim: Claim
    minor: int
    names: tuple[str, ...] = ()


class Slip(NamedTuple):
    """What a cashier saw on the display, noted outside the terminal's own log."""

    key: TxKey
    approved: bool


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One card account at the host: what it lost and holds, and what the entries say it should."""

    card: str
    moved_minor: int
    entries_minor: int
    held_minor: int
    entries_held_minor: int

    @property
    def proven(self) -> bool:
        """Say whether balance and entries agree."""
        return (self.moved_minor, self.held_minor) == (self.entries_minor, self.entries_held_minor)


@dataclass(frozen=True, slots=True)
class Books:
    """Everything that was read. `journal_problems` is what `journal verify` found; `journal_sum_minor` must be 0."""

    host: tuple[HostLine, ...] = ()
    journal: tuple[JournalLine, ...] = ()
    terminals: tuple[TerminalLine, ...] = ()
    accounts: tuple[AccountLine, ...] = ()
    slips: tuple[Slip, ...] = ()
    journal_problems: tuple[str, ...] = ()
    host_receivable_minor: int | None = None
    """Balance of `host:receivable`; None when there is no ledger."""


class Finding(NamedTuple):
    """One original that needs a word: its class, why, and what names it."""

    key: TxKey
    kind: Class
    why: str
    tx_id: str = ""
    names: tuple[str, ...] = ()
    amounts_minor: tuple[int, int, int] = (0, 0, 0)
    """Host, journal, terminal."""
    doubt_minor: int = 0
    """What the journal holds in suspense for it."""


@dataclass(frozen=True, slots=True)
class Total:
    """The three sums of one merchant, in minor units; `named_minor` is the sum of named differences to the host."""

    mid: str
    host_minor: int
    journal_minor: int
    terminals_minor: int
    host_hold_minor: int
    journal_hold_minor: int
    named: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result."""

    originals: int
    agreed: int
    findings: tuple[Finding, ...]
    totals: tuple[Total, ...]
    broken: tuple[str, ...] = field(default=())
    """What is wrong with a book as a whole: an account or a journal that is not proven, a sum that differs."""

    def count(self, kind: Class) -> int:
        """Count the findings of a class."""
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def verdict(self) -> str:
        """Say `agree`, `explained` (each difference has a named exception) or `disagree`."""
        if self.broken or any(finding.kind is not Class.NAMED for finding in self.findings):
            return "disagree"
        return "explained" if self.findings else "agree"


@dataclass(slots=True)
class _Original:
    host: HostLine | None = None
    journal: list[JournalLine] = field(default_factory=list)
    terminal: TerminalLine | None = None
    slips: list[Slip] = field(default_factory=list)


def compare(books: Books) -> Comparison:
    """Classify every original and add up."""
    originals = _gather(books)
    findings = tuple(
        found for key, original in originals.items() if (found := _classify(key, original)) is not None
    )
    totals = _totals(originals, findings)
    broken = (
        *(f"host account {one.card}: balance and entries differ" for one in books.accounts if not one.proven),
        *(f"journal: {problem}" for problem in books.journal_problems),
        *_sums(books, totals, findings),
    )
    return Comparison(len(originals), len(originals) - len(findings), findings, totals, broken)


def _gather(books: Books) -> dict[TxKey, _Original]:
    originals: defaultdict[TxKey, _Original] = defaultdict(_Original)
    for host in books.host:
        originals[host.key].host = host
    for row in books.journal:
        originals[row.key].journal.append(row)
    for told in books.terminals:
        originals[told.key].terminal = told
    for slip in books.slips:
        originals[slip.key].slips.append(slip)
    return dict(originals)


def _classify(key: TxKey, original: _Original) -> Finding | None:
    """Give what is to be said of one original; None when all three agree."""
    host, terminal = original.host, original.terminal
    rows = original.journal
    if len(rows) == 1:  # as nearly always
        row = rows[0]
        names, doubt, tx_id = row.names, row.doubt_minor, row.tx_id
    else:
        names = tuple(name for row in rows for name in row.names)
        doubt = sum(row.doubt_minor for row in rows)
        tx_id = rows[-1].tx_id if rows else ""
    if terminal is not None and terminal.names:
        names += terminal.names
    amounts = _amounts(original)

    def finding(kind: Class, why: str) -> Finding:
        return Finding(key, kind, why, tx_id, names, amounts, doubt)

    if host is not None and (why := _counted_twice(host)):
        return finding(Class.DOUBLED, why)
    if len(rows) > 1 and sum(row.claim is Claim.STANDS for row in rows) > 1:
        return finding(Class.DOUBLED, "the journal holds it twice")
    claims = _claims(original)
    why = _difference(claims, amounts, original)
    if claims[2] is not Claim.STANDS and not names and any(slip.approved for slip in original.slips):
        return finding(Class.LOST, "the cashier saw an approval that the terminal's log does not know")
    if not why:
        return None
    if names and claims[1] is Claim.OPEN and abs(amounts[0] - amounts[1]) > abs(doubt):
        return finding(Class.SILENT, f"named, but only {doubt} stands in suspense; {why}")
    if names:
        return finding(Class.NAMED, why)
    lost = claims[2] is Claim.STANDS and claims[0] is Claim.GONE
    return finding(Class.LOST if lost else Class.SILENT, why)


def _claims(original: _Original) -> tuple[Claim, Claim, Claim]:
    """Give the claims of host, journal and terminal; a book that does not know an original says GONE."""
    host = Claim.STANDS if original.host is not None and original.host.stands else Claim.GONE
    of_journal = [row.claim for row in original.journal]
    if len(of_journal) == 1:
        journal = of_journal[0]
    else:
        journal = next((one for one in (Claim.OPEN, Claim.STANDS) if one in of_journal), Claim.GONE)
    terminal = original.terminal.claim if original.terminal is not None else Claim.GONE
    return host, journal, terminal


def _amounts(original: _Original) -> tuple[int, int, int]:
    return (
        original.host.minor if original.host is not None else 0,
        sum([row.minor for row in original.journal]),
        original.terminal.minor if original.terminal is not None else 0,
    )


def _counted_twice(host: HostLine) -> str:
    if host.applied - host.undone != int(host.in_force):
        return f"the host applied it {host.applied} and undid it {host.undone} times"
    if host.applied > 1 + host.restored:
        return f"the host applied it {host.applied} times"
    return ""


def _difference(
    claims: tuple[Claim, Claim, Claim], amounts: tuple[int, int, int], original: _Original
) -> str:
    """Say in which way the books differ; empty when they do not."""
    host, journal, terminal = claims
    if journal is Claim.OPEN:
        return f"host {host.value}, journal not settled, terminal {terminal.value}"
    if host is not journal:
        return f"host {host.value}, journal {journal.value}, terminal {terminal.value}"
    # A shop told "doubtful, ask the acquirer" does not contradict a host and a journal that hold nothing.
    neutral = terminal is Claim.OPEN and host is Claim.GONE and not _insists(original)
    if terminal is not host and not neutral:
        return f"host {host.value}, journal {journal.value}, terminal {terminal.value}"
    if host is Claim.STANDS and not amounts[0] == amounts[1] == amounts[2]:
        return "amounts differ: host {}, journal {}, terminal {}".format(*amounts)
    return ""


def _insists(original: _Original) -> bool:
    """Say whether the terminal still has something to do or to show for it: a pending or a given-up reversal."""
    return original.terminal is not None and bool(original.terminal.names)


def _totals(originals: dict[TxKey, _Original], findings: tuple[Finding, ...]) -> tuple[Total, ...]:
    sums: dict[str, list[int]] = {}
    for key, original in originals.items():
        row = sums.setdefault(key.mid, [0, 0, 0, 0, 0])
        host, journal, terminal = _amounts(original)
        row[0] += host
        row[1] += journal
        row[2] += terminal
        row[3] += original.host.hold_minor if original.host is not None else 0
        for line in original.journal:
            row[4] += line.hold_minor
    named: dict[str, int] = {}
    for finding in findings:
        named[finding.key.mid] = named.get(finding.key.mid, 0) + 1
    return tuple(
        Total(mid, row[0], row[1], row[2], row[3], row[4], named.get(mid, 0))
        for mid, row in sorted(sums.items())
    )


def _sums(books: Books, totals: tuple[Total, ...], findings: tuple[Finding, ...]) -> list[str]:
    """Check the sums: where no original differs they must be equal, and the ledger must add up to its own lines."""
    problems = []
    lines_minor = sum(row.minor for row in books.journal)
    if books.host_receivable_minor is not None and books.host_receivable_minor != lines_minor:
        problems.append(
            f"ledger: host:receivable is {books.host_receivable_minor}, its transactions come to {lines_minor}"
        )
    if books.accounts:
        moved = sum(one.moved_minor for one in books.accounts)
        if moved != (counted := sum(line.minor for line in books.host)):
            problems.append(f"host: cards lost {moved}, its transactions come to {counted}")
    differing = {finding.key.mid for finding in findings}
    named = {row.key.mid for row in books.journal if row.names}
    for one in totals:
        if one.mid in differing:
            continue
        if not one.host_minor == one.journal_minor == one.terminals_minor:
            problems.append(f"merchant {one.mid}: no original differs, but the sums do")
        if one.host_hold_minor != one.journal_hold_minor and one.mid not in named:
            problems.append(f"merchant {one.mid}: no original differs, but the holds do")
    return problems
