"""`storno journal`: verify, follow and export the journal, beside a running gateway.

Thin: the journal proves itself, `diagnosis.words` says what a fact means. What is printed holds no card data but the
masked number.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.cli.explain import settings_of
from storno.cli.open_journal import home_option, open_journal
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.width import wrap
from storno.diagnosis.story import local_text
from storno.diagnosis.words import happened, title
from storno.journal.exception_fact import is_item, read_exception_fact
from storno.journal.exception_table import TITLES
from storno.journal.fact import read_fact
from storno.money import Money

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storno.journal.base import Verification
    from storno.journal.fact import Stored
    from storno.journal.sqlite_reader import SqliteReader

_FOLLOW_S = 0.25
_NOT_EXPORTED = ("token", "print")
_CSV = ("seq", "at_ms", "tx_id", "input", "state", "digest", "body")


@click.group(name="journal", help=t("Verify, follow or export the journal.", "校验、跟踪或导出流水日志。"))
def journal() -> None:
    """Hold the commands about the journal."""


# -------------------------------------------------------------------- verify
@journal.command(
    name="verify",
    help=t(
        "Check the journal against itself: chain, folds, rows, ledger. Exit code 1 if something was changed.",
        "校验流水日志自身：摘要链、状态重建、交易记录与分录；发现改动时退出码为 1。",
    ),
)
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def verify(home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Verify and give the verdict."""
    with open_journal(home) as reader:
        result = reader.verify() if as_json or not sys.stderr.isatty() else _with_bar(reader)
    if as_json:
        record = {
            "proved": not result.problems,
            "facts": result.facts,
            "transactions": result.transactions,
            "postings": result.postings,
            "findings": result.exceptions,
            "head": {"seq": result.head.seq, "digest": result.head.digest.hex()},
            "problems": [_problem(text) for text in result.problems],
        }
        click.echo(json.dumps(record, ensure_ascii=False))
    else:
        _print_verdict(result)
    return ExitCode.DISAGREES if result.problems else ExitCode.DONE


def _with_bar(reader: SqliteReader) -> Verification:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(t("checking", "校验中"), total=None)
        return reader.verify(lambda done, total: bar.update(task, completed=done, total=total))


def _problem(text: str) -> str:
    return t(text, getattr(text, "chinese", text))


def _print_verdict(result: Verification) -> None:
    counts = (result.facts, result.transactions, result.postings)
    found = t(", {} findings", "，{} 条差异").format(result.exceptions) if result.exceptions else ""
    line = t("{} facts, {} transactions, {} postings", "{} 条流水，{} 笔交易，{} 笔记账").format(*counts)
    click.echo(line + found)
    click.echo(t(f"head {result.head.seq} ", f"末条 {result.head.seq} ") + result.head.digest.hex())
    for text in result.problems:
        click.echo(f"  ✗ {_problem(text)}")
    if result.problems:
        click.echo(
            t(
                "NOT PROVED: keep the file as evidence and restore from a backup.",
                "校验未通过：请保留该文件作为证据，并从备份恢复。",
            )
        )
    else:
        click.echo(
            t(
                "Proved: the chain is whole, every record follows from its facts, the books sum to zero.",
                "校验通过：摘要链完整，每笔交易与其流水一致，借贷平衡。",
            )
        )


# -------------------------------------------------------------------- tail
@journal.command(
    name="tail",
    help=t("Show the newest facts in words; follow new ones.", "用文字显示最新流水，可持续跟踪。"),
)
@home_option
@click.option(
    "-n", "count", type=click.IntRange(0), default=20, show_default=True, help=t("How many.", "条数。")
)
@click.option("--follow", "-f", is_flag=True, help=t("Go on until Ctrl-C.", "持续输出，按 Ctrl-C 结束。"))
@click.option(
    "--json", "as_json", is_flag=True, help=t("Print one JSON object a line.", "每行输出一个 JSON 对象。")
)
def tail(home: str | None, count: int, follow: bool, as_json: bool) -> int:  # noqa: FBT001 - click's flags
    """Print facts as they are, newest last."""
    with open_journal(home) as reader:
        after = max(0, reader.head().seq - count)
        show = _json_line if as_json else _Teller(reader, settings_of(home).node.utc_offset_min).line
        columns = 0 if as_json or not sys.stdout.isatty() else shutil.get_terminal_size().columns
        while True:
            for stored in reader.read(after):
                for line in wrap(show(stored), columns, "    ") if columns else [show(stored)]:
                    click.echo(line)
                after = stored.seq
            if not follow:
                return ExitCode.DONE
            sys.stdout.flush()
            time.sleep(_FOLLOW_S)


class _Teller:
    """Turns facts into lines; asks the journal for a transaction's amount where the fact does not say it."""

    def __init__(self, reader: SqliteReader, utc_offset_min: int) -> None:
        self._reader = reader
        self._utc_offset_min = utc_offset_min

    def line(self, stored: Stored) -> str:
        """Give one line: time, id, what happened, state, amount."""
        try:
            if is_item(stored.row[0]):
                return self._exception(stored)
            fact = read_fact(stored.row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _unreadable(stored) from None
        opening = fact.opening or self._reader.facts(fact.tx_id)[0].opening
        amount = fact.detail.amount_minor
        parts = [
            local_text(fact.at_ms, self._utc_offset_min),
            fact.tx_id,
            happened(fact.input, language()) + (f" [{fact.detail.code}]" if fact.detail.code else ""),
            "→ " + title(fact.state, language()),
        ]
        if opening is not None:
            money = Money(opening.amount_minor if amount is None else amount, opening.currency)
            parts.append(f"{opening.kind.title(language())} {money} {opening.pan_masked}".rstrip())
        return "  ".join(parts)

    def _exception(self, stored: Stored) -> str:
        fact = read_exception_fact(stored.row)
        parts = [local_text(fact.at_ms, self._utc_offset_min), stored.row[0], t(*TITLES[fact.move])]
        parts.append("→ " + t(*TITLES[fact.standing]))
        if fact.about is not None:
            money = Money(fact.about.amount_minor, fact.about.currency)
            parts.append(f"{fact.about.rule} {money} {fact.about.tx_id}".rstrip())
        parts += [text for text in (fact.operator, fact.owner, fact.note) if text]
        return "  ".join(parts)


def _unreadable(stored: Stored) -> Trouble:
    return Trouble(
        t(f"fact {stored.seq} cannot be read: it was changed", f"第 {stored.seq} 条流水无法读取：已被改动"),
        todo=t("run `storno journal verify`", "请运行 `storno journal verify`"),
        code=ExitCode.DISAGREES,
    )


def _clean(stored: Stored) -> dict[str, Any]:
    """Give a fact for other eyes: the masked card number stays, its keyed digest and the fingerprint do not."""
    tx_id, at_ms, what, state, body = stored.row
    try:
        content = json.loads(body)
        for name in _NOT_EXPORTED:
            content.get("opening", {}).pop(name, None)
    except (ValueError, AttributeError):
        raise _unreadable(stored) from None
    return {
        "seq": stored.seq, "at_ms": at_ms, "tx_id": tx_id, "input": what, "state": state,
        "digest": stored.digest.hex(), "body": content,
    }  # fmt: skip


def _json_line(stored: Stored) -> str:
    return json.dumps(_clean(stored), ensure_ascii=False)


# -------------------------------------------------------------------- export
@journal.command(
    name="export",
    help=t(
        "Write facts to a file, whole or not at all, or to standard output. Cards appear masked only.",
        "导出流水到文件（要么完整、要么不写）或标准输出；卡号仅以掩码出现。",
    ),
)
@home_option
@click.option(
    "--from", "first", type=click.IntRange(1), default=1, help=t("First sequence number.", "起始序号。")
)
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option(
    "-o", "target", type=click.Path(dir_okay=False), default=None, help=t("The file.", "输出文件。")
)
def export(home: str | None, first: int, form: str, target: str | None) -> int:
    """Export what is stored from a sequence number on."""
    with open_journal(home) as reader:
        lines = (_csv_lines if form == "csv" else _jsonl)(reader.read(first - 1))
        if target is None:
            for line in lines:
                click.echo(line, nl=False)
            return ExitCode.DONE
        count = _write_whole(Path(target), lines, header_lines=1 if form == "csv" else 0)
    click.echo(t(f"{count} facts written to {target}", f"已将 {count} 条流水写入 {target}"), err=True)
    return ExitCode.DONE


def _jsonl(facts: Iterator[Stored]) -> Iterator[str]:
    for stored in facts:
        yield _json_line(stored) + "\n"


def _csv_lines(facts: Iterator[Stored]) -> Iterator[str]:
    write: Callable[[list[Any]], str] = _CsvLine()
    yield write(list(_CSV))
    for stored in facts:
        clean = _clean(stored)
        clean["body"] = json.dumps(clean["body"], ensure_ascii=False, separators=(",", ":"))
        yield write([clean[name] for name in _CSV])


class _CsvLine:
    """Writes one row at a time, so that an export of any length takes the memory of a line."""

    def __call__(self, row: list[Any]) -> str:
        held = io.StringIO()
        csv.writer(held, lineterminator="\n").writerow(row)
        return held.getvalue()


def _write_whole(target: Path, lines: Iterator[str], header_lines: int) -> int:
    """Write beside the target and rename: a reader finds the whole export or none."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    count = -header_lines
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as out:
            for line in lines:
                out.write(line)
                count += 1
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    except FileExistsError:
        raise Trouble(t("another export is writing", "另一个导出正在写入"), where=str(draft)) from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count
