"""What is stored beside our books, and what they add up to: texts for whoever writes them down.

Rule: a transaction that agrees with its line in everything has the line's `row_hash` (`statements.digest`), and one
that no line has to agree with has none. Over the raw columns of the journal's transactions.
"""

from __future__ import annotations

from storno.recon.pair import BOOKS_HASHES
from storno.recon.steps.sides import BOOKS_KLASS, shaped_books
from storno.statements.digest import NETWORK_VALUES, TERMINAL_VALUES, UNLIKE, key_hash, row_hash

_PAYS = "kind IN ('sale', 'completion', 'completion_advice')"
_COUNTS = f"position = 'effect' AND ({_PAYS} OR kind IN ('refund', 'void', 'completion_void'))"
_EFFECT = f"CASE WHEN {_PAYS} THEN 1 ELSE -1 END * coalesce(approved_minor, amount_minor)"
_TERMINAL_KEY = 'tid, stan, "date"'
_NETWORK = row_hash("rrn", (BOOKS_KLASS, _EFFECT, "currency", '"date"', "1", *NETWORK_VALUES))
_TERMINAL = f"{row_hash(_TERMINAL_KEY, (BOOKS_KLASS, _EFFECT, 'currency', *TERMINAL_VALUES))} + {UNLIKE}"

HASHES = {
    "key_hash_n": f"CASE WHEN rrn = '' THEN -1 ELSE {key_hash('rrn')} END",
    "row_hash_n": f"CASE WHEN {_COUNTS} AND rrn <> '' THEN {_NETWORK} END",
    "key_hash_t": key_hash(_TERMINAL_KEY),
    "row_hash_t": f"CASE WHEN {_COUNTS} AND told = 'approved' THEN {_TERMINAL} END",
}
_UNHASHED = ", ".join(f"NULL AS {one}" for one in BOOKS_HASHES)
_WRITTEN = shaped_books(f"(SELECT *, {_UNHASHED} FROM written) AS w")  # noqa: S608 - our own text
TOTALS_OF_BOOKS = f"""
SELECT klass, position, told, currency, day, count(*), CAST(sum(effect) AS BIGINT) FROM ({_WRITTEN}) GROUP BY ALL
"""  # noqa: S608 - our own text
"""What the transactions of a file add up to: class, position, told, currency, day, rows, effect."""
