"""The same plan on Spark: the same differences, row for row, as DuckDB. Needs Java and the spark lock."""

import pytest

from days_kit import SIDES, generate, read_side
from recon_kit import AS_OF, compare, sides
from storno.recon.collect import imported, read_fees
from storno.recon.rules import EXAMPLES
from storno.recon.run import reconcile
from storno.recon.sides import BooksFile, Effort, Options, Sides

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]
pytest.importorskip("pyspark", reason="needs the spark lock: make spark")


@pytest.fixture(scope="module")
def session():
    from pyspark.sql import SparkSession

    made = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    yield made
    made.stop()


def same(world, options, session, effort=None):
    from storno.recon.engines.spark import SparkEngine

    duck = compare(world, options, effort)
    with SparkEngine(session) as engine:
        spark = reconcile(world, options, engine, effort)
    assert spark.table.cast(duck.table.schema).to_pylist() == duck.table.to_pylist()
    assert spark.accounts == duck.accounts
    assert spark.bridges == duck.bridges
    assert spark.reasons == duck.reasons
    assert spark.passes == duck.passes
    assert spark.within == duck.within
    assert spark.notes == duck.notes
    return duck


@pytest.mark.parametrize("digest", [False, True])
def test_spark_finds_what_duckdb_finds_on_a_generated_day(tmp_path, session, digest):
    plan, _ = generate(tmp_path, damaged=0.02, formats=("coma", "wechat", "alipay", "camt"))
    home = tmp_path / "home"
    home.mkdir()
    for side in SIDES:
        read_side(plan, side, home)
    options = Options(as_of="20261130", fees=read_fees(plan.out / "books" / "fees.csv"))
    books = tuple(BooksFile(one, "0") for one in sorted((plan.out / "books").glob("*.parquet")))
    effort = Effort(digest=digest, buckets_log2=12)
    result = same(Sides(books, *imported(home, options)), options, session, effort)
    assert result.count("finding") >= 22 * 3


def test_spark_judges_an_example_like_duckdb(tmp_path, session):
    one = EXAMPLES["fee_mismatch"][0]
    world = sides(tmp_path, books=one.books, terminal=one.terminal, network=one.network, bank=one.bank)
    result = same(world, Options("20261102", "20261102", AS_OF), session)
    assert result.count("finding") == 1
    assert [one.rows for one in result.within] == [6, 6]
    assert [one.code for one in result.notes] == ["rates"]


def test_a_hash_of_a_hash_keeps_its_64_bits():
    from storno.recon.engines.spark import carried_over

    sql = carried_over("SELECT hash(hash(rrn, tid)) >> 20 AS d FROM books")
    assert sql.upper().count("XXHASH64(") == 2
    assert "HASH(" not in sql.upper().replace("XXHASH64(", "")
