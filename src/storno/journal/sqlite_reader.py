"""Reading a SQLite journal: every question of `base.Journal`, from the writer's process or any other.

A reader sees only what is committed. Streams that may run long are read in pages, so that they never hold the log's
old pages back. Must not write.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

import apsw

from storno.journal import schema
from storno.journal.base import Balance, Head, JournalCorrupt, JournalError, Verification
from storno.journal.exception_fact import ITEM, is_item, read_exception_fact, read_exception_row
from storno.journal.fact import GENESIS, Stored, link, read_fact
from storno.journal.verify import Counts, EntryRow, Problem, verify
from storno.ledger.chart import SUSPENSE, SUSPENSE_HOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from storno.journal.exception_fact import ExceptionFact, ExceptionRecord, ExceptionRow
    from storno.journal.fact import FactRow, TxRow
    from storno.reversal.key import TxKey
    from storno.reversal.record import Fact

_PAGE = 2_000
_TAIL = 256
_CLOCK_SLACK_MS = 3_600_000
_FACT = "tx_id, at_ms, input, state, body"


def corrupt(path: Path, what: str, chinese: str) -> JournalCorrupt:
    """Make the error for a file that cannot be trusted, with what to do."""
    return JournalCorrupt(
        "corrupt",
        f"{path} is damaged ({what}): keep the file, run `storno journal verify`, restore from a backup",
        f"{path} 已损坏（{chinese}）：请保留该文件，运行 `storno journal verify`，并从备份恢复",
    )


def foreign(path: Path) -> JournalCorrupt:
    """Make the error for a file that somebody else wrote."""
    return JournalCorrupt(
        "foreign",
        f"{path} is not a Storno journal: move it away or choose another folder by --home",
        f"{path} 不是 Storno 流水日志：请移走该文件，或用 --home 另选目录",
    )


@dataclass(frozen=True, slots=True)
class LedgerProof:
    """The books at one moment: balances, totals `(currency, debit, credit)`, and what does not sum to zero."""

    balances: tuple[Balance, ...]
    totals: tuple[tuple[str, int, int], ...]
    in_doubt: tuple[tuple[str, int], ...]
    """Money in suspense by currency: a reversal or a case is open for it; transactions do not cancel out."""
    postings: int
    unbalanced: int

    @property
    def balanced(self) -> bool:
        """Say whether every posting and every currency sums to zero."""
        return not self.unbalanced and not any(debit + credit for _, debit, credit in self.totals)


class SqliteReader:
    """A read-only view of a journal file; usable while a gateway writes it."""

    def __init__(self, path: Path) -> None:
        """Open an existing journal.

        Raises:
            JournalError: code `missing`, there is none yet.
            JournalCorrupt: it is damaged, foreign or of a newer format.

        """
        self.path = path
        if not path.exists() or path.stat().st_size == 0:
            raise JournalError(
                "missing",
                f"there is no journal at {path} yet: start `storno gateway` or `storno demo` first",
                f"{path} 处还没有流水日志：请先运行 `storno gateway` 或 `storno demo`",
            )
        self._db = self._connect(apsw.SQLITE_OPEN_READONLY)
        self._check_format()

    def _connect(self, flags: int) -> apsw.Connection:
        try:
            name = str(self.path)
            self._rests = flags == apsw.SQLITE_OPEN_READONLY and self._at_rest()
            if self._rests:
                name, flags = f"{self.path.absolute().as_uri()}?immutable=1", flags | apsw.SQLITE_OPEN_URI
            db = apsw.Connection(name, flags=flags)
            db.set_busy_timeout(5_000)
            for pragma in schema.PRAGMAS:
                db.execute(pragma)
        except (apsw.NotADBError, apsw.CorruptError):
            raise foreign(self.path) from None
        except apsw.Error as error:
            raise JournalError(
                "unreadable",
                f"{self.path} cannot be opened ({type(error).__name__}): check the path, permissions and disk",
                f"{self.path} 无法打开（{type(error).__name__}）：请检查路径、权限和磁盘",
            ) from None
        return db

    def _at_rest(self) -> bool:
        """Say whether it lies in a folder that cannot be written to, and no log beside it says that others write it.

        SQLite keeps notes beside a journal that it reads; where it cannot, it reads the file as one that never changes.
        """
        return (
            not os.access(self.path.parent, os.W_OK)
            and not self.path.with_name(f"{self.path.name}-wal").exists()
        )

    def _check_format(self) -> None:
        application = self._one("PRAGMA application_id")[0]
        version = self._format()
        if application != schema.APPLICATION_ID:
            raise foreign(self.path)
        if version not in schema.READABLE:
            known = f"{schema.READABLE[0]}-{schema.READABLE[-1]}"
            raise JournalCorrupt(
                "format",
                f"{self.path} has format {version}, this Storno reads {known}: use the Storno that wrote it",
                f"{self.path} 的格式为 {version}，本版本只支持 {known}：请使用写入它的新版 Storno",
            )

    def _format(self) -> int:
        """Give the file's format; asked each time, because a writer that starts may bring it up."""
        return int(self._one("PRAGMA user_version")[0])

    def _ask(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(sql, values)
        except (apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.SQLError) as error:
            raise corrupt(self.path, type(error).__name__, type(error).__name__) from None
        except UnicodeDecodeError:
            raise corrupt(self.path, "text that is not UTF-8", "存有非 UTF-8 文本") from None

    def _one(self, sql: str, values: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        return next(self._ask(sql, values), ())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---------------------------------------------------------------- single questions
    def head(self) -> Head:
        """Give the last durable fact."""
        row = self._one("SELECT seq, digest FROM facts ORDER BY seq DESC LIMIT 1")
        return Head(*row) if row else Head(0, GENESIS)

    def incarnation(self) -> int:
        """Give how often a writer has started."""
        row = self._one("SELECT value FROM meta WHERE name = 'incarnation'")
        return int(row[0]) if row else 0

    def facts(self, tx_id: str) -> tuple[Fact, ...]:
        """Give all facts of a transaction in order; empty when it is not known."""
        if is_item(tx_id):
            return ()
        rows = self._ask(f"SELECT {_FACT} FROM facts WHERE tx_id = ? ORDER BY seq", (tx_id,))  # noqa: S608
        return tuple(read_fact(row) for row in rows)

    def exception(self, finding_id: str) -> ExceptionRecord | None:
        """Give an exception as it stands; None when there is none."""
        if self._format() == 1:
            return None
        sql = f"SELECT {schema.EXCEPTION_NAMES} FROM findings WHERE item = ?"  # noqa: S608
        row = self._one(sql, (ITEM + finding_id,))
        return read_exception_row(row) if row else None

    def exception_ids(self, start: str, limit: int = 10) -> tuple[str, ...]:
        """Give the ids that begin like this, a few at the most."""
        if self._format() == 1:
            return ()
        sql = "SELECT item FROM findings WHERE item >= ?1 AND item < ?1 || 'g' ORDER BY item LIMIT ?2"
        rows = self._ask(sql, (ITEM + start, limit))
        return tuple(item.removeprefix(ITEM) for (item,) in rows)

    def exception_facts(self, finding_id: str) -> tuple[ExceptionFact, ...]:
        """Give all facts of an exception in order; empty when it is not known."""
        sql = f"SELECT {_FACT} FROM facts WHERE tx_id = ? ORDER BY seq"  # noqa: S608
        return tuple(read_exception_fact(row) for row in self._ask(sql, (ITEM + finding_id,)))

    def find(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this identity."""
        row = self._one(
            "SELECT tx_id FROM transactions WHERE tid = ? AND stan = ? AND batch = ? AND mid = ? "
            "ORDER BY opened_seq DESC LIMIT 1",
            (key.tid, key.stan, key.batch, key.mid),
        )
        return row[0] if row else None

    def find_number(self, key: TxKey) -> str | None:
        """Give the id of the latest transaction with this TID, MID and STAN, whatever its batch."""
        row = self._one(
            "SELECT tx_id FROM transactions WHERE tid = ? AND stan = ? AND mid = ? ORDER BY opened_seq DESC LIMIT 1",
            (key.tid, key.stan, key.mid),
        )
        return row[0] if row else None

    def find_by_rrn(self, rrn: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this RRN, newest first."""
        return self._ids("rrn = ? AND rrn <> '' AND mid = ?", (rrn, mid))

    def find_by_auth_code(self, auth_code: str, mid: str) -> tuple[str, ...]:
        """Give the ids of a merchant's transactions with this authorisation code, newest first."""
        return self._ids("auth_code = ? AND auth_code <> '' AND mid = ?", (auth_code, mid))

    def _ids(self, where: str, values: tuple[str, ...]) -> tuple[str, ...]:
        sql = f"SELECT tx_id FROM transactions WHERE {where} ORDER BY opened_seq DESC"  # noqa: S608
        return tuple(tx_id for (tx_id,) in self._ask(sql, values))

    def sealed_card(self, tx_id: str) -> bytes | None:
        """Give the sealed card copy of a transaction, if it is still kept."""
        row = self._one("SELECT sealed FROM cards WHERE tx_id = ?", (tx_id,))
        return row[0] if row else None

    def search(self, text: str) -> tuple[TxRow, ...]:
        """Find transactions by id, RRN, `TID/STAN` or `TID/STAN/date` (YYYYMMDD or MMDD), newest first."""
        tid, slash, rest = text.strip().partition("/")
        found = f"SELECT {schema.COLUMNS} FROM transactions WHERE "  # noqa: S608 - names of this package
        if slash:
            stan, _, date = rest.partition("/")
            rows = self._ask(
                found + "tid = ? AND stan = ? AND (?3 = '' OR date = ?3 OR substr(date, 5) = ?3) "
                "ORDER BY opened_seq DESC",
                (tid, stan.zfill(6), date),
            )
            if hits := tuple(rows):
                return hits
        whole = text.strip()
        return tuple(
            self._ask(
                found + "opened_seq IN (SELECT opened_seq FROM transactions WHERE tx_id = ?1 UNION "  # noqa: S608
                "SELECT opened_seq FROM transactions WHERE rrn = ?1 AND rrn <> '') ORDER BY opened_seq DESC",
                (whole,),
            )
        )

    def rows(
        self, *, cases_only: bool = False, pending_only: bool = False, limit: int = 1000
    ) -> tuple[TxRow, ...]:
        """List transactions, oldest first."""
        wanted = [
            text for text, on in (("case_kind IS NOT NULL", cases_only), ("pending = 1", pending_only)) if on
        ]
        where = f"WHERE {' AND '.join(wanted)} " if wanted else ""
        sql = f"SELECT {schema.COLUMNS} FROM transactions {where}ORDER BY opened_seq LIMIT ?"  # noqa: S608
        return tuple(self._ask(sql, (limit,)))

    def balances(self) -> tuple[Balance, ...]:
        """Sum the ledger by currency and account."""
        sql = "SELECT currency, account, sum(amount_minor) FROM entries GROUP BY 1, 2 ORDER BY 1, 2"
        return tuple(Balance(*row) for row in self._ask(sql))

    def prove_ledger(self) -> LedgerProof:
        """Sum the whole ledger at one moment, posting by posting and by currency."""
        self._db.execute("BEGIN")
        try:
            totals = self._ask(
                "SELECT currency, sum(max(amount_minor, 0)), sum(min(amount_minor, 0)) FROM entries "
                "GROUP BY currency ORDER BY currency"
            )
            sums = "SELECT posting, sum(amount_minor) AS total FROM entries GROUP BY posting, currency"
            postings, unbalanced = self._one(
                f"SELECT count(DISTINCT posting), coalesce(sum(total <> 0), 0) FROM ({sums})"  # noqa: S608
            )
            doubt = self._ask(
                "SELECT currency, sum(abs(held)) FROM (SELECT currency, sum(amount_minor) AS held FROM entries "
                "WHERE account IN (?, ?) GROUP BY tx_id, currency) GROUP BY currency ORDER BY currency",
                (SUSPENSE, SUSPENSE_HOLD),
            )
            return LedgerProof(self.balances(), tuple(totals), tuple(doubt), postings, unbalanced)
        finally:
            self._db.execute("COMMIT")

    # ---------------------------------------------------------------- streams
    def pending(self) -> Iterator[tuple[Fact, ...]]:
        """Give the facts of each record in flight or being reversed, record by record, oldest first."""
        rows = self._ask(
            "SELECT f.tx_id, f.at_ms, f.input, f.state, f.body "
            "FROM transactions AS t INDEXED BY tx_pending CROSS JOIN facts AS f INDEXED BY facts_by_tx "
            "ON f.tx_id = t.tx_id WHERE t.pending = 1 ORDER BY t.opened_seq, f.seq"
        )
        for _, group in groupby(rows, key=lambda row: row[0]):
            yield tuple(read_fact(row) for row in group)

    def high_stans(self, since_ms: int) -> Iterator[tuple[str, str, str, str]]:
        """Give (tid, mid, batch, highest STAN) of every terminal and batch seen since a time."""
        yield from self._ask(
            "SELECT tid, mid, batch, max(stan) FROM transactions WHERE opened_seq >= ? AND opened_ms >= ? "
            "GROUP BY tid, mid, batch ORDER BY tid, mid, batch",
            (self._first_since(since_ms - _CLOCK_SLACK_MS), since_ms),
        )

    def _first_since(self, since_ms: int) -> int:
        """Halve the sequence until it meets the time: no index over time, and no walk over years."""
        low, high = 1, self.head().seq + 1
        while low < high:
            middle = (low + high) // 2
            sql = "SELECT opened_ms FROM transactions WHERE opened_seq >= ? ORDER BY opened_seq LIMIT 1"
            row = self._one(sql, (middle,))
            if row and row[0] < since_ms:
                low = middle + 1
            else:
                high = middle
        return low

    def read(self, after_seq: int = 0) -> Iterator[Stored]:
        """Give stored facts in order, from after a sequence number; in pages, each from its own moment."""
        while True:
            sql = f"SELECT seq, {_FACT}, digest FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
            page = list(self._ask(sql, (after_seq, _PAGE)))
            for seq, *row, digest in page:
                yield Stored(seq, tuple(row), digest)
            if len(page) < _PAGE:
                return
            after_seq = page[-1][0]

    def exceptions(self, *, unsettled_only: bool = False, tx_id: str = "") -> Iterator[ExceptionRecord]:
        """List exceptions, oldest first, in pages; those about one transaction when `tx_id` is given."""
        if self._format() == 1:
            return
        wanted = "".join(
            (" AND unsettled = 1" * unsettled_only, " AND tx_id = ? AND tx_id <> ''" * bool(tx_id))
        )
        sql = (
            f"SELECT found_seq, {schema.EXCEPTION_NAMES} FROM findings "  # noqa: S608
            f"WHERE found_seq > ?{wanted} ORDER BY found_seq LIMIT ?"
        )
        after = 0
        while True:
            page = list(self._ask(sql, (after, *([tx_id] if tx_id else []), _PAGE)))
            for row in page:
                yield read_exception_row(row[1:])
            if len(page) < _PAGE:
                return
            after = page[-1][0]

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Read everything inside from one moment; the log keeps its old pages for as long as that takes."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")
        if self._rests and not self._at_rest():
            raise JournalError(
                "unreadable",
                f"{self.path} was written to while it was read: read it again",
                f"读取过程中 {self.path} 被写入：请重新读取",
            )

    def span(self, name: str, from_ms: int | None, to_ms: int | None) -> Iterator[tuple[Any, ...]]:
        """Stream a table of `schema.SPANS` by time: from included, to not, None for open."""
        if name == "findings" and self._format() == 1:
            return
        low = -(1 << 63) if from_ms is None else from_ms
        high = (1 << 63) - 1 if to_ms is None else to_ms
        yield from self._ask(schema.SPANS[name][1], (low, high))

    def opened(self, from_ms: int, to_ms: int, *, tid: str = "", limit: int = 50_000) -> tuple[TxRow, ...]:
        """List transactions begun from a time on and before another, oldest first, of one terminal or of all."""
        low, high = (
            self._first_since(at + by) for at, by in ((from_ms, -_CLOCK_SLACK_MS), (to_ms, _CLOCK_SLACK_MS))
        )
        sql = (
            f"SELECT {schema.COLUMNS} FROM transactions WHERE opened_seq >= ? AND opened_seq < ? "  # noqa: S608
            f"AND opened_ms >= ? AND opened_ms < ? {'AND tid = ? ' if tid else ''}ORDER BY opened_seq LIMIT ?"
        )
        return tuple(self._ask(sql, (low, high, from_ms, to_ms, *([tid] if tid else []), limit)))

    # ---------------------------------------------------------------- verification
    def verify(self, progress: Callable[[int, int], None] | None = None) -> Verification:
        """Check the journal as it is at one moment, while it may grow."""
        self._db.execute("BEGIN")
        try:
            return verify(self, progress)
        finally:
            self._db.execute("COMMIT")

    def check_tail(self) -> None:
        """Check the newest links of the chain: what a crash could have hurt.

        Raises:
            JournalCorrupt: they do not follow from each other.

        """
        start = max(0, self.head().seq - _TAIL)
        previous: Stored | None = None
        for stored in self.read(max(0, start - 1)):
            before = (previous.digest, previous.seq) if previous else (GENESIS, 0) if start == 0 else None
            if before and (link(before[0], stored.row) != stored.digest or stored.seq != before[1] + 1):
                raise corrupt(
                    self.path, f"the chain breaks at fact {stored.seq}", f"摘要链在第 {stored.seq} 条断开"
                )
            previous = stored

    def records(self) -> Iterator[tuple[str, list[tuple[int, FactRow]]]]:
        """Give the facts by transaction, for `verify`."""
        rows = self._ask(f"SELECT seq, {_FACT} FROM facts INDEXED BY facts_by_tx ORDER BY tx_id, seq")  # noqa: S608
        for tx_id, group in groupby(rows, key=lambda row: row[1]):
            yield tx_id, [(row[0], row[1:]) for row in group]

    def stored_row(self, tx_id: str) -> tuple[int, TxRow] | None:
        """Give a transaction's row, for `verify`."""
        row = self._one("SELECT * FROM transactions WHERE tx_id = ?", (tx_id,))
        return (row[0], row[1:]) if row else None

    def stored_exception(self, item: str) -> tuple[int, ExceptionRow] | None:
        """Give an exception's row, for `verify`."""
        if self._format() == 1:
            return None
        row = self._one("SELECT * FROM findings WHERE item = ?", (item,))
        return (row[0], row[1:]) if row else None

    def stored_entries(self, tx_id: str) -> list[EntryRow]:
        """Give a transaction's entries, for `verify`; "0" is the sign after "/"."""
        sql = "SELECT * FROM entries WHERE posting >= ? AND posting < ?"
        return [EntryRow(*row) for row in self._ask(sql, (f"{tx_id}/", f"{tx_id}0"))]

    def counts(self) -> Counts:
        """Count rows, for `verify`."""
        tables = ["facts", "transactions", "entries", *(["findings"] if self._format() > 1 else [])]
        return Counts(*(self._one(f"SELECT count(*) FROM {table}")[0] for table in tables))  # noqa: S608

    def integrity(self) -> Iterator[Problem]:
        """Give what is wrong below the rows: pages and indices, the schema, meta lines, sealed cards."""
        for (text,) in self._ask("PRAGMA integrity_check(20)"):
            if text != "ok":
                yield Problem(f"database pages: {text}", f"数据库页面：{text}")
        found = dict(self._ask("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))
        wanted = schema.objects(self._format())
        for name in sorted(set(found) ^ set(wanted) | {n for n in found if found[n] != wanted.get(n)}):
            yield Problem(
                f"table or index {name} is not what this format has", f"表或索引 {name} 与本格式不符"
            )
        names = []
        for name, value, digest in self._ask("SELECT name, value, digest FROM meta"):
            names.append(name)
            if schema.check_digest(name, value.encode()) != digest:
                yield Problem(f"meta line {name} was changed", f"元数据 {name} 被改动")
        if sorted(names) != ["format", "incarnation"]:
            yield Problem(
                f"meta holds {', '.join(names) or 'nothing'}", f"元数据内容为：{'、'.join(names) or '空'}"
            )
        for tx_id, sealed, digest in self._ask("SELECT tx_id, sealed, digest FROM cards"):
            if schema.check_digest(tx_id, sealed) != digest:
                yield Problem(f"sealed card of {tx_id} was changed", f"交易 {tx_id} 的密封卡数据被改动")
        for (tx_id,) in self._ask(
            "SELECT tx_id FROM cards WHERE tx_id NOT IN (SELECT tx_id FROM transactions)"
        ):
            yield Problem(
                f"sealed card of {tx_id} belongs to no transaction", f"密封卡数据 {tx_id} 不属于任何交易"
            )

    def close(self) -> None:
        """Release the file."""
        self._db.close()
