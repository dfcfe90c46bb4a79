"""`storno why`: why one transaction went as it did, where its money is, what to do, and whether it was charged twice.

Thin: `diagnosis` judges, this file brings the journal, reconciliation and signals together and prints. What is printed
holds no card data but the masked number.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli.explain import printable, settings_of
from storno.cli.find import find_one
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.signal_file import NO_RELEASES, Releases, read_signals
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.why_signals import Asked, gather
from storno.cli.why_view import as_data, lines
from storno.diagnosis import counsel, orders
from storno.diagnosis.codebook import NO_OVERRIDES, OverrideError, Overrides, codebook, read_overrides
from storno.diagnosis.path import replay
from storno.diagnosis.verdict import diagnose
from storno.journal.base import JournalError
from storno.reversal.machine import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storno.diagnosis.path import Path as TxPath
    from storno.diagnosis.signals import Signals
    from storno.journal.sqlite_reader import SqliteReader

CODES_FILE, RELEASES_FILE, SIGNALS_FOLDER = "codes.toml", "releases.toml", "signals"


def why_line(journal: SqliteReader, tx_id: str, home: str | None) -> str:
    """Say why in one line, as `storno explain` ends with; the same verdict as `storno why` gives.

    Raises:
        Trouble: the transaction or a file of the home folder cannot be read.

    """
    folder = home_dir(home)
    asked = _asked(journal, tx_id, folder, None)
    return counsel.why_line(diagnose(asked.me, asked.around, _book(folder, "")), language())


def _asked(journal: SqliteReader, tx_id: str, folder: Path, signals: Path | None) -> Asked:
    path = _path(journal, tx_id)
    where, releases = signals or folder / SIGNALS_FOLDER, read_releases(folder)

    def more(ids: frozenset[str]) -> Mapping[str, Signals]:
        return _signals(where, path.record.opening.date, releases, ids)

    return gather(journal, path, tuple(journal.exceptions(tx_id=tx_id)), more)


@click.command(
    name="why",
    help=t(
        "Say why one transaction went as it did: the verdict with its evidence, the four ledgers, the next steps, a "
        "retry or double charge. ID is a journal id, an RRN, or TID/STAN[/date]. Signals are taken from the journal, "
        "and from --signals (default: the folder `signals` in the home folder). Exit code 1 if there is no such "
        "transaction, or the cause is not known.",
        "说明一笔交易为何如此：结论与依据、四本账、下一步、重试或重复扣款。"
        "ID 可为流水编号、参考号，或 终端号/流水号[/日期]。"
        "信号取自流水日志，以及 --signals（默认为数据目录下的 signals 文件夹）。没有该交易或原因不明时退出码为 1。",
    ),
)
@click.argument("what", metavar="ID")
@home_option
@click.option(
    "--signals", "signals", type=click.Path(path_type=Path, exists=True),
    help=t("File (Parquet, CSV) or folder of signals.", "信号文件（Parquet、CSV）或其文件夹。"),
)  # fmt: skip
@click.option("--acquirer", default="", help=t("Whose codes to read by.", "按哪家收单机构的应答码解读。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print JSON.", "输出 JSON。"))
def why(what: str, home: str | None, signals: Path | None, acquirer: str, as_json: bool) -> int:  # noqa: FBT001
    """Judge and print."""
    folder, offset_min = home_dir(home), settings_of(home).node.utc_offset_min
    book = _book(folder, acquirer)
    with open_journal(home) as journal:
        row = find_one(journal, what, offset_min)
        asked = _asked(journal, row.tx_id, folder, signals)
    verdict = diagnose(asked.me, asked.around, book)
    if as_json:
        click.echo(json.dumps(as_data(asked, verdict, language(), offset_min), ensure_ascii=False))
    else:
        commands = [same_home(one, home) for one in _commands(asked.path)]
        for text in lines(asked, verdict, language(), offset_min, commands):
            click.echo(printable(text))
    return ExitCode.DONE if verdict.known else ExitCode.DISAGREES


def _commands(path: TxPath) -> list[str]:
    record = path.record
    if not orders.unsettled(record):
        return []
    return [orders.command(record.tx_id, one) for one in orders.allowed(record)]


def _path(journal: SqliteReader, tx_id: str) -> TxPath:
    try:
        return replay(journal.facts(tx_id))
    except (ContractBroken, JournalError, ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(
            t(f"the facts of {tx_id} do not follow from each other", f"{tx_id} 的流水前后不符"),
            todo=t("run `storno journal verify`", "请运行 `storno journal verify`"),
            code=ExitCode.DISAGREES,
        ) from None


# -------------------------------------------------------------------- what a home folder may add
def overrides_of(folder: Path) -> Overrides:
    """Read the acquirer's own codes from a home folder; none when there is no file.

    Raises:
        Trouble: the file cannot be used; it says where and what to do.

    """
    path = folder / CODES_FILE
    if not path.exists():
        return NO_OVERRIDES
    try:
        return read_overrides(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise Trouble(t("not UTF-8 text", "不是 UTF-8 文本"), where=str(path)) from None
    except OverrideError as error:
        raise override_trouble(error) from None


def override_trouble(error: OverrideError) -> Trouble:
    """Say what is wrong with an override, an acquirer's or an edition's name."""
    return Trouble(t(error.english, error.chinese), where=error.where)


def _book(folder: Path, acquirer: str) -> Any:
    try:
        return codebook(acquirer=acquirer, overrides=overrides_of(folder))
    except OverrideError as error:
        raise override_trouble(error) from None


def read_releases(folder: Path) -> Releases:
    """Read which software is allowed (`releases.toml`: current = […], old = […]); nothing when there is no file.

    Raises:
        Trouble: it is not such a file.

    """
    path = folder / RELEASES_FILE
    if not path.exists():
        return NO_RELEASES
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(t(f"not TOML: {error}", f"不是 TOML：{error}"), where=str(path)) from None
    listed = [data.get(name, []) for name in ("current", "old")]
    wrong = set(data) - {"current", "old"}
    if wrong or not all(isinstance(one, list) and all(isinstance(v, str) for v in one) for one in listed):
        raise Trouble(
            t("it has the lists `current` and `old` of version texts, nothing else",
              "只应有版本文本的列表 `current` 与 `old`"),
            where=str(path),
        )  # fmt: skip
    return Releases(frozenset(listed[0]), frozenset(listed[1]))


def _signals(where: Path, date: str, releases: Releases, ids: frozenset[str]) -> Mapping[str, Signals]:
    """Read the signals of some transactions of a day; of a folder the files that bear its date, or all of them."""
    if not where.exists():
        return {}
    if where.is_file():
        files = [where]
    else:
        every = sorted(one for one in where.iterdir() if one.suffix.lower() in (".parquet", ".csv"))
        files = [one for one in every if date in one.name] or every
    return {one.tx_id: one for path in files for one in read_signals(path, releases, ids)}
