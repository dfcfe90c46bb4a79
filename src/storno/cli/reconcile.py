"""`storno reconcile`: our books against terminals, networks and banks, with a verdict that is proved.

Thin: `recon` compares and proves, `cli.reconcile_view` prints. What is found goes into the exception queue, where the
home folder has a journal to keep it.
"""

from __future__ import annotations

import errno
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli.day_option import DAY
from storno.cli.explain import settings_of
from storno.cli.open_journal import JOURNAL_FILE, home_option, open_journal
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.work_folder import work_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.recon.earlier import Earlier
    from storno.recon.exceptions import Recorded
    from storno.recon.result import Result
    from storno.recon.sides import BooksFile, Effort, Options, Sides

MEMORY_LEAST_MB = 256
_REFUSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@click.command(
    "reconcile",
    short_help=t("Compare our books with terminals, networks and banks.", "与终端、清算和银行对账。"),
    help=t(
        "Compare our books with the imported statements, name every difference, and prove that the differences explain "
        "all of the money. Exit code 0: all agrees; 1: there are differences; 2: incomplete, a file or a total is "
        "missing.",
        "将本方账目与已导入的文件核对，逐笔说明差异，并证明差异恰好解释全部资金差额。"
        "退出码 0：全部一致；1：有差异；2：不完整，缺少文件或合计不符。",
    ),
)
@click.option("--from", "first", type=DAY, help=t("First business day.", "起始交易日。"))
@click.option("--to", "last", type=DAY, help=t("Last business day, included.", "截止交易日（含）。"))
@click.option("--as-of", type=DAY, help=t("Last day that all files are in for (that of the files).",
                                          "文件齐全的最后一日（缺省按文件）。"))  # fmt: skip
@click.option(
    "--hold-days", type=click.IntRange(0, 60), default=3, show_default=True,
    help=t("Working days a one-sided line may wait for its counterpart.", "单边记录等待对方的工作日数。"),
)  # fmt: skip
@click.option(
    "--all-in", type=DAY, multiple=True,
    help=t("A day for which no more files come: nothing is provisional then. Lines still wait their days "
           "(--as-of). May be repeated.",
           "某日文件已齐、不会再有：该日不再有暂列；单边记录仍按期等待（见 --as-of）。可多次给出。"),
)  # fmt: skip
@click.option(
    "--fees", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=t("Agreed fees, CSV: merchant, 1/100 % (default: fees.csv in the folder, else learned from the lines).",
           "约定费率 CSV：商户号、万分之几（缺省用目录中的 fees.csv，否则由文件推断）。"),
)  # fmt: skip
@click.option(
    "--books", type=click.Path(exists=True, dir_okay=False, path_type=Path), multiple=True,
    help=t("Our books as Parquet, instead of the journal; several files may follow (--books folder/*.parquet), or it "
           "is repeated.",
           "用 Parquet 账目代替流水日志；其后可跟多个文件（--books 目录/*.parquet），也可多次给出。"),
)  # fmt: skip
@click.argument(
    "more_books", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar=t("[BOOKS]...", "[账目]..."),
)  # fmt: skip
@click.option(
    "--memory", "memory_mb", type=click.IntRange(MEMORY_LEAST_MB), metavar="MB", default=None,
    help=t("Memory to work in (six tenths of the machine's); what does not fit goes to disk.",
           "工作内存，单位 MB（缺省为机器内存的六成），放不下的部分写入磁盘。"),
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path),
    help=t("Folder of the results (reconciliations in the folder of all state).",
           "结果目录（缺省为数据目录下的 reconciliations）。"),
)  # fmt: skip
@click.option("--no-record", is_flag=True, help=t("Leave the exception queue as it is.", "不写入差错队列。"))
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def reconcile(**given: Any) -> int:
    """Reconcile the home folder."""
    from storno.cli.reconcile_view import Ticker, as_data, report
    from storno.recon.result import Verdict
    from storno.recon.write import FOLDER

    home = home_dir(given["home"])
    given["books"] = _all_books(given)
    options = _options(given, home)
    began = time.monotonic()
    with work_folder(home, *_near(given["out"])) as work, Ticker(quiet=given["as_json"]) as ticker:
        sides = _sides(given, home, options, work)
        from storno.recon.sides import Effort

        effort = Effort(memory_mb=given["memory_mb"] or 0, spill=work)
        result = _run(sides, options, effort, tuple(_known(home)), ticker)
        folder = _written(given["out"] or home / FOLDER, result, sides, options)
    recorded = None if given["no_record"] else _record(home, result)
    seconds = time.monotonic() - began
    if given["as_json"]:
        click.echo(json.dumps(as_data(result, folder, recorded, seconds), ensure_ascii=False))
    else:
        report(result, folder, recorded, seconds)
    return {
        Verdict.OK: ExitCode.DONE, Verdict.BREAKS: ExitCode.DISAGREES, Verdict.INCOMPLETE: ExitCode.BAD_INPUT
    }[result.verdict]  # fmt: skip


def _all_books(given: dict[str, Any]) -> tuple[Path, ...]:
    """Give the files of --books with those that follow, as a shell writes out a pattern; alone they may be anything."""
    if given["more_books"] and not given["books"]:
        raise Trouble(
            t("a file without --books in front of it", "文件前没有 --books"), where=str(given["more_books"][0]),
            todo=t("what networks, terminals and banks sent is imported first (storno import FILE…) and taken from "
                   "there; tables of our books go with --books FILE…",
                   "清算、终端和银行文件须先导入（storno import FILE…），对账时自动读取；"
                   "本方账目表用 --books 文件… 指定"),
        )  # fmt: skip
    return (*given["books"], *given["more_books"])


def _near(out: Path | None) -> Iterator[Path]:
    """Give the folder that is there beside the results: where a home cannot be written, their disk has the room."""
    if out is not None:
        yield next(one for one in (out, *out.absolute().parents) if one.is_dir())


def _options(given: dict[str, Any], home: Path) -> Options:
    from storno.recon.ageing import Calendar, CalendarError, read_calendar
    from storno.recon.collect import FeesError, read_fees
    from storno.recon.sides import Options

    settings = settings_of(given["home"])
    first, last, as_of = (
        given[name].strftime("%Y%m%d") if given[name] else "" for name in ("first", "last", "as_of")
    )
    for name, day in (("--from", first), ("--to", last), ("--as-of", as_of)):
        if day and not "19000101" <= day <= "21001231":
            raise Trouble(
                t("a day must lie between 1900 and 2100", "日期须在 1900 至 2100 年之间"), where=name
            )
    if first and last and first > last:
        raise Trouble(t("--from is after --to", "--from 晚于 --to"))
    table = given["fees"] or (home / "fees.csv" if (home / "fees.csv").exists() else None)
    try:
        fees = read_fees(table) if table else ()
        chosen = settings.exceptions.calendar
        calendar = read_calendar(Path(chosen)) if chosen else Calendar()
    except FeesError as error:
        raise Trouble(t(error.english, error.chinese), where="--fees") from None
    except CalendarError as error:
        raise Trouble(t(error.english, error.chinese), where="[exceptions] calendar") from None
    all_in = frozenset(day.strftime("%Y%m%d") for day in given["all_in"])
    return Options(
        first, last, as_of, given["hold_days"], calendar, fees, settings.node.utc_offset_min, all_in=all_in
    )


def _sides(given: dict[str, Any], home: Path, options: Options, work: Path) -> Sides:
    from storno.recon.collect import imported
    from storno.recon.identity import sealed
    from storno.recon.sides import Sides
    from storno.statements.line import FileRefused

    try:
        lines, empty = imported(home, options)
    except FileRefused as error:
        raise Trouble(t(error.english, error.chinese), where=str(home)) from None
    if not lines and not empty:
        raise Trouble(
            t("nothing was imported for these days", "这些日期没有已导入的文件"), where=str(home),
            todo=t("import what networks, terminals and banks sent: storno import FILE…",
                   "请先导入清算、终端和银行文件：storno import FILE…"),
        )  # fmt: skip
    return sealed(Sides(_books(given, work), lines, empty))


def _books(given: dict[str, Any], work: Path) -> tuple[BooksFile, ...]:
    from storno.recon.books import empty_columns, extract, missing_columns
    from storno.recon.sides import BooksFile

    if not given["books"]:
        if not (home_dir(given["home"]) / JOURNAL_FILE).exists():
            raise _no_journal(home_dir(given["home"]))
        with open_journal(given["home"]) as reader:
            return (extract(reader, work / "books.parquet"),)
    for path in given["books"]:
        try:
            lacking, empty = missing_columns(path), empty_columns(path)
        except (OSError, ValueError):  # pyarrow's error for what is no Parquet derives from either
            raise _no_books(path, t("it cannot be read as Parquet", "无法按 Parquet 读取")) from None
        if lacking:
            raise _no_books(path, t("it lacks ", "缺少列 ") + ", ".join(lacking))
        if empty:
            raise _no_books(path, t("rows without a value in ", "以下列有空值：") + ", ".join(empty))
    return tuple(BooksFile(path) for path in given["books"])


def _no_journal(home: Path) -> Trouble:
    return Trouble(
        t("there are no books to compare with: this folder has no journal", "没有可供核对的账目：该目录没有流水日志"),
        where=str(home / JOURNAL_FILE),
        todo=t("give our books as a table with --books FILE (storno export journal --parquet writes one), or name the "
               "gateway's folder with --home",
               "请用 --books 文件 指定账目表（storno export journal --parquet 可导出），或用 --home 指定网关目录"),
    )  # fmt: skip


def _no_books(path: Path, why: str) -> Trouble:
    return Trouble(
        t("this is no table of our books: ", "这不是本方账目表：") + why.splitlines()[0][:160], where=str(path),
        todo=t("write one with: storno export journal --parquet (its transactions.parquet)",
               "请用 storno export journal --parquet 导出，使用其中的 transactions.parquet"),
    )  # fmt: skip


def _whole(path: Path) -> None:
    """Refuse a table of books that is damaged inside; only asked when the engine stumbled, for it reads everything."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        for _ in pq.ParquetFile(path).iter_batches():
            pass
    except (OSError, ValueError) as error:
        raise _no_books(path, str(error)) from None


def _run(sides: Sides, options: Options, effort: Effort, known: tuple[Earlier, ...], ticker: Any) -> Result:
    from storno.recon.engines.base import EngineError
    from storno.recon.engines.duckdb import DuckEngine
    from storno.recon.run import reconcile as compare

    try:
        with DuckEngine(effort) as engine:
            return compare(sides, options, engine, effort, ticker.step, known)
    except EngineError as error:
        for one in sides.books:
            _whole(one.path)
        raise Trouble(t(error.english, error.chinese), code=ExitCode.OUTSIDE) from None
    except AssertionError:
        for one in sides.books:
            _whole(one.path)
        raise


def _written(base: Path, result: Result, sides: Sides, options: Options) -> Path:
    from storno.recon.write import write

    try:
        return write(base, result, sides, options)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise Trouble(
            t("the results cannot be written there", "结果无法写入该目录"), where=str(error.filename or base),
            todo=t("name another folder with --out", "请用 --out 指定其他目录"), code=ExitCode.OUTSIDE,
        ) from None  # fmt: skip


def _known(home: Path) -> Iterator[Earlier]:
    """Give the open differences of earlier runs: from the queue, which is the truth, else from the last run's list."""
    from storno.recon.earlier import of_record
    from storno.recon.write import FOLDER, last_findings

    if (home / JOURNAL_FILE).exists():
        with open_journal(str(home)) as reader:
            yield from (of_record(one) for one in reader.exceptions(unsettled_only=True))
    else:
        yield from last_findings(home / FOLDER)


def _record(home: Path, result: Result) -> Recorded | None:
    """Bring the exception queue to what was found; nothing without a journal."""
    from storno.app.exceptions import record
    from storno.journal.base import JournalError

    if not (home / JOURNAL_FILE).exists():
        return None
    try:
        return record(home, result.findings(), result.closed, int(time.time() * 1000), result.run_id)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        raise Trouble(
            t("the results are written, the exception queue is not: the folder cannot be written to",
              "结果已写入，但差错队列未写入：该目录不可写"),
            where=str(error.filename or home),
            todo=t("say --no-record to leave the queue as it is", "如不写入差错队列，请加 --no-record"),
            code=ExitCode.OUTSIDE,
        ) from None  # fmt: skip
    except JournalError as error:
        raise Trouble(
            t(f"the exception queue was not written: {error.english}", f"差错队列未写入：{error.chinese}"),
            todo=t(
                "run the same command again: it completes what is missing",
                "请重新运行同一命令，将补全缺少的部分",
            ),
            code=ExitCode.OUTSIDE,
        ) from None
