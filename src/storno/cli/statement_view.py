"""How `storno statement` shows a proposal, a list and a trial reading: tables that fit Chinese and English.

Prints what it is given and decides nothing. Must not read files.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from storno.cli.import_words import no_rows
from storno.cli.text import t
from storno.cli.width import cells, pad
from storno.money import Money
from storno.statements.line import Reject, StatementLine
from storno.statements.line_words import KINDS, MARKS, ROLES
from storno.statements.total_words import currency_of_all, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.cli.statement import Seen
    from storno.statements.base import Format, Traits
    from storno.statements.line import Part
    from storno.statements.propose import Proposal

PREVIEW = 5
CELL_WIDTH = 26
TOTALS_SHOWN = 20


def table(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...]) -> None:
    """Print rows in columns as wide as their widest cell."""
    everything = [heads, *rows]
    widths = [max(cells(row[place]) for row in everything) for place in range(len(heads))]
    for number, row in enumerate(everything):
        text = "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(text, bold=True) if not number else text)


def show(proposal: Proposal, file: str, out: str | None) -> None:
    """Print a proposal: what was seen, each column, the TOML, the first rows as read, the doubts."""
    sample = proposal.sample
    delimiter = {"\t": "tab", "": "-"}.get(sample.delimiter, sample.delimiter)
    click.echo(
        t(
            f"{file}: {sample.layout}, encoding {sample.encoding}, delimiter {delimiter}, "
            f"header in row {sample.header_line}, {len(sample.rows)} rows looked at",
            f"{file}：{sample.layout}，编码 {sample.encoding}，分隔符 {delimiter}，表头在第 {sample.header_line} 行，"
            f"查看了 {len(sample.rows)} 行",
        )
    )
    click.echo()
    rows = [
        (
            str(one.place), _cut(one.name), one.member or "-", f"{one.sure}%" if one.member else "",
            t(one.english, one.chinese), _cut(" | ".join(one.samples)),
        )
        for one in proposal.columns
    ]  # fmt: skip
    heads = (
        "#",
        t("column", "列"),
        t("becomes", "对应"),
        t("sure", "把握"),
        t("why", "依据"),
        t("values", "取值"),
    )
    table(rows, heads)
    click.echo()
    if out:
        click.echo(t(f"Mapping written to {out}", f"映射已写入 {out}"))
    else:
        click.echo(proposal.toml)
    _preview(proposal.preview)
    click.echo()
    if not proposal.doubts:
        click.echo(t("No doubts.", "没有疑点。"))
    for number, doubt in enumerate(proposal.doubts, 1):
        click.echo(t(f"Doubt {number}: {doubt.english}", f"疑点 {number}：{doubt.chinese}"))
    click.echo(
        t(
            f"Next: storno statement check {file} --mapping {out or 'FILE.toml'}",
            f"下一步：storno statement check {file} --mapping {out or '文件.toml'}",
        )
    )


def _preview(preview: Sequence[Part]) -> None:
    lines = [part for part in preview if isinstance(part, StatementLine)]
    rejects = [part for part in preview if isinstance(part, Reject)]
    _lines(lines[:PREVIEW])
    _rejects(rejects[:PREVIEW])


def _lines(lines: Sequence[StatementLine]) -> None:
    if not lines:
        return
    rows = [
        (
            str(one.line_no), t(*KINDS[one.kind]), str(Money(one.amount_minor, one.currency)), one.settled_on, one.at,
            t(*MARKS[one.mark]), _cut(_names(one)), _cut(one.text),
        )
        for one in lines
    ]  # fmt: skip
    table(
        rows,
        (t("line", "行"), t("kind", "类型"), t("amount", "金额"), t("day", "日期"), t("time", "时间"),
         t("result", "结果"), t("names", "标识"), t("text", "摘要")),
    )  # fmt: skip


def _names(line: StatementLine) -> str:
    named = (line.tid, line.stan, line.rrn, line.reference, line.order)
    return " ".join(one for one in named if one)


def _rejects(rejects: Sequence[Reject]) -> None:
    for one in rejects:
        text = t(f"line {one.line_no}: {one.english}", f"第 {one.line_no} 行：{one.chinese}")
        click.echo(click.style(t("reject ", "拒收 "), fg="red") + text)


def show_check(file: str, one: Format, traits: Traits, seen: Seen) -> None:
    """Print what a trial reading gave."""
    variant = f" {traits.variant}" if traits.variant else ""
    role = t(*ROLES[traits.role])
    click.echo(
        t(
            f"{file}: {one.name}{variant} ({role}), {seen.lines} lines, {seen.rejects} rejects",
            f"{file}：{one.name}{variant}（{role}），{seen.lines} 行，拒收 {seen.rejects} 行",
        )
    )
    if not seen.lines and not seen.rejects:
        click.echo(no_rows())
    else:
        table(
            [
                (t(*KINDS[kind]), str(seen.counts[kind, currency]), str(Money(amount, currency)))
                for kind, currency, amount in seen.by_kind()
            ],
            (t("kind", "类型"), t("lines", "行数"), t("amount", "金额")),
        )
    _lines(seen.first_lines)
    _rejects(seen.first_rejects)
    currency = currency_of_all(one for _, one in seen.sums)
    for total in seen.totals[:TOTALS_SHOWN]:
        click.echo(t("total ", "合计 ") + t(*told(total, currency)))
    click.echo(t("Everything agrees.", "全部一致。") if seen.agrees else t("It does not agree.", "不一致。"))


def _cut(text: str) -> str:
    out, width = "", 0
    for sign in text:
        width += cells(sign)
        if width > CELL_WIDTH:
            return out + "…"
        out += sign
    return out


def line_data(line: StatementLine) -> dict[str, Any]:
    """Turn a line into what JSON can hold; empty members are left out."""
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in asdict(line).items()
        if value not in ("", None)
    }


def as_data(proposal: Proposal) -> dict[str, Any]:
    """Turn a proposal into what JSON can hold."""
    sample = proposal.sample
    return {
        "layout": sample.layout,
        "encoding": sample.encoding,
        "delimiter": sample.delimiter,
        "sheet": sample.sheet,
        "header_line": sample.header_line,
        "role": proposal.mapping.role.value,
        "columns": [asdict(one) for one in proposal.columns],
        "doubts": [asdict(one) for one in proposal.doubts],
        "toml": proposal.toml,
        "lines": [line_data(part) for part in proposal.preview if isinstance(part, StatementLine)][:PREVIEW],
        "rejects": [asdict(part) for part in proposal.preview if isinstance(part, Reject)][:PREVIEW],
    }
