"""Tally: a table of counts in CSV, brought into the cells that localisation compares.

Two layouts: one row a time and combination (time, failed, total), or one row a combination with both periods
(failed_before, total_before, failed, total). Everything else is an attribute. Bad rows are refused with their line.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.watch.localise import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

HALF_LIFE = 6.0
"""Periods after which an earlier one weighs half in what is expected."""
_TIME = ("time", "min", "minute", "timestamp", "ts", "period", "时间", "分钟")
_FAILED = ("failed", "failures", "bad", "errors", "value", "失败", "失败笔数")
_TOTAL = ("total", "cnt", "count", "requests", "transactions", "总数", "笔数", "总笔数")
_FAILED_BEFORE = ("failed_before", "before_failed", "bad_before", "之前失败")
_TOTAL_BEFORE = ("total_before", "before_total", "之前总数")
COLUMNS_MAX = 64


class TallyError(ValueError):
    """The table cannot be used: what, where, and what to do, in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True, slots=True)
class Tally:
    """Attributes and cells, and which time was taken for the drop (None in the layout without times)."""

    dims: tuple[str, ...]
    cells: tuple[Cell, ...]
    at: float | None = None
    times: int = 0


@dataclass(frozen=True, slots=True)
class Columns:
    """Names given by the user where the header's own are not known; empty: found by name."""

    time: str = ""
    failed: str = ""
    total: str = ""


def read_tally(text: str, at: float | None = None, columns: Columns | None = None) -> Tally:
    """Read a table. `at` is the time of the drop; without it the period that stands out most from those before.

    Raises:
        TallyError: no header, unknown columns, or a line that is no count.

    """
    columns = columns or Columns()
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [name.strip() for name in next(reader, [])]
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise TallyError(
            f"line {reader.line_num}: {error}; the file must be CSV",
            f"第 {reader.line_num} 行：{error}，文件须为 CSV",
        ) from None
    if not header or len(header) > COLUMNS_MAX or len(set(header)) < len(header):
        raise TallyError(
            f"line 1 must name 1 to {COLUMNS_MAX} different columns",
            f"第 1 行须为 1 至 {COLUMNS_MAX} 个互不相同的列名",
        )
    if not rows:
        raise TallyError("there are no rows under the header", "表头之下没有数据行")
    for line, row in rows:
        if len(row) != len(header):
            raise TallyError(
                f"line {line}: {len(row)} values under {len(header)} columns",
                f"第 {line} 行：{len(row)} 个值，表头有 {len(header)} 列",
            )
    before = _pick(header, "", _FAILED_BEFORE), _pick(header, "", _TOTAL_BEFORE)
    failed = _need(header, columns.failed, _FAILED, "failed")
    total = _need(header, columns.total, _TOTAL, "total")
    if before[0] is not None and before[1] is not None:
        return _wide(header, rows, (before[0], before[1], failed, total))
    time = _need(header, columns.time, _TIME, "time")
    return _long(header, rows, time, failed, total, at)


def _pick(header: Sequence[str], given: str, known: Iterable[str]) -> int | None:
    names = [name.lower() for name in header]
    for name in (given,) if given else known:
        if name.lower() in names:
            return names.index(name.lower())
    return None


def _need(header: Sequence[str], given: str, known: Sequence[str], what: str) -> int:
    place = _pick(header, given, known)
    if place is None:
        tried = given or ", ".join(known)
        raise TallyError(
            f"no column for {what!r} among {', '.join(header)} (looked for {tried}): name it with --{what}",
            f"在列 {', '.join(header)} 中找不到 {what}（查找过 {tried}）：请用 --{what} 指定",
        )
    return place


def _number(text: str, line: int, column: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e15:
        raise TallyError(
            f"line {line}, column {column}: {text!r} is no count",
            f"第 {line} 行 {column} 列：{text!r} 不是计数",
        )
    return value


def _count(
    row: Sequence[str], line: int, header: Sequence[str], failed: int, total: int
) -> tuple[float, float]:
    bad, of = _number(row[failed], line, header[failed]), _number(row[total], line, header[total])
    if bad > of:
        raise TallyError(
            f"line {line}: {bad:g} failed of {of:g}; totals include the failures",
            f"第 {line} 行：失败 {bad:g} 多于总数 {of:g}，总数应包含失败",
        )
    return bad, of


def _dims(header: Sequence[str], used: Iterable[int]) -> list[int]:
    dims = [place for place in range(len(header)) if place not in set(used)]
    if not dims:
        raise TallyError("there is no column besides the counts to compare", "除计数外没有可比较的列")
    return dims


def _wide(
    header: Sequence[str], rows: Sequence[tuple[int, Sequence[str]]], places: tuple[int, int, int, int]
) -> Tally:
    dims = _dims(header, places)
    sums: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0] * 4)
    for line, row in rows:
        cell = sums[tuple(row[dim].strip() for dim in dims)]
        counts = (*_count(row, line, header, *places[:2]), *_count(row, line, header, *places[2:]))
        for place, value in enumerate(counts):
            cell[place] += value
    return Tally(tuple(header[dim] for dim in dims), tuple(_cells(sums)))


def _cells(sums: Mapping[tuple[str, ...], Sequence[float]]) -> Iterator[Cell]:
    for values, (failed_before, total_before, failed, total) in sorted(sums.items()):
        yield Cell(values, failed_before, total_before, failed, total)


def _long(
    header: Sequence[str],
    rows: Sequence[tuple[int, Sequence[str]]],
    time: int,
    failed: int,
    total: int,
    at: float | None,
) -> Tally:
    dims = _dims(header, (time, failed, total))
    counted: list[tuple[float, tuple[str, ...], float, float]] = []
    periods: dict[float, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for line, row in rows:
        when = _number(row[time], line, header[time])
        bad, of = _count(row, line, header, failed, total)
        counted.append((when, tuple(row[dim].strip() for dim in dims), bad, of))
        periods[when][0] += bad
        periods[when][1] += of
    times = sorted(periods)
    if len(times) < 2:
        raise TallyError(
            "one period only: there is nothing before the drop to compare with",
            "只有一个时段，无法与之前比较",
        )
    at = stands_out(periods) if at is None else at
    if at not in periods or at == times[0]:
        raise TallyError(
            f"no rows at {at:g}, or none before it; times are {times[0]:g} to {times[-1]:g}",
            f"时间 {at:g} 没有数据或之前没有数据；数据时间为 {times[0]:g} 至 {times[-1]:g}",
        )
    earlier = [when for when in times if when < at]
    weight = {when: 0.5 ** ((len(earlier) - place) / HALF_LIFE) for place, when in enumerate(earlier)}
    sums: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0] * 4)
    for when, values, bad, of in counted:
        if when == at:
            sums[values][2] += bad
            sums[values][3] += of
        elif when in weight:
            sums[values][0] += bad * weight[when]
            sums[values][1] += of * weight[when]
    return Tally(tuple(header[dim] for dim in dims), tuple(_cells(sums)), at, len(times))


def stands_out(periods: Mapping[float, Sequence[float]]) -> float:
    """Give the period whose rate lies furthest above those before it, measured against their own unrest."""
    times = sorted(periods)
    best, place = float("-inf"), times[-1]
    for number in range(1, len(times)):
        rates = [periods[when][0] / max(periods[when][1], 1.0) for when in times[:number]]
        failed, total = periods[times[number]]
        middle = sorted(rates)[len(rates) // 2]
        unrest = sorted(abs(rate - middle) for rate in rates)[len(rates) // 2]
        chance = (max(middle, 1e-6) / max(total, 1.0)) ** 0.5
        score = (failed / max(total, 1.0) - middle) / (1.5 * unrest + 3 * chance + 0.05 * middle + 1e-9)
        if score > best:
            best, place = score, times[number]
    return place
