"""One reconciliation from files to verdict: the plan is put together, run step by step, and its proof worked out.

Rule: the result depends on the files' content and the options only: not on the order of rows or files, the engine, the
memory it had, or the clock. Must not write anything but the engine's own temporary files.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from storno.recon import days, proof
from storno.recon.carried import Carried, hashed_sides
from storno.recon.earlier import Earlier, gone
from storno.recon.engines.base import EngineError, Part, Shape
from storno.recon.finding import Leg
from storno.recon.hinted import hinted
from storno.recon.identity import run_id
from storno.recon.journals import terminal_days
from storno.recon.missing import Span, bank_days, network_days, unpaid
from storno.recon.pair import (
    BOOKS_HASHES,
    BOOKS_NUMBERS,
    BOOKS_TEXTS,
    LINE_HASHES,
    LINE_NUMBERS,
    LINE_TEXTS,
    NULLABLE,
)  # fmt: skip
from storno.recon.plan import Step, fill, last_uses
from storno.recon.provisional import Waiting, marked
from storno.recon.result import Account, Bridge, Reason, Result
from storno.recon.rules import RULES
from storno.recon.sides import Effort
from storno.recon.steps import match
from storno.recon.steps.books import HASHES
from storno.recon.steps.buckets import Filter
from storno.recon.steps.deposits import LIKELY as DEPOSITS_LIKELY
from storno.recon.steps.deposits import PASSES as DEPOSIT_PASSES
from storno.recon.steps.deposits import deposits
from storno.recon.steps.fees import rates
from storno.recon.steps.filter import choose
from storno.recon.steps.pairs import Terms, pairs, results
from storno.recon.steps.sides import Shaping, sides, totals
from storno.statements.digest import hashes_of_lines
from storno.statements.line import Role

if TYPE_CHECKING:
    from storno.recon.engines.base import Engine
    from storno.recon.sides import Options, Sides

DIGEST_FROM_ROWS = 1_000_000
SAMPLE_FROM_LINES = 2_000_000
ROWS_PER_BUCKET = 12
BUCKET_BYTES = 128
"""Measured: what a bucket's sum takes, over all threads; a quarter of the memory may go to them."""
BUCKETS_LOG2 = (12, 22)
BOOKS = Shape(
    BOOKS_TEXTS, BOOKS_NUMBERS, NULLABLE, with_file=False, stored=BOOKS_HASHES, made=tuple(HASHES.items())
)
LINES = Shape(LINE_TEXTS, LINE_NUMBERS, NULLABLE, stored=LINE_HASHES)

Progress = Callable[[str, int, int], None]
"""Called with a step's name, its number, and how many there are in this stage."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a first look at the sides says: how much there is, on which days, and which columns are filled."""

    books: int
    network: int
    terminal: int
    first: str
    last: str
    all_days: tuple[str, ...]
    as_of: dict[str, str]
    """Last day of each outside side that has days."""
    network_columns: tuple[str, ...]
    terminal_columns: tuple[str, ...]
    keyed: bool
    """The network's lines have RRNs."""
    fees: bool


def _quiet(_name: str, _at: int, _of: int) -> None:
    """Say nothing."""


def reconcile(
    given: Sides,
    options: Options,
    engine: Engine,
    effort: Effort | None = None,
    progress: Progress = _quiet,
    known: Iterable[Earlier] = (),
) -> Result:
    """Compare the sides. The engine is fresh and is not closed here; `known` are open differences of earlier runs.

    Raises:
        EngineError: a file cannot be read, or memory or disk ran out.

    """
    result = _Run(given, options, engine, effort or Effort(), progress).result()
    waiting = Waiting(options.calendar, options.hold_days)
    return replace(result, closed=gone(engine, result, known, waiting))


class _Run:
    def __init__(
        self, given: Sides, options: Options, engine: Engine, effort: Effort, progress: Progress
    ) -> None:
        self._sides = given
        self._options = options
        self._engine = engine
        self._effort = effort
        self._progress = progress
        self._waiting = Waiting(options.calendar, options.hold_days)
        self._legs = [Leg.NETWORK]
        if given.of(Role.TERMINAL):
            self._legs.insert(0, Leg.TERMINAL)
        if given.of(Role.BANK) and given.of(Role.NETWORK):
            self._legs.append(Leg.BANK)

    def result(self) -> Result:
        """Run it all."""
        self._load()
        options, engine = self._options, self._engine
        margin = (
            days.shifted(options.first, -days.MARGIN_DAYS) if options.first else "",
            days.shifted(options.last, days.MARGIN_DAYS) if options.last else "",
        )
        undoing = {
            "network": "'void', 'reversal'",
            "terminal": "'reversal'",
        }  # a terminal's voided sale counts anyway
        marked = frozenset(
            role for role, kinds in undoing.items()
            if engine.rows(f"SELECT count(*) FROM {role}_src WHERE kind IN ({kinds})")[0][0]  # noqa: S608
            and engine.rows(f"SELECT count(*) FROM {role}_src WHERE mark IN ('reversed', 'voided')")[0][0]  # noqa: S608
        )  # fmt: skip
        hashed = hashed_sides(self._sides, engine)
        self._shaping = Shaping(*margin, options.utc_offset_min * 60, marked, hashed)
        self._carried = Carried(self._sides, engine, self._shaping)
        self._do((*sides(self._shaping), *totals(self._carried.totals())), {})
        seen = self._look()
        engine.table("days", days.COLUMNS, days.table(seen.all_days, options.calendar, options.hold_days))
        engine.table("rates_given", {"mid": "text", "basis_points": "int"},
                     sorted((one.mid, one.basis_points) for one in options.fees))  # fmt: skip
        first, legs = self._plan(seen)
        done = last_uses((*first, *(step for leg in legs for step in leg)), _WANTED)
        self._do(first, done)
        self._side_by_side(legs, done)
        return self._conclude(seen)

    def _load(self) -> None:
        self._engine.source("books_src", [Part(one.path) for one in self._sides.books], BOOKS)
        if len(self._sides.books) > 1:
            self._no_book_twice()
        for role in (Role.NETWORK, Role.TERMINAL, Role.BANK):
            parts = [Part(one.path, one.file_id, one.without) for one in self._sides.of(role)]
            shape = replace(LINES, made=tuple(hashes_of_lines(role).items()))
            self._engine.source(f"{role.value}_src", parts, shape)

    def _no_book_twice(self) -> None:
        """Refuse books that overlap: a transaction counted twice would be settled only once."""
        twice = self._engine.rows(
            "SELECT tx_id FROM books_src GROUP BY tx_id HAVING count(*) > 1 ORDER BY tx_id LIMIT 1"
        )
        if twice:
            raise EngineError(
                f"transaction {twice[0][0]} is in more than one of the {len(self._sides.books)} --books files: leave "
                "out the one that repeats the others, or export spans that do not overlap (--from, --to)",
                f"交易 {twice[0][0]} 在 {len(self._sides.books)} 个 --books 文件中重复：请去掉重复的文件，"
                "或按不重叠的日期范围导出（--from、--to）",
            )

    def _do(self, steps: Sequence[Step], done: Mapping[str, tuple[str, ...]]) -> None:
        """Run steps; `done` are the tables that nobody reads after a step."""
        for at, step in enumerate(steps, 1):
            self._progress(step.name, at, len(steps))
            self._engine.run(step)
            self._engine.drop(done.get(step.name, ()))

    def _side_by_side(self, legs: Sequence[Sequence[Step]], done: Mapping[str, tuple[str, ...]]) -> None:
        """Run the legs at the same time: each alone keeps one core busy for much of its way. In a box, in turn."""
        if len(legs) == 1 or self._effort.memory_mb:
            self._do([step for leg in legs for step in leg], done)
            return
        count, of, lock, failed = itertools.count(1), sum(map(len, legs)), Lock(), Event()

        def run(steps: Sequence[Step]) -> None:
            own = {step.name for step in steps}
            with closing(self._engine.beside()) as engine:
                for step in steps:
                    if failed.is_set():
                        return
                    with lock:
                        self._progress(step.name, next(count), of)
                    try:
                        engine.run(step)
                        engine.drop(one for one in done.get(step.name, ()) if one in own)
                    except BaseException:
                        failed.set()
                        raise

        with ThreadPoolExecutor(len(legs)) as threads:
            try:
                for one in [threads.submit(run, leg) for leg in legs]:
                    one.result()
            except BaseException:
                failed.set()
                raise

    def _look(self) -> Seen:
        engine, options = self._engine, self._options
        counts = {
            name: {str(day): int(rows) for day, rows in engine.rows(
                f"SELECT day, CAST(sum(rows_) AS BIGINT) FROM {name}_totals GROUP BY day"  # noqa: S608 - our own names
            )}
            for name in ("books", "net", "term", "bank")
        }  # fmt: skip
        asked = {one for one in (options.first, options.last, options.as_of) if one}
        listed = [
            one.strftime("%Y%m%d")
            for one in days.known({*asked, *(day for one in counts.values() for day in one)})
        ]
        there = set(listed)
        last = {name: max((day for day in one if day in there), default="") for name, one in counts.items()}
        booked = sorted(day for day in counts["books"] if day in there)
        net = self._any("network_src", "mid <> ''", "tid <> ''", "stan <> ''", "rrn <> ''", "fee_minor <> 0")
        term = self._any("terminal_src", "mid <> ''", "batch <> ''")
        return Seen(
            sum(counts["books"].values()), sum(counts["net"].values()), sum(counts["term"].values()),
            options.first or (booked[0] if booked else min(listed, default="")),
            options.last or (booked[-1] if booked else max(listed, default="")),
            tuple(listed), {"n": last["net"], "t": last["term"], "b": last["bank"]},
            tuple(one for one, filled in zip(("mid", "tid", "stan"), net[:3], strict=True) if filled),
            tuple(one for one, filled in zip(("mid", "batch"), term, strict=True) if filled),
            net[3], net[4] or bool(options.fees),
        )  # fmt: skip

    def _any(self, source: str, *conditions: str) -> tuple[bool, ...]:
        """Say of each condition whether a row meets it; the first one that does ends the search."""
        asked = (
            f"SELECT n FROM (SELECT {at} AS n FROM {source} WHERE {one} LIMIT 1) AS c{at}"  # noqa: S608 - our own
            for at, one in enumerate(conditions)
        )
        met = {row[0] for row in self._engine.rows(" UNION ALL ".join(asked))}
        return tuple(at in met for at in range(len(conditions)))

    def _filter(self, seen: Seen, lines: int) -> Filter:
        effort = self._effort
        wanted = effort.digest if effort.digest is not None else seen.books + lines >= DIGEST_FROM_ROWS
        log2 = effort.buckets_log2 or (max(seen.books, lines) // ROWS_PER_BUCKET).bit_length()
        if effort.memory_mb:  # the sums of all buckets are held at once, and not all engines count them
            log2 = min(log2, (effort.memory_mb * 2**20 // 4 // BUCKET_BYTES).bit_length() - 1)
        columns = tuple(one for one in seen.terminal_columns if one != "batch")
        return Filter(
            min(max(log2, BUCKETS_LOG2[0]), BUCKETS_LOG2[1]) if wanted else 0,
            seen.network_columns, columns, "batch" in seen.terminal_columns,
        )  # fmt: skip

    @staticmethod
    def _sampled_by(seen: Seen) -> str:
        """Give the column by whose last digit one line in ten is asked for its rate; empty: all are."""
        if seen.network < SAMPLE_FROM_LINES:
            return ""
        return "stan" if "stan" in seen.network_columns else "rrn"

    def _as_of(self, seen: Seen, s: str) -> str:
        """Give the last day a leg's files are in for."""
        return self._options.as_of or seen.as_of[s] or seen.last

    def _terms(self, seen: Seen, s: str) -> Terms:
        options = self._options
        as_of = days.parse(self._as_of(seen, s))
        near = (f"(about = '' OR about BETWEEN '{options.first or '0'}' AND '{options.last or '9'}')"
                if options.first or options.last else "TRUE")  # fmt: skip
        covered = bool(seen.network) if s == "n" else True
        return Terms(
            tuple(RULES.values()), near, options.hold_days, days.number(as_of) if as_of else 0, covered
        )

    def _plan(self, seen: Seen) -> tuple[tuple[Step, ...], list[tuple[Step, ...]]]:
        """Give what comes first, and the steps of each leg, which read nothing of each other."""
        network = self._filter(seen, seen.network)
        network = network if seen.keyed else replace(network, buckets_log2=0)
        terminal = self._filter(seen, seen.terminal) if Leg.TERMINAL in self._legs else None
        if terminal and not network.buckets_log2:
            terminal = replace(terminal, buckets_log2=0)
        noted = seen.fees and self._carried.notes()
        network, terminal = self._carried.sums(replace(network, noted=noted), terminal)
        first = (
            *(rates(self._shaping, number=self._sampled_by(seen), noted=noted) if seen.fees else ()),
            *choose(self._shaping, network, terminal, fees=seen.fees),
        )
        legs = []
        for leg in self._legs:
            s = _SUFFIX[leg]
            terms = self._terms(seen, s)
            if leg is Leg.BANK:
                steps = deposits(terms)
                steps += results(s, leg.value, terms, DEPOSIT_PASSES, DEPOSITS_LIKELY)
            else:
                steps = match.match(s, fees=seen.fees)
                steps += pairs(s, leg.value, terms, self._shaping)
                steps += results(s, leg.value, terms, match.names_of(s), match.tolerant(s))
            legs.append(steps)
        return first, legs

    def _conclude(self, seen: Seen) -> Result:
        table = self._table()
        if Leg.BANK in self._legs:
            table = hinted(self._engine, table)
        found = self._money()
        books = proof.books_totals(self._engine)
        accounts: list[Account] = []
        bridges: list[Bridge] = []
        reasons: list[Reason] = []
        all_ends: list[proof.Ends] = []
        passes: list[tuple[Leg, str, int]] = []
        for leg in self._legs:
            end = proof.ends(self._engine, leg)
            all_ends.append(end)
            if leg is Leg.BANK:
                bridges += proof.bank_bridge(self._engine, found.get(leg, {}), end)
                accounts.append(proof.bank_account(self._engine, end))
                continue
            lines = proof.line_totals(self._engine, leg)
            passes += self._passes(leg, proof.left_alone(lines, end))
            accounts += [proof.lines_account(leg, lines, end), proof.books_account(leg, books, end)]
            reasons += proof.filter_reasons(leg, lines, books, end)
            if leg is Leg.NETWORK:
                bridges += proof.network_bridge(lines, books, found.get(leg, {}), end)
        absent, notes = self._missing(seen)
        notes += proof.rate_notes(self._engine)
        if self._sides.of(Role.BANK) and Leg.BANK not in self._legs:
            accounts.append(proof.bank_account(self._engine, None))
            notes.append(proof.bank_note(accounts[-1]))
        reasons += [
            *proof.side_reasons(self._sides, self._options),
            *proof.file_reasons(self._sides, self._counted()),
            *absent,
            *proof.proof_reasons(accounts, bridges, all_ends),
        ]
        gaps = [gap for one in (*reasons, *notes) for gap in one.gaps]
        return Result(
            run_id(self._sides, self._options), seen.first, seen.last,
            self._as_of(seen, "n"), marked(table, gaps, self._waiting), tuple(accounts), tuple(bridges), tuple(passes),
            tuple(dict.fromkeys(reasons)), self._compared(), notes=tuple(notes),
            as_of_by_leg=tuple((leg, self._as_of(seen, _SUFFIX[leg])) for leg in self._legs),
            within=tuple(proof.within(self._engine, self._legs, seen.first, seen.last)) if self._period else (),
        )  # fmt: skip

    @property
    def _period(self) -> bool:
        return bool(self._options.first or self._options.last)

    def _compared(self) -> tuple[Leg, ...]:
        """Give the legs both sides of which there are."""
        there = self._sides.books and self._sides.of(Role.NETWORK)
        return tuple(leg for leg in self._legs if leg is not Leg.NETWORK or there)

    def _table(self) -> pa.Table:
        columns = (
            "what, finding_id, rule, leg, key, amount_minor, currency, sure, settled_on, date, mid, tid, rrn, tx_id, "
            "lines, matched_by, expected_minor, found_minor"
        )
        parts = " UNION ALL ".join(f"SELECT {columns} FROM result_{_SUFFIX[leg]}" for leg in self._legs)  # noqa: S608
        order = " ".join(f"WHEN '{name}' THEN {at}" for at, name in enumerate(RULES))
        return self._engine.arrow(fill(_SORTED, columns=columns, parts=parts, order=order))

    def _money(self) -> dict[Leg, dict[str, dict[str, int]]]:
        """Sum what each kind of finding explains, by leg and currency; held and the like are in the accounts."""
        found: dict[Leg, dict[str, dict[str, int]]] = {}
        for leg in self._legs:
            for currency, rule, minor in self._engine.rows(fill(_EXPLAINED, s=_SUFFIX[leg])):
                found.setdefault(leg, {}).setdefault(str(currency), {})[str(rule)] = int(minor)
        return found

    def _counted(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for role in Role:
            rows = self._engine.rows(f"SELECT file_id, count(*) FROM {role.value}_src GROUP BY file_id")  # noqa: S608
            found.update({str(name): int(count) for name, count in rows})
        return found

    def _passes(self, leg: Leg, alone: int) -> list[tuple[Leg, str, int]]:
        """Count what each pass brought together; what agrees in everything is of the first one's kind."""
        s = _SUFFIX[leg]
        counts = self._engine.rows(f"SELECT pass, rows_ FROM passes_{s}")  # noqa: S608 - our own names
        rows = {match.CLEAN: 0, **{str(name): int(count) for name, count in counts}}
        rows[match.CLEAN] += alone
        return [(leg, name, rows[name]) for name in match.names_of(s) if rows.get(name)]

    def _missing(self, seen: Seen) -> tuple[list[Reason], list[Reason]]:
        """Name the days, merchants and terminals of which nothing came: reasons, and notes."""
        engine, sides, options, as_of = self._engine, self._sides, self._options, self._options.as_of
        reasons: list[Reason] = []
        notes: list[Reason] = []
        if sides.of(Role.NETWORK):
            span = Span(seen.first, seen.last, as_of or seen.as_of["n"])
            lacking, notes = network_days(engine, sides, options, span, paid=Leg.BANK in self._legs)
            reasons += lacking
        if Leg.BANK in self._legs:
            span = Span(seen.first, seen.last, as_of or seen.as_of["b"])
            reasons += bank_days(engine, sides, options, span, self._waiting)
            reasons += unpaid(engine, self._terms(seen, "b"))
        if Leg.TERMINAL in self._legs:
            owed, aside = terminal_days(
                engine, options, Span(seen.first, seen.last, as_of or seen.as_of["t"])
            )
            reasons += owed
            notes += aside
        return reasons, notes


_EXPLAINED = """
SELECT currency, rule, CAST(sum(found_minor) - sum(expected_minor) AS BIGINT) FROM result_$s WHERE what = 'finding'
GROUP BY currency, rule
"""
_SORTED = """
SELECT $columns FROM ($parts) AS r ORDER BY what, CASE rule $order END, date, settled_on, key, currency, lines
"""
_SUFFIX = {Leg.NETWORK: "n", Leg.TERMINAL: "t", Leg.BANK: "b"}
_WANTED = frozenset(
    f"{name}_{s}" for s in "ntb"
    for name in ("account", "result", "passes", "lines", "matchable")
) | {"link_n_0", "link_t_0", "groups", "deposits", "heads", "headed", "absent_t"}  # fmt: skip
