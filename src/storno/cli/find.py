"""Finding the transaction a person means: journal id, RRN, or TID/STAN with or without a date.

The journal searches; this file says in words what was found, nothing or too much. Must not change anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.diagnosis.story import local_text
from storno.diagnosis.words import title
from storno.iso8583.mask import scrub
from storno.journal.base import JournalError
from storno.journal.fact import TX_COLUMNS
from storno.money import Money
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Case, State
from storno.reversal.machine import ContractBroken, fold
from storno.reversal.postings import Position

if TYPE_CHECKING:
    from storno.journal.fact import TxRow
    from storno.journal.sqlite_reader import SqliteReader
    from storno.reversal.record import Fact, Record

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}


class Row(NamedTuple):
    """What lists show of a transaction."""

    tx_id: str
    tid: str
    stan: str
    kind: Kind
    state: State
    case: Case | None
    amount_minor: int
    currency: str
    position: Position
    opened_ms: int

    @property
    def money(self) -> Money:
        """The amount that counts."""
        return Money(self.amount_minor, self.currency)

    def line(self, utc_offset_min: int) -> str:
        """Write it in a line."""
        lang = language()
        at = local_text(self.opened_ms, utc_offset_min)[:19]
        words = f"{self.kind.title(lang)}  {self.money}  {title(self.state, lang)}"
        return f"{self.tx_id}  {at}  {self.tid}/{self.stan}  {words}"


def read_row(row: TxRow) -> Row:
    """Read the journal's row of a transaction."""
    case, approved = row[_AT["case_kind"]], row[_AT["approved_minor"]]
    return Row(
        row[_AT["tx_id"]],
        row[_AT["tid"]],
        row[_AT["stan"]],
        Kind(row[_AT["kind"]]),
        State(row[_AT["state"]]),
        None if case is None else Case(case),
        row[_AT["amount_minor"]] if approved is None else approved,
        row[_AT["currency"]],
        Position(row[_AT["position"]]),
        row[_AT["opened_ms"]],
    )


def find(journal: SqliteReader, what: str) -> tuple[Row, ...]:
    """Find what a person means, newest first.

    Raises:
        Trouble: there is no such transaction.

    """
    rows = journal.search(what)
    if not rows:
        raise Trouble(
            t(f"no transaction {scrub(what)!r} in this journal", f"流水日志中没有交易 {scrub(what)!r}"),
            where=str(journal.path),
            todo=t(
                "give a journal id, an RRN, or TID/STAN[/date], as on the slip; `storno journal tail` lists the newest",
                "请给出流水编号、参考号或 终端号/流水号[/日期]（见签购单）；`storno journal tail` 可列出最新交易",
            ),
            code=ExitCode.DISAGREES,
        )
    return tuple(read_row(row) for row in rows)


def find_one(journal: SqliteReader, what: str, utc_offset_min: int) -> Row:
    """Find exactly one transaction.

    Raises:
        Trouble: there is none, or more than one.

    """
    rows = find(journal, what)
    if len(rows) > 1:
        raise Trouble(
            several(what, rows, utc_offset_min),
            todo=t("give one of these ids", "请使用其中一个编号"),
            code=ExitCode.DISAGREES,
        )
    return rows[0]


def several(what: str, rows: tuple[Row, ...], utc_offset_min: int) -> str:
    """Say that there are more than one, and which."""
    lines = [t(f"{len(rows)} transactions match {what!r}:", f"有 {len(rows)} 笔交易符合 {what!r}：")]
    lines += [f"  {row.line(utc_offset_min)}" for row in rows]
    return "\n".join(lines)


def load(journal: SqliteReader, tx_id: str) -> tuple[Record, tuple[Fact, ...]]:
    """Read a transaction and its facts.

    Raises:
        Trouble: the facts were changed.

    """
    try:
        facts = journal.facts(tx_id)
        return fold(facts), facts
    except (ContractBroken, JournalError, ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(
            t(f"the facts of {tx_id} do not follow from each other", f"{tx_id} 的流水前后不符"),
            todo=t("run `storno journal verify`", "请运行 `storno journal verify`"),
            code=ExitCode.DISAGREES,
        ) from None
