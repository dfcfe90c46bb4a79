"""What a run leaves behind: the differences as Parquet, CSV and XLSX, and a manifest with inputs, proof and verdict.

Rule: written beside its place and moved there whole; the folder's name is the run's identity, so the same run again
finds its folder and changes nothing. No clock and no path goes in: the same inputs give the same bytes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.money import CURRENCIES
from storno.recon.earlier import Earlier
from storno.recon.identity import inputs, settings
from storno.recon.rules import RULES, RULES_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.recon.result import Result
    from storno.recon.sides import Options, Sides

FOLDER = "reconciliations"
MANIFEST = "manifest.json"
SHEET_ROWS = 20_000
"""Differences in the XLSX at the most, the largest sums first; Parquet and CSV have them all."""
HEADER = (
    "what", "finding_id", "rule", "differs", "差错", "leg", "key", "amount_minor", "currency", "sure", "settled_on",
    "date", "mid", "tid", "rrn", "tx_id", "lines", "matched_by", "expected_minor", "found_minor", "next_step", "下一步",
)  # fmt: skip
_MANIFEST_FORMAT = 1
_FORMULA = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
"""What a spreadsheet takes for the beginning of a formula, full-width forms among them."""


def folder_of(base: Path, result: Result) -> Path:
    """Give the folder of a run."""
    return base / f"{result.first or '0'}-{result.last or '0'}-{result.run_id}"


def write(base: Path, result: Result, sides: Sides, options: Options) -> Path:
    """Write a run's folder below `base`; give it. A run that is there already stays as it is."""
    folder = folder_of(base, result)
    if (folder / MANIFEST).exists():
        return folder
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = base / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    try:
        pq.write_table(result.table, draft / "differences.parquet", compression="zstd")
        rows = [_row(row) for row in result.table.to_pylist()]
        _csv(draft / "differences.csv", rows)
        _xlsx(draft / "differences.xlsx", rows, result)
        body = json.dumps(manifest(result, sides, options), ensure_ascii=False, indent=1) + "\n"
        (draft / MANIFEST).write_text(body, encoding="utf-8")
        for one in sorted(draft.iterdir()):
            with one.open("rb+") as file:
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)  # one without a manifest was never finished
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def manifest(result: Result, sides: Sides, options: Options) -> dict[str, Any]:
    """Give what is written of a run: all that its verdict rests on."""
    return {
        "what": "storno reconciliation", "format": _MANIFEST_FORMAT, "run_id": result.run_id,
        "rules_version": RULES_VERSION, "first": result.first, "last": result.last, "as_of": result.as_of,
        "verdict": result.verdict.value,
        "reasons": [{"code": one.code, "en": one.english, "zh": one.chinese} for one in result.reasons],
        "findings": [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary()
        ],
        "held": [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary("held")
        ],
        "rows": [
            {"leg": one.leg.value, "side": one.side, "rows": one.rows, "counted": one.counted, "parts": dict(one.parts)}
            for one in result.accounts
        ],
        "bridges": [
            {"leg": one.leg.value, "currency": one.currency, "books_minor": one.books_minor,
             "outside_minor": one.outside_minor, "parts": dict(one.parts), "residual_minor": one.residual_minor}
            for one in result.bridges
        ],
        "passes": [{"leg": leg.value, "pass": name, "lines": count} for leg, name, count in result.passes],
        "compared": [one.value for one in result.compared],
        "inputs": inputs(sides), "options": settings(options),
    }  # fmt: skip


def _row(row: dict[str, Any]) -> tuple[Any, ...]:
    rule = RULES[row["rule"]]
    more = {
        "differs": rule.title[0],
        "差错": rule.title[1],
        "next_step": rule.next_step[0],
        "下一步": rule.next_step[1],
    }
    both = row | more
    return tuple(both[name] for name in HEADER)


def _csv(path: Path, rows: list[tuple[Any, ...]]) -> None:
    # The mark in front lets a spreadsheet know that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, lineterminator="\r\n")
        out.writerow(HEADER)
        out.writerows([_harmless(one) for one in row] for row in rows)


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in _FORMULA else value


def _xlsx(path: Path, rows: list[tuple[Any, ...]], result: Result) -> None:
    import xlsxwriter  # type: ignore[import-untyped]

    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties(
        {"title": f"Storno {result.run_id}", "created": datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)}
    )
    bold = book.add_format({"bold": True})
    money = {n: book.add_format({"num_format": "#,##0" + ("." + "0" * n if n else "")}) for n in (0, 2, 3)}
    sheet = book.add_worksheet("summary 汇总")
    lines: list[tuple[Any, ...]] = [
        ("verdict 结论", result.verdict.value), ("period 期间", f"{result.first} - {result.last}"),
        ("as of 截至", result.as_of), (),
        ("what", "leg", "differs", "差错", "currency 币种", "count 笔数", "amount 金额"),
    ]  # fmt: skip
    for what in ("finding", "held"):
        for leg, rule, currency, count, minor in result.summary(what):
            title = RULES[rule].title
            lines.append((what, leg, *title, currency, count, minor / 10 ** _exponent(currency)))
    for at, line in enumerate(lines):
        for column, value in enumerate(line):
            sheet.write(at, column, value, money[_exponent(line[4])] if isinstance(value, float) else None)
    sheet.set_column(0, 6, 18)
    for name, what in (("differences 差异", "finding"), ("held 待匹配", "held")):
        _list(book, name, [row for row in rows if row[0] == what], bold)
    book.close()


def _exponent(currency: str) -> int:
    return CURRENCIES.get(currency, ("", 2, ""))[1]


def _list(book: Any, name: str, rows: list[tuple[Any, ...]], bold: Any) -> None:
    sheet = book.add_worksheet(name)
    for column, text in enumerate(HEADER):
        sheet.write(0, column, text, bold)
    sheet.freeze_panes(1, 0)
    place = HEADER.index("amount_minor")
    largest = sorted(range(len(rows)), key=lambda at: (-abs(rows[at][place]), at))[:SHEET_ROWS]
    for at, row in enumerate(sorted(largest), 1):
        for column, value in enumerate(rows[row]):
            sheet.write(at, column, value)
    if len(rows) > SHEET_ROWS:
        sheet.write(
            SHEET_ROWS + 1, 0, f"{len(rows) - SHEET_ROWS} more in differences.csv / 其余见 differences.csv"
        )


def runs(base: Path) -> list[dict[str, Any]]:
    """List the manifests of finished runs, the newest folder last."""
    found = [one for one in base.glob("*/" + MANIFEST) if not one.parent.name.startswith(".")]
    found.sort(key=lambda one: (one.stat().st_mtime_ns, one.parent.name))
    return [json.loads(one.read_text(encoding="utf-8")) | {"folder": str(one.parent)} for one in found]


def last_findings(base: Path) -> Iterator[Earlier]:
    """Give the differences of the run that was finished last."""
    done = runs(base)
    if done:
        table = pq.read_table(Path(done[-1]["folder"]) / "differences.parquet")
        for row in table.to_pylist():
            if row["what"] == "finding":
                yield Earlier(
                    row["finding_id"], row["leg"], row["key"], row["date"] or row["settled_on"], row["rrn"], row["tid"],
                    row["currency"],
                )  # fmt: skip
