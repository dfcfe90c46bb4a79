"""`storno export`: the journal as Parquet, for auditors and for other people's tools.

Thin: `cli.parquet` writes. What is written holds masked card numbers only, and a manifest that ties it to the chain.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from storno.cli.explain import settings_of
from storno.cli.open_journal import home_option, open_journal
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble


@click.group(name="export", help=t("Write the journal out for other tools.", "导出流水供其他工具使用。"))
def export() -> None:
    """Hold the commands that write out."""


@export.command(
    name="journal",
    short_help=t("Write the journal as Parquet.", "导出流水为 Parquet。"),
    help=t(
        "Write facts, transactions, postings and findings as Parquet files into a new folder, whole or not at all, "
        "with a manifest that names the chain's head. Cards appear masked only. As JSON lines: storno journal export.",
        "将流水、交易、分录与差异导出为 Parquet 文件，写入新目录（要么完整、要么不写），并附注明摘要链末端的清单。"
        "卡号仅以掩码出现。JSON 行格式请用 storno journal export。",
    ),
)
@home_option
@click.option(
    "--parquet", "parquet_", is_flag=True, required=True, help=t("As Parquet files.", "Parquet 格式。")
)
@click.option(
    "--out", type=click.Path(), default=None, help=t("The new folder (default: journal-SEQ).", "新目录。")
)
@click.option("--from", "first", default=None, help=t("First day, YYYY-MM-DD.", "起始日期。"))
@click.option("--to", "last", default=None, help=t("Last day, included.", "截止日期（含）。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print the manifest.", "输出清单。"))
def journal(
    home: str | None,
    parquet_: bool,  # noqa: FBT001 - click's flag
    out: str | None,
    first: str | None,
    last: str | None,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Export a span of days, all of them without one."""
    assert parquet_, "click requires the flag"
    offset_min = settings_of(home).node.utc_offset_min
    start, end = _day(first, "--from"), _day(last, "--to")
    if start is not None and end is not None and start > end:
        raise Trouble(t("--from is after --to", "--from 晚于 --to"))
    from_ms = None if start is None else _ms(start, offset_min)
    to_ms = None if end is None else _ms(end + timedelta(1), offset_min)
    from storno.cli.parquet import write_export

    with open_journal(home) as reader:
        folder = Path(out) if out is not None else Path(f"journal-{reader.head().seq}")
        if folder.exists():
            raise Trouble(
                t("the folder exists already", "目录已存在"),
                where=str(folder),
                todo=t("choose another one with --out", "请用 --out 另选目录"),
            )
        manifest = write_export(reader, folder, from_ms, to_ms)
    if as_json:
        click.echo(json.dumps(manifest, ensure_ascii=False))
        return ExitCode.DONE
    rows = {name: one["rows"] for name, one in manifest["files"].items()}
    click.echo(
        t(
            "{facts} facts, {transactions} transactions, {postings} posting lines, {findings} findings",
            "{facts} 条流水，{transactions} 笔交易，{postings} 条分录，{findings} 条差异",
        ).format(**rows)
    )
    head = manifest["head"]
    click.echo(t(f"written to {folder}", f"已写入 {folder}"))
    click.echo(t(f"head {head['seq']} ", f"末条 {head['seq']} ") + head["digest"])
    return ExitCode.DONE


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Trouble(
            t(f"{text!r} is no day", f"{text!r} 不是日期"),
            where=option,
            todo=t("write 2026-11-23", "格式 2026-11-23"),
        ) from None


def _ms(day: date, offset_min: int) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(minutes=offset_min)
    return int(midnight.timestamp() * 1000)
