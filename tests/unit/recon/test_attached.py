"""Sums and rates attached to files: the same rows go on and the same is found as without them."""

import random
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from recon_kit import AS_OF, compare, found, proved, sides
from storno.recon import carried
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.result import Verdict
from storno.recon.rules._example import line, sale, undone
from storno.recon.run import reconcile
from storno.recon.sides import Effort, FeeRate, Options
from storno.statements import attached, bucket_sums, digester, fee_notes
from storno.statements.bucket_sums import BucketSums, unequal
from storno.statements.digest import KEY_BITS
from storno.statements.digester import DigestedFile

pytestmark = pytest.mark.unit
MANY = range(1, 3_001)
EFFORT = Effort(threads=2, digest=True, buckets_log2=12)


@contextmanager
def from_row(rows):
    """Attach sums and notes to files from so many rows on, as many sums as there can be."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket_sums, "FROM_ROWS", rows)
        patch.setattr(bucket_sums, "ROWS_PER_SUM", 1)
        patch.setattr(fee_notes, "FROM_ROWS", rows)
        patch.setattr(fee_notes, "MANY_ODD", 4)
        yield


def rate(merchant, number):
    """Give a merchant's rate: one changes it early in the day, the others keep theirs."""
    return (38 if number < 500 else 60) if merchant == 5 else 40 + merchant


def amount(merchant, number):
    """Give an amount: of one merchant all are small."""
    return 300 + number % 97 if merchant == 3 else 20_000 + 137 * (number % 1_000)


def fee(merchant, number):
    """Give the fee; every 90th line of most has another one."""
    return -((amount(merchant, number) * rate(merchant, number) + 5_000) // 10_000) - (number % 90 == 0)


def world(folder, *, stored, books=None, turned=False, **more):
    """Make a day of seven merchants in which some lines differ, with fees that break the rate here and there.

    The lines of the merchant that changes its rate come first at the old one, last at the new one.
    """
    at = {one: 1 + one % 6 if one != 17 else 9 for one in MANY}
    mids = {one: f"{at[one]:015d}" for one in MANY}
    odd = {0: {"amount_minor": 995}, 50: {"mid": "000000000000099"}, 100: {"settled_on": "20261104"},
           150: {"mark": "reversed"}, 200: {"stan": "000000", "rrn": ""}}  # fmt: skip
    lines = [
        line(one, **{"amount_minor": amount(at[one], one), "fee_minor": fee(at[one], one), "mid": mids[one],
                     **odd.get(one % 250, {})}) for one in MANY
    ]  # fmt: skip
    lines += [line(one, amount(at[one], one), fee_minor=fee(at[one], one), mid=mids[one])
              for one in MANY if one % 250 == 25]  # fmt: skip
    shown = [line(one, amount(at[one], one), batch="000001", mid=mids[one],
                  **({"mark": "voided"} if one == 7 else {})) for one in MANY]  # fmt: skip
    ours = [sale(one, amount(at[one], one), mid=mids[one]) for one in MANY if one % 250 != 75]
    ours += [undone(9_000, 700), sale(9_001, 500, kind="void", original="1-000010", rrn="600000000010")]
    lines.sort(key=lambda one: (one["mid"] == "000000000000005") * (1 if int(one["stan"]) >= 500 else -1))
    if turned:
        lines.reverse()
    return sides(folder, books=books or ours, network=lines, terminal=shown, stored=stored, **more)


class Seen(DuckEngine):
    """Remembers which steps were run, and what they chose."""

    def __init__(self, effort):
        super().__init__(effort)
        self.steps = []

    def run(self, step):
        super().run(step)
        self.steps.append(step.name)

    def beside(self):
        other = super().beside()
        other.steps = self.steps
        return other


def looked_at(files, options=None):
    """Reconcile; give the result, the rows that went on, the steps, and the rates."""
    with Seen(EFFORT) as engine:
        result = reconcile(files, options or Options(as_of=AS_OF), engine, EFFORT)
        rows = {
            name: Counter(row[0] for row in engine.rows(f"SELECT {key} FROM {name}"))
            for name, key in (("lines_n", "row_id"), ("lines_t", "row_id"), ("matchable_n", "tx_id"),
                              ("matchable_t", "tx_id"))
        }  # fmt: skip
        return result, rows, engine.steps


def test_the_same_goes_on_and_is_found_with_what_is_attached(tmp_path):
    plain, rows, steps = looked_at(world(tmp_path / "a", stored=False))
    assert "digest_n" in steps
    with from_row(1_000):
        kept, rows_kept, steps_kept = looked_at(world(tmp_path / "b", stored=True))
    assert "digest_n" not in steps_kept
    assert "noted_rates" in steps_kept
    assert kept.table == plain.table
    assert kept.accounts == plain.accounts
    assert kept.bridges == plain.bridges
    assert proved(kept)
    assert {"fee_mismatch", "amount_mismatch", "duplicate_settlement"} <= {rule for rule, _ in found(kept)}
    for name, one in rows.items():
        assert 0 < sum(one.values()) <= sum(rows_kept[name].values()) < len(MANY) // 2, name
        assert one <= rows_kept[name], name  # what a guess took for odd goes on too


def test_lines_in_another_order_are_noted_otherwise_and_found_alike(tmp_path):
    with from_row(500):
        one = world(tmp_path / "a", stored=True)
        other = world(tmp_path / "b", stored=True, turned=True)
    notes = [
        {row["mid"]: row["basis_points"] for row in fee_notes.read(path, fee_notes.RATES).to_pylist()}
        for path in (one.lines[1].path, other.lines[1].path)
    ]
    assert (notes[0]["000000000000005"], notes[1]["000000000000005"]) == (38, 60)
    columns = ["rule", "key", "amount_minor", "finding_id"]
    first, second = (compare(files, effort=EFFORT).table.select(columns) for files in (one, other))
    order = [(name, "ascending") for name in columns]
    assert first.sort_by(order) == second.sort_by(order)


def test_given_rates_go_before_noted_ones(tmp_path):
    options = Options(as_of=AS_OF, fees=(FeeRate("000000000000002", 42), FeeRate("000000000000001", 10)))
    plain = compare(world(tmp_path / "a", stored=False), options, EFFORT)
    with from_row(1_000):
        kept = compare(world(tmp_path / "b", stored=True), options, EFFORT)
    assert kept.table == plain.table
    off = [
        one for one in kept.findings("finding") if one.rule == "fee_mismatch" and one.mid == "000000000000001"
    ]
    assert len(off) > 300


@pytest.mark.parametrize("first", ["20261102", "20261103"])
def test_a_period_that_cuts_rows_off_uses_none_of_it(tmp_path, monkeypatch, first):
    early = [sale(one, 1_000, date="20260901") for one in range(5_000, 5_010)]
    ours = [sale(one, amount(1, one)) for one in MANY]
    options = Options(first=first, last=first, as_of=AS_OF)
    plain = compare(world(tmp_path / "a", stored=False, books=ours + early), options, EFFORT)
    with from_row(1_000):
        files = world(tmp_path / "b", stored=True, books=ours + early)
    with monkeypatch.context() as patch:
        patch.setattr(carried, "unequal", None)  # whoever takes the sums over breaks
        kept, rows, _ = looked_at(files, options)
    assert sum(rows["matchable_n"].values()) < len(MANY)
    assert kept.accounts == plain.accounts
    assert kept.table == plain.table


def test_sums_that_hide_a_difference_end_incomplete(tmp_path):
    """A line of another amount in a file that carries the sums of an honest one."""
    honest = [line(one, 1_000) for one in MANY]
    bent = [line(one, 1_000 + (one == 10)) for one in MANY]
    books = [sale(one, 1_000) for one in MANY]
    shown = [line(one, 1_000, batch="000001") for one in MANY]
    with from_row(1_000):
        true = sides(tmp_path / "a", books=books, terminal=shown, network=honest, stored=True)
        lying = sides(tmp_path / "b", books=books, terminal=shown, network=bent, stored=True)
    assert ("amount_mismatch", 1) in found(compare(lying, effort=EFFORT))
    sums = attached.read(true.lines[1].path, "key_hash")
    path = lying.lines[1].path
    rows = pq.read_table(path)
    said = dict(pq.read_metadata(path).metadata)
    with pa.OSFile(str(path), "wb") as out, pq.ParquetWriter(out, rows.schema) as file:
        file.write_table(rows)
        said[attached.PLACES.encode()] = attached.written(out, {"key_hash": sums}).encode()
        file.add_key_value_metadata(said)
    result = compare(lying, effort=EFFORT)
    assert ("amount_mismatch", 1) not in found(result)
    assert result.verdict is Verdict.INCOMPLETE
    assert "bridge" in {one.code for one in result.reasons}


def test_sums_of_another_making_are_not_looked_at(tmp_path, monkeypatch):
    plain = compare(world(tmp_path / "a", stored=False), effort=EFFORT)
    with from_row(1_000), monkeypatch.context() as elsewhere:
        elsewhere.setattr(digester, "HASHING", "another version, 1")
        files = world(tmp_path / "b", stored=True)
    kept, _, steps = looked_at(files)
    assert "digest_n" in steps
    assert kept.table == plain.table


def rows_of(draw):
    """Make keys' hashes and row hashes, some of them missing."""
    keys = st.integers(-1, (1 << KEY_BITS) - 1)
    return st.lists(st.tuples(keys, st.none() | st.integers(0, 1 << 44)), min_size=draw, max_size=300)


@settings(deadline=None)
@drawn(rows_of(1), rows_of(0), st.integers(1, 4))
def test_sums_differ_where_rows_do(tmp_path_factory, ours, more, pieces):
    """Files of the same rows in other pieces have the same sums; others differ just where their rows do."""
    folder = tmp_path_factory.mktemp("sums")
    theirs = [*ours, *more]
    random.Random(1).shuffle(theirs)
    with from_row(1):
        a = stored(folder / "a.parquet", ours, 1)
        b = stored(folder / "b.parquet", theirs, pieces)
    log2, table = unequal([(a, "key_hash")], [(b, "key_hash")])
    assert log2 == len(ours).bit_length()
    total = Counter()
    for key, hashed in more:
        if hashed is not None:
            total[max(key, -1) >> (KEY_BITS - log2)] += hashed
    buckets = {bucket % (1 << log2) for bucket, added in total.items() if added}
    assert set(table.column("b").to_pylist()) == buckets


def stored(path, rows, pieces):
    """Write rows with their hashes as they are given."""
    with DigestedFile(path, {"key_hash": "k", "row_hash": "h"}, "SELECT 1, count(*), 0 FROM written") as out:
        for at in range(pieces):
            some = rows[at::pieces]
            keys = pa.array([key for key, _ in some], pa.int32())
            out.write(pa.table({"k": keys, "h": pa.array([hashed for _, hashed in some], pa.int64())}))
    return path


def test_a_file_of_few_rows_carries_nothing_and_is_read_all_the_same(tmp_path):
    files = world(tmp_path / "a", stored=True)
    path = files.lines[1].path
    assert attached.read(path, "key_hash") is None
    assert fee_notes.read(path, fee_notes.RATES) is None
    assert unequal([(path, "key_hash")], [(path, "key_hash")]) is None
    assert proved(compare(files, effort=EFFORT))


def test_sums_of_several_files_are_taken_as_coarse_as_the_coarsest():
    fine, coarse = np.arange(16, dtype=np.int64), np.arange(4, dtype=np.int64)
    assert bucket_sums.folded(fine, 2).tolist() == [6, 22, 38, 54]
    assert bucket_sums.folded(coarse, 2).tolist() == [0, 1, 2, 3]
    assert BucketSums().done() is None


def test_readers_of_rows_see_nothing_of_what_is_attached(tmp_path):
    with from_row(1_000):
        with_parts = world(tmp_path / "a", stored=True).lines[1].path
    without = world(tmp_path / "b", stored=True).lines[1].path
    assert attached.read(with_parts, "key_hash")
    assert pq.read_table(with_parts) == pq.read_table(without)


def test_a_file_that_somebody_wrote_anew_carries_nothing(tmp_path):
    """Who copies what a footer said: of fewer rows it is not true, and what was attached is not where it says."""
    plain = compare(world(tmp_path / "a", stored=False), effort=EFFORT)
    with from_row(1_000):
        files = world(tmp_path / "b", stored=True)
    for path in (files.lines[1].path, files.books[0].path):
        copied = pq.read_table(path).replace_schema_metadata(pq.read_metadata(path).metadata)
        pq.write_table(copied, path, compression="zstd")
        assert attached.PLACES.encode() in pq.read_metadata(path).metadata
        assert digester.is_hashed(path)
        assert attached.read(path, "key_hash") is attached.read(path, "key_hash_n") is None
    assert compare(files, effort=EFFORT).table == plain.table
    few = pq.read_table(files.books[0].path)
    pq.write_table(few.slice(0, 2_000), files.books[0].path)
    assert not digester.is_hashed(files.books[0].path)
    assert digester.totals_of([files.books[0].path]) is None
    result = compare(files, effort=EFFORT)
    assert proved(result)
    assert found(result) != found(plain)
