"""Hashes and sums kept beside the rows: the same rows go on as without them, and no lie of theirs passes."""

from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_kit import AS_OF, compare, found, proved, sides
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.result import Verdict
from storno.recon.rules._example import line, sale, undone
from storno.recon.run import reconcile
from storno.recon.sides import Effort, Options
from storno.statements import digester

pytestmark = pytest.mark.unit
MANY = range(1, 3_001)
EFFORT = Effort(threads=2, digest=True, buckets_log2=12)


def world(folder, stored, network=None, **more):
    """Make a day in which every fiftieth line has another amount, merchant, day or mark, or is there twice."""
    odd = {0: {"amount_minor": 995}, 50: {"mid": "000000000000009"}, 100: {"settled_on": "20261104"},
           150: {"mark": "reversed"}, 200: {"stan": "000000", "rrn": ""}}  # fmt: skip
    lines = [line(one, **{"amount_minor": 1_000, "fee_minor": -6, **odd.get(one % 250, {})}) for one in MANY]
    lines += [line(one, 1_000, fee_minor=-6) for one in MANY if one % 250 == 25]
    shown = [line(one, 1_000, batch="000001", **({"mark": "voided"} if one == 7 else {})) for one in MANY]
    books = [sale(one, 1_000) for one in MANY if one % 250 != 75] + [undone(9_000, 700)]
    return sides(folder, books=books, network=network or lines, terminal=shown, stored=stored, **more)


def looked_at(given):
    """Reconcile; give the result and which rows the filter let through."""
    with DuckEngine(EFFORT) as engine:
        result = reconcile(given, Options(as_of=AS_OF), engine, EFFORT)
        rows = {
            name: Counter(row[0] for row in engine.rows(f"SELECT {key} FROM {name}"))
            for name, key in (
                ("lines_n", "row_id"),
                ("lines_t", "row_id"),
                ("matchable_n", "tx_id"),
                ("matchable_t", "tx_id"),
            )
        }
        sums = {
            name: sorted(engine.rows(f"SELECT {columns} FROM {name}_totals"))
            for name, columns in (("books", "klass, position, told, currency, day, rows_, effect"),
                                  ("net", "kind, mark, live, moves, currency, day, rows_, amount"),
                                  ("term", "kind, mark, live, moves, currency, day, rows_, amount"))
        }  # fmt: skip
    return result, rows, sums


def test_the_same_rows_go_on_and_the_same_sums_are_held_against_them(tmp_path):
    result, rows, sums = looked_at(world(tmp_path / "a", stored=False))
    other, rows_stored, sums_stored = looked_at(world(tmp_path / "b", stored=True))
    assert rows_stored == rows
    assert all(0 < sum(one.values()) < len(MANY) // 2 for one in rows.values())
    assert sums_stored == sums
    assert other.table == result.table
    assert other.accounts == result.accounts
    assert proved(other)
    assert len({rule for rule, _ in found(other)}) >= 5


def test_a_period_cuts_the_kept_sums_as_it_cuts_the_rows(tmp_path):
    late = [line(one, 1_000, settled_on="20270301", at="20270301100000") for one in range(5_000, 5_010)]
    lines = [line(one, 1_000) for one in MANY] + late
    options = Options(first="20261102", last="20261102", as_of=AS_OF)
    plain = compare(world(tmp_path / "a", stored=False, network=lines), options, EFFORT)
    kept = compare(world(tmp_path / "b", stored=True, network=lines), options, EFFORT)
    assert kept.accounts == plain.accounts
    assert kept.bridges == plain.bridges
    assert next(one for one in kept.accounts if one.side == "network").rows == len(MANY)


def test_hashes_of_another_making_are_not_looked_at(tmp_path, monkeypatch):
    plain = compare(world(tmp_path / "a", stored=False), effort=EFFORT)
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(digester, "HASHING", "another version, 1")
        given = world(tmp_path / "b", stored=True)
    path = given.lines[1].path
    _lie(path, everything=True)
    assert compare(given, effort=EFFORT).table == plain.table


def _lie(path, everything=False):
    """Give rows hashes that are not theirs, and leave all else as it was."""
    table = pq.read_table(path)
    hashes = table.column("row_hash").to_pylist()
    changed = [one and one + 1 for one in hashes] if everything else [1, *hashes[1:]]
    place = table.schema.get_field_index("row_hash")
    table = table.set_column(place, table.schema.field(place), pa.array(changed, pa.int64()))
    pq.write_table(table.replace_schema_metadata(pq.read_metadata(path).metadata), path)


def test_a_wrong_hash_only_costs_a_second_look(tmp_path):
    plain = compare(world(tmp_path / "a", stored=False), effort=EFFORT)
    given = world(tmp_path / "b", stored=True)
    _lie(given.lines[1].path)
    result = compare(given, effort=EFFORT)
    assert result.table == plain.table
    assert proved(result)


def test_hashes_that_hide_a_difference_end_incomplete(tmp_path):
    """A line of another amount that carries its transaction's hash: the money it hides is missing from the bridge."""
    honest = world(tmp_path / "a", stored=True, network=[line(one, 1_000) for one in MANY])
    bent = world(tmp_path / "b", stored=True, network=[line(one, 1_000 + (one == 10)) for one in MANY])
    truth = pq.read_table(honest.lines[1].path).column("row_hash")
    table = pq.read_table(bent.lines[1].path)
    place = table.schema.get_field_index("row_hash")
    lying = table.set_column(place, table.schema.field(place), truth)
    pq.write_table(
        lying.replace_schema_metadata(pq.read_metadata(bent.lines[1].path).metadata), bent.lines[1].path
    )
    result = compare(bent, effort=EFFORT)
    assert ("amount_mismatch", 1) not in found(result)
    assert result.verdict is Verdict.INCOMPLETE
    assert "bridge" in {one.code for one in result.reasons}
