"""The filter: how few rows go on, and that a difference is among them on either leg."""

import pytest

from recon_kit import AS_OF, found, proved, sides
from storno.recon.engines.duckdb import DuckEngine
from storno.recon.rules._example import line, sale
from storno.recon.run import reconcile
from storno.recon.sides import Effort, Options

pytestmark = pytest.mark.unit
SALES, BENT = 16_000, 40


def opened(folder, buckets_log2):
    """Reconcile sales, the first forty with another amount outside; give the result and how many lines went on."""
    world = sides(
        folder,
        books=[sale(number, 1_000) for number in range(1, SALES + 1)],
        network=[line(number, 1_000 + 5 * (number <= BENT)) for number in range(1, SALES + 1)],
        terminal=[
            line(number, 1_000 + 7 * (number <= BENT), batch="000001", mark="none")
            for number in range(1, SALES + 1)
        ],
    )
    effort = Effort(threads=2, digest=True, buckets_log2=buckets_log2)
    with DuckEngine(effort) as engine:
        result = reconcile(world, Options(as_of=AS_OF), engine, effort)
        counts = [engine.rows(f"SELECT count(*) FROM lines_{s}")[0][0] for s in "nt"]
    return result, counts


def test_few_rows_go_on_that_agree(tmp_path):
    result, counts = opened(tmp_path, buckets_log2=12)
    assert proved(result)
    assert found(result).count(("amount_mismatch", 5)) == BENT
    # One bucket holds four sales and a fine one a quarter: with coarse buckets alone some 190 lines would go on.
    assert all(BENT <= count < 2 * BENT for count in counts)
