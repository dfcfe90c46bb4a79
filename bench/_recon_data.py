"""Three sides of one day for the bench: books, terminals and network, with exceptions planted in known numbers.

Vectorised in DuckDB: what happens to a sale follows from its number alone, so every count is known before anything is
compared. Rows are shuffled differently on each side; text keys are as long as in real files. Made slice by slice, in
memory that does not grow with the number of rows.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storno.recon import books
from storno.statements import store
from storno.statements.line import Role

# Of 10,000 consecutive sales: so many are bent in this way (the rest agrees).
PLANTED = {
    "approved_not_settled": 12, "settled_not_booked": 10, "amount_mismatch": 10, "fee_mismatch": 8,
    "duplicate_settlement": 6, "settled_but_reversed": 8, "reversal_exhausted": 3, "reversal_unanswered": 3,
    "wrong_merchant": 5, "terminal_not_booked": 8, "booked_not_on_terminal": 8, "terminal_says_otherwise": 9,
    "date_shift": 5, "partial_settled_in_full": 5,
}  # fmt: skip
REVERSED = 50
"""Of 10,000: reversed as they should be; no difference."""
PER = 10_000
TERMINALS = 20_000
SLICE = 5_000_000
"""Sales made at once; each side puts the slices in an order of its own."""


def _cases() -> str:
    parts, at = [], 0
    for name, count in PLANTED.items():
        parts.append(f"WHEN spot < {at + count} THEN '{name}'")
        at += count
    parts.append(f"WHEN spot < {at + REVERSED} THEN 'reversed'")
    return "CASE " + " ".join(parts) + " ELSE '' END"


_SALES = f"""
CREATE TABLE sales AS SELECT *, {_cases()} AS fate, (amount * 60 + 5000) // 10000 AS fee FROM (
    SELECT i, (i * 7919 + i // {TERMINALS} * 37) % {PER} AS spot, i % {TERMINALS} AS t,
        1000 + (i * 104729) % 500000 AS amount,
        lpad((10000000 + i % {TERMINALS})::VARCHAR, 8, '0') AS tid,
        lpad((898310000000000 + (i % {TERMINALS}) // 10)::VARCHAR, 15, '0') AS mid,
        lpad((i // {TERMINALS} + 1)::VARCHAR, 6, '0') AS stan,
        lpad((610000000000 + i * 13)::VARCHAR, 12, '0') AS rrn,
        lpad((i * 31 % 1000000)::VARCHAR, 6, '0') AS auth_code,
        '622588******' || lpad((i * 17 % 10000)::VARCHAR, 4, '0') AS card,
        '20261102' || lpad((8 + i * 13 // 86400 % 12)::VARCHAR, 2, '0') || lpad((i * 7 % 60)::VARCHAR, 2, '0')
            || '00' AS at_
    FROM range($first, $end) AS r(i)
) AS s
"""
_BOOKS = """
SELECT '1-' || lpad(i::VARCHAR, 12, '0') AS tx_id, tid, mid, '000001' AS batch, stan, '20261102' AS date,
    'sale' AS kind,
    CASE WHEN fate IN ('reversed', 'settled_but_reversed') THEN 'reversed'
         WHEN fate = 'reversal_exhausted' THEN 'exhausted'
         WHEN fate = 'reversal_unanswered' THEN 'reversing' ELSE 'approved' END AS state,
    CASE WHEN fate IN ('reversed', 'settled_but_reversed') THEN 'none'
         WHEN fate LIKE 'reversal%' THEN 'suspense' ELSE 'effect' END AS position,
    CASE WHEN fate IN ('reversed', 'settled_but_reversed') OR fate LIKE 'reversal%' THEN 'cancelled'
        ELSE 'approved' END AS told,
    amount AS amount_minor,
    CASE WHEN fate = 'partial_settled_in_full' THEN amount - 100
         WHEN fate IN ('reversed', 'settled_but_reversed') OR fate LIKE 'reversal%' THEN NULL
         ELSE amount END AS approved_minor,
    'CNY' AS currency, '00' AS response,
    CASE WHEN fate IN ('reversed', 'settled_but_reversed') OR fate LIKE 'reversal%' THEN '' ELSE rrn END AS rrn,
    auth_code, card AS pan_masked, '' AS original, 0 AS attempts, 1793580000000 + i AS opened_ms
FROM sales WHERE fate NOT IN ('settled_not_booked', 'terminal_not_booked') ORDER BY hash(i + 1)
"""
_TERMINAL = """
SELECT i + 1 AS line_no, 'payment' AS kind, amount_minor, 'CNY' AS currency, 0 AS fee_minor, '20261102' AS settled_on,
    at_ AS at, mark, tid, mid, '000001' AS batch, stan, rrn, auth_code, card
FROM (
    SELECT *, CASE WHEN fate = 'partial_settled_in_full' THEN amount - 100 ELSE amount END AS amount_minor,
        CASE WHEN fate = 'terminal_says_otherwise' THEN 'declined' WHEN fate IN ('reversed', 'settled_but_reversed')
            OR fate LIKE 'reversal%' THEN 'reversed' ELSE 'none' END AS mark
    FROM sales
) AS s WHERE fate NOT IN ('settled_not_booked', 'booked_not_on_terminal') ORDER BY hash(i + 2)
"""
_NETWORK = """
SELECT row_number() OVER () + 2 * $first AS line_no, * FROM (
    SELECT CASE WHEN n = 1 AND fate = 'reversed' THEN 'reversal' ELSE 'payment' END AS kind,
        CASE WHEN n = 1 AND fate = 'reversed' THEN -1 ELSE 1 END *
            CASE WHEN fate = 'amount_mismatch' THEN amount + 100 ELSE amount END AS amount_minor, 'CNY' AS currency,
        CASE WHEN n = 1 AND fate = 'reversed' THEN fee
            WHEN fate = 'amount_mismatch' THEN -(((amount + 100) * 60 + 5000) // 10000)
            WHEN fate = 'fee_mismatch' THEN -fee - 50 ELSE -fee END AS fee_minor,
        CASE WHEN fate = 'date_shift' THEN '20261107' ELSE '20261102' END AS settled_on, at_ AS at, 'none' AS mark, tid,
        CASE WHEN fate = 'wrong_merchant' THEN '898310000009999' ELSE mid END AS mid, stan, rrn, auth_code, card
    FROM sales, range(2) AS two(n)
    WHERE fate NOT IN ('approved_not_settled', 'terminal_not_booked') AND fate NOT LIKE 'reversal%'
        AND (n = 0 OR fate IN ('duplicate_settlement', 'reversed'))
    ORDER BY hash(i * 2 + n + 3)
) AS l
"""


SIDES = {"books": (_BOOKS, 0), "terminal": (_TERMINAL, 1), "network": (_NETWORK, 2)}
"""What each side is made by, and by how many slices it is turned."""


def make(folder: Path, rows: int, *, csv: bool, others: bool) -> dict[str, Path]:
    """Write the three sides as the product keeps them, as others' Parquet (zstd) and CSV where asked; give paths."""
    with duckdb.connect(config={"temp_directory": str(folder / "spill"), "memory_limit": "4GB"}) as db:
        db.execute("SET enable_progress_bar = false")
        slices: dict[str, list[Path]] = {name: [] for name in SIDES}
        for first in range(0, rows, SLICE):
            end = min(first + SLICE, rows)
            db.execute(_SALES.replace("$first", str(first)).replace("$end", str(end)))
            for name, (sql, _) in SIDES.items():
                slices[name].append(folder / f"{name}-{first}.part")
                _copy(db, sql.replace("$first", str(first)), slices[name][-1])
            db.execute("DROP TABLE sales")
        paths = {}
        for name, (_, turn) in SIDES.items():
            parts = slices[name][turn % len(slices[name]) :] + slices[name][: turn % len(slices[name])]
            paths[f"{name}_stored"] = folder / f"{name}.stored.parquet"
            _store(name, parts, paths[f"{name}_stored"])
            if others or csv:
                paths[name] = folder / f"{name}.parquet"
                _copy(db, f"SELECT * FROM read_parquet({[str(one) for one in parts]})", paths[name])
            for one in parts:
                one.unlink()
            if csv:
                paths[f"{name}_csv"] = folder / f"{name}.csv"
                db.execute(
                    f"COPY (SELECT * FROM '{paths[name]}') TO '{paths[f'{name}_csv']}' (FORMAT csv, HEADER)"
                )
    return paths


def _copy(db: duckdb.DuckDBPyConnection, sql: str, target: Path) -> None:
    db.execute(f"COPY ({sql}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")


def _store(name: str, parts: list[Path], target: Path) -> None:
    """Write a side as the product does, once the rows are read: in its groups, with hashes beside and sums in it."""
    columns = books.SCHEMA.names if name == "books" else None
    tables = (
        pa.Table.from_batches([batch])
        for part in parts
        for batch in pq.ParquetFile(part).iter_batches(store.GROUP_ROWS, columns=columns)
    )
    if name == "books":
        books.write(target, (one.select(columns).cast(books.SCHEMA) for one in tables))
        return
    with store.lines_file(target, Role(name)) as out:
        for table in tables:
            out.write(table)


def expected(rows: int) -> dict[str, int]:
    """Give how many of each difference are planted in the first `rows` sales."""
    assert rows % TERMINALS == 0, f"rows must be a multiple of {TERMINALS}"
    return {name: count * rows // PER for name, count in PLANTED.items()}
