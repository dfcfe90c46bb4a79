"""The differences as an accountant reads them: a CSV with all of them, and a workbook with the largest.

Rule: amounts stand in the unit of their currency, exactly, beside the minor units they come from; no text that came in
a file can become a formula. No clock and no path goes in: the same result gives the same bytes.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from storno.money import exponent_of
from storno.recon.finding import WHOSE, Leg, Sureness
from storno.recon.rules import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from storno.recon.result import Result

ROWS_MOST = 20_000
"""Differences in the workbook at the most, the largest sums first; Parquet and CSV have them all."""
HEADER = (
    "what", "finding_id", "rule", "differs", "差错", "leg", "amount", "currency", "expected", "found", "date",
    "settled_on", "mid", "tid", "rrn", "tx_id", "sure", "how_sure", "把握", "whose", "责任方", "next_step", "下一步",
    "key", "lines", "matched_by", "amount_minor", "expected_minor", "found_minor",
)  # fmt: skip
"""Columns of both. `amount`, `expected`, `found` are in units of the currency (yuan), the last three in minor ones."""
_CHINESE = {
    "what": "状态", "finding_id": "编号", "rule": "规则", "leg": "核对", "amount": "金额（正长款，负短款）",
    "currency": "币种", "expected": "应有", "found": "实有", "date": "交易日", "settled_on": "对方日期",
    "mid": "商户号", "tid": "终端号", "rrn": "检索参考号", "tx_id": "本方交易", "key": "对象", "lines": "文件行",
    "matched_by": "匹配方式", "amount_minor": "金额（最小单位）",
    "expected_minor": "应有（最小单位）", "found_minor": "实有（最小单位）",
}  # fmt: skip
_WIDE = {
    "differs": 26,
    "差错": 22,
    "next_step": 60,
    "下一步": 60,
    "key": 40,
    "lines": 30,
    "how_sure": 30,
    "把握": 30,
}
_WIDTH = 14
LISTS = (("differences 差异", "finding"), ("provisional 暂列", "provisional"), ("held 待匹配", "held"))
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, full-width forms among them."""

_ENDS = (
    (("our books", "本方账目"), ("cleared", "清算")),
    (("due from clearing", "清算应付"), ("paid by the bank", "银行实付")),
)
"""Both ends of the bridge: from our books to the clearing, and from there to the bank."""
_APART = {
    "held": ("wait", "等待"), "outside": ("outside the period", "期间之外"),
    "uncovered": ("no file to compare with", "无对应文件"),
}  # fmt: skip
_UNEXPLAINED = ("unexplained", "未解释")
_SIDES = (("their side", "对方"), ("our books", "本方"))

Row = tuple[Any, ...]


def major(minor: int | None, currency: str) -> Decimal | None:
    """Give an amount in units of its currency, exactly, with all of its places."""
    return None if minor is None else Decimal(minor).scaleb(-exponent_of(currency))


def row_of(row: dict[str, Any]) -> Row:
    """Give a row of the result in the order of `HEADER`."""
    rule = RULES[row["rule"]]
    sure = rule.how_sure(Sureness(row["sure"]), row["matched_by"])
    next_step = rule.words(row["amount_minor"], row["matched_by"]).next_step
    whose = WHOSE[rule.whose]
    more = {
        "differs": rule.title[0], "差错": rule.title[1], "next_step": next_step[0], "下一步": next_step[1],
        "how_sure": sure[0], "把握": sure[1], "whose": whose[0], "责任方": whose[1],
    }  # fmt: skip
    amounts = {name: major(row[f"{name}_minor"], row["currency"]) for name in ("amount", "expected", "found")}
    both = row | more | amounts
    return tuple(both[name] for name in HEADER)


def write_csv(path: Path, rows: list[Row]) -> None:
    """Write all rows. The mark in front lets a spreadsheet know that it is UTF-8: without it Chinese turns to junk."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, lineterminator="\r\n")
        out.writerow(HEADER)
        out.writerows([_harmless(one) for one in row] for row in rows)


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula; a number may begin with its minus."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def write_xlsx(path: Path, rows: list[Row], result: Result) -> None:
    """Write the summary with reasons and proof, and one sheet each of what is found, provisional and held."""
    import xlsxwriter  # type: ignore[import-untyped]

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties(
        {"title": f"Storno {result.run_id}", "created": datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)}
    )
    formats = {n: book.add_format({"num_format": "#,##0" + ("." + "0" * n if n else "")}) for n in (0, 2, 3)}
    bold = book.add_format({"bold": True})
    sheet = book.add_worksheet("summary 汇总")
    for at, line in enumerate(_summary(result)):
        for column, value in enumerate(line):
            amount = isinstance(value, Decimal)
            sheet.write(at, column, value, formats[exponent_of(line[4])] if amount else None)
    sheet.set_column(0, 6, 18)
    for name, what in LISTS:
        mine = [row for row in rows if row[0] == what]
        if mine or what == "finding":
            _list(book, name, mine, bold, formats)
    book.close()


def _summary(result: Result) -> list[Row]:
    lines: list[Row] = [
        ("verdict 结论", result.verdict.value), ("period 期间", f"{result.first} - {result.last}"),
        ("as of 截至", result.as_of), *(("as of 截至", day, leg.value) for leg, day in result.as_of_apart),
        *(("reason 原因", one.code, one.english, one.chinese) for one in result.reasons),
        *(("note 说明", one.code, one.english, one.chinese) for one in result.notes), (),
        ("what", "leg", "differs", "差错", "currency 币种", "count 笔数", "amount 金额"),
    ]  # fmt: skip
    for what in ("finding", "provisional", "held"):
        for leg, rule, currency, count, minor in result.summary(what):
            lines.append((what, leg, *RULES[rule].title, currency, count, major(minor, currency)))
    lines += [(), ("proof 证明", "leg", "sum", "合计", "currency 币种", "rows 行数", "amount 金额")]
    for one in result.bridges:
        ours, theirs = _ENDS[one.leg is Leg.BANK]
        parts = ((RULES[name].title if name in RULES else _APART[name], minor) for name, minor in one.parts)
        for words, minor in (
            (ours, one.books_minor), *parts, (theirs, one.outside_minor), (_UNEXPLAINED, one.residual_minor),
        ):  # fmt: skip
            lines.append(("bridge", one.leg.value, *words, one.currency, "", major(minor, one.currency)))
    for mine in result.within:
        words = _SIDES[mine.side == "books"]
        for currency, minor in mine.sums:
            lines.append(
                ("in period 期间内", mine.leg.value, *words, currency, mine.rows, major(minor, currency))
            )
    return lines


def _list(book: Any, name: str, rows: list[Row], bold: Any, formats: dict[int, Any]) -> None:
    sheet = book.add_worksheet(name)
    for column, title in enumerate(HEADER):
        sheet.set_column(column, column, _WIDE.get(title, _WIDTH))
        sheet.write(0, column, f"{title} {_CHINESE[title]}" if title in _CHINESE else title, bold)
    sheet.freeze_panes(1, 0)
    place, currency = HEADER.index("amount_minor"), HEADER.index("currency")
    largest = sorted(range(len(rows)), key=lambda at: (-abs(rows[at][place]), at))[:ROWS_MOST]
    for at, row in enumerate(sorted(largest), 1):
        number = formats[exponent_of(rows[row][currency])]
        for column, value in enumerate(rows[row]):
            sheet.write(at, column, value, number if isinstance(value, Decimal) else None)
    if len(rows) > ROWS_MOST:
        sheet.write(
            ROWS_MOST + 1, 0, f"{len(rows) - ROWS_MOST} more in differences.csv / 其余见 differences.csv"
        )
    else:
        sheet.autofilter(0, 0, max(1, len(rows)), len(HEADER) - 1)
