"""Reading signals from a file: Parquet or CSV with the columns of docs/diagnosis.md, one row per transaction.

A column that is missing is a signal that is not known; a column that is not known is left alone. Raises `Trouble` with
the place; must not judge what it reads.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storno.cli.text import t
from storno.cli.trouble import Trouble
from storno.diagnosis.signals import Signals, Software

_TEXTS = {
    "tid": "tid", "issuer": "issuer", "carrier": "carrier", "model": "model", "version": "version", "site": "site",
    "operator": "operator", "entry_mode": "entry_mode", "response": "response", "reversal_reason": "reason",
    "local": "local",
}  # fmt: skip
_NUMBERS = {
    "amount_minor": "amount_minor", "rssi_dbm": "rssi_dbm", "link_errors": "link_errors",
    "read_errors": "read_errors", "restarts_today": "restarts", "sign_in_hours": "sign_in_hours",
    "ms_connect": "connect_ms", "ms_host": "host_ms", "ms_issuer": "issuer_ms", "timer_ms": "timer_ms",
    "age_days": "age_days",
}  # fmt: skip
_FLAGS = {"card_removed": "card_removed", "cancel_key": "cancel_key"}
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Releases:
    """Which software versions are allowed; one that is in neither list is unofficial. Empty: nothing is known."""

    current: frozenset[str] = frozenset()
    old: frozenset[str] = frozenset()

    def of(self, version: str | None) -> Software | None:
        """Say how a version stands; None when it or the lists are not known."""
        if not version or not (self.current or self.old):
            return None
        if version in self.current:
            return Software.CURRENT
        return Software.OLD if version in self.old else Software.UNOFFICIAL


NO_RELEASES = Releases()


def read_signals(
    path: Path, releases: Releases = NO_RELEASES, only: frozenset[str] | None = None
) -> Iterator[Signals]:
    """Read a file of signals, row by row in its order; `only` keeps to some transactions.

    Raises:
        Trouble: it cannot be read, has no `tx_id` and `at_ms`, or a value is not what its column holds.

    """
    rows = _csv(path) if path.suffix.lower() == ".csv" else _parquet(path, only)
    for number, row in enumerate(rows, 1):
        try:
            if only is None or row["tx_id"] in only:
                yield signals_of(row, releases)
        except (KeyError, ValueError, TypeError) as error:
            raise Trouble(
                t(f"row {number} cannot be read: {error}", f"第 {number} 行无法读取：{error}"),
                where=str(path),
                todo=t("see the columns in docs/diagnosis.md", "列的说明见 docs/diagnosis.zh-CN.md"),
            ) from None


def signals_of(row: Mapping[str, Any], releases: Releases = NO_RELEASES) -> Signals:
    """Make signals of a row of columns."""
    made: dict[str, Any] = {}
    for column, name in _TEXTS.items():
        value = row.get(column)
        made[name] = None if value is None else str(value)
    for column, name in _NUMBERS.items():
        value = row.get(column)
        made[name] = None if value in (None, "") else int(value)
    for column, name in _FLAGS.items():
        made[name] = _flag(row.get(column), column)
    number = row.get("card_no")
    card = row.get("card") or None if number is None else f"#{number}"
    return Signals(
        tx_id=str(row["tx_id"]), at_ms=int(row["at_ms"]), kind=str(row.get("kind") or "sale"), card=card,
        software=releases.of(made["version"]), original=str(row.get("original") or ""), **made,
    )  # fmt: skip


def _flag(value: object, column: str) -> bool | None:
    if value is None or value == "" or isinstance(value, bool):
        return value if isinstance(value, bool) else None
    word = str(value).lower()
    if word in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError(f"{column} holds {word!r}, not true or false")


def _csv(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def _parquet(path: Path, only: frozenset[str] | None) -> Iterable[Mapping[str, Any]]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.compute as pc  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise Trouble(
            t("not a Parquet file", "不是 Parquet 文件") + f" ({type(error).__name__})", where=str(path)
        ) from None
    wanted = None if only is None else pa.array(sorted(only), pa.string())
    for batch in file.iter_batches(batch_size=16_384):
        some = batch
        if wanted is not None and "tx_id" in batch.schema.names:
            some = batch.filter(pc.is_in(batch.column("tx_id").cast(pa.string()), wanted))
        yield from some.to_pylist()
