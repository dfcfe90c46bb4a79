"""Putting hints beside deposits that differ: the lines of their groups are fetched once, for a bounded number of them.

Rule: a hint adds its lines and its name to a finding and changes nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]

from storno.recon.hints import ONE_OF, explain

if TYPE_CHECKING:
    from storno.recon.engines.base import Engine

MOST_DEPOSITS = 200
_LINES = """
SELECT a.key, n.row_id, coalesce(n.net, n.amount + n.fee) AS net FROM net AS n
    JOIN hints_asked AS a ON n.mid = a.mid AND n.day = a.day AND n.currency = a.currency
WHERE n.live = 1 AND n.kind NOT IN ('preauth', 'deposit', 'other') ORDER BY a.key, n.row_id
"""


def hinted(engine: Engine, table: pa.Table) -> pa.Table:
    """Give the table with hints: at most for the 200 largest differences of deposits."""
    rows = table.to_pydict()
    asked = [
        at for at, leg in enumerate(rows["leg"])
        if leg == "bank" and rows["what"][at] == "finding" and rows["lines"][at] and rows["expected_minor"][at]
    ]  # fmt: skip
    asked = sorted(asked, key=lambda at: (-abs(rows["amount_minor"][at]), rows["key"][at]))[:MOST_DEPOSITS]
    if not asked:
        return table
    columns = {"key": "text", "mid": "text", "day": "text", "currency": "text"}
    engine.table("hints_asked", columns, (
        (rows["key"][at], rows["mid"][at], rows["date"][at], rows["currency"][at]) for at in asked
    ))  # fmt: skip
    lines: dict[str, list[tuple[str, int]]] = {}
    for key, row_id, net in engine.rows(_LINES):
        lines.setdefault(str(key), []).append((str(row_id), int(net)))
    engine.drop(("hints_asked",))
    for at in asked:
        mine = lines.get(rows["key"][at], [])
        # A deposit for several days is compared with all of them; the lines here are those of its last day only.
        if len(mine) > ONE_OF or sum(net for _, net in mine) != rows["expected_minor"][at]:
            continue
        hint = explain(rows["found_minor"][at] - rows["expected_minor"][at], mine)
        if hint:
            rows["lines"][at] = " ".join((rows["lines"][at], *hint.lines))
            rows["matched_by"][at] = f"{rows['matched_by'][at]} ({hint.name}?)"
    return pa.table(rows, schema=table.schema)
