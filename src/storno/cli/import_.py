"""`storno import`: take in what banks, networks and wallets report, whole or not at all.

Thin: `statements` recognises, reads, checks and keeps; this says what became of each file, in words or as JSON lines.
Must not decide which lines count.
"""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli.currency_option import currency_option
from storno.cli.explain import settings_of
from storno.cli.import_words import as_data, file_data, tell
from storno.cli.open_journal import home_option
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.statements.base import ReadOptions
from storno.statements.catalogue import Catalogue, StoredFile
from storno.statements.formats import FORMATS
from storno.statements.importing import ImportOptions, Outcome, import_file
from storno.statements.importing import withdraw as take_back
from storno.statements.line import FileRefused
from storno.statements.when import WhenError, plain_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from storno.statements.importing import Progress

_ABOUT = t(
    "Import statements: card networks, wallets, banks; plain, zip, tar, gzip, .Z or XLSX. The same file twice changes "
    "nothing.",
    "导入对账文件：银联、钱包、银行；支持明文、zip、tar、gzip、.Z、XLSX。同一文件重复导入不产生变化。",
)
_HELP = {
    "format_name": t("Format; without it the file is recognised.", "文件格式；缺省自动识别。"),
    "password": t("Password of a zip; may be given several times.", "压缩包密码，可多次给出。"),
    "password_file": t("File with one password a line.", "密码文件，每行一个。"),
    "mapping": t(
        "Preset or TOML file that describes a CSV, XLSX or fixed-width file.",
        "CSV、XLSX、定长文件的映射：预设名或 TOML 文件。",
    ),
    "year": t("Year of dates that have none.", "无年份日期所属的年份。"),
    "day": t(
        "Clearing day YYYYMMDD where neither the file nor its name says it.",
        "文件及文件名均无清算日期时指定，YYYYMMDD。",
    ),
    "currency": t("Currency where the file names none.", "文件未注明时的币种。"),
    "accept_totals": t(
        "Take a file that does not keep its own totals; reconciliation says INCOMPLETE.",
        "合计不符仍导入；对账结论将为 INCOMPLETE。",
    ),
    "correct": t(
        "It is the corrected file: it takes the place of the one whose lines it has.",
        "这是更正文件：取代含有相同明细的原文件。",
    ),
    "supersedes": t(
        "Id of a file it takes the place of; may be given several times.",
        "被其取代的文件编号，可多次给出。",
    ),
    "beside": t("Let its lines count although another file has them too.", "与另一文件明细相同仍一并计入。"),
    "withdraw": t(
        "Take an imported file back by its id; its bytes may then be imported again.",
        "按编号撤回已导入的文件；撤回后可重新导入。",
    ),
    "list": t("List what is imported.", "列出已导入的文件。"),
    "formats": t("List the formats.", "列出支持的格式。"),
    "json": t("Print one JSON object a line for each file.", "每个文件输出一行 JSON 对象。"),
}


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    flags = ("accept_totals", "correct", "beside")
    for name in ("json", "formats", "list"):
        command = click.option(f"--{name}", f"as_{name}", is_flag=True, help=_HELP[name])(command)
    for name in flags:
        command = click.option(f"--{name.replace('_', '-')}", name, is_flag=True, help=_HELP[name])(command)
    command = click.option("--withdraw", default="", metavar="ID", help=_HELP["withdraw"])(command)
    command = click.option("--supersedes", multiple=True, metavar="ID", help=_HELP["supersedes"])(command)
    command = currency_option(_HELP["currency"])(command)
    command = click.option("--day", default="", metavar="YYYYMMDD", help=_HELP["day"])(command)
    command = click.option(
        "--year", type=click.IntRange(1980, 2100), default=None, metavar="YYYY", help=_HELP["year"]
    )(command)
    command = click.option("--mapping", default="", metavar="NAME|FILE", help=_HELP["mapping"])(command)
    command = click.option(
        "--password-file", type=click.Path(dir_okay=False), default=None, help=_HELP["password_file"]
    )(command)
    command = click.option("--password", multiple=True, help=_HELP["password"])(command)
    return click.option("--format", "format_name", default="", metavar="NAME", help=_HELP["format_name"])(
        command
    )


@click.command(name="import", help=_ABOUT)
@click.argument("files", nargs=-1, type=click.Path(readable=False), metavar="FILE...")
@_options
@home_option
def import_(
    files: tuple[str, ...],
    format_name: str,
    password: tuple[str, ...],
    password_file: str | None,
    mapping: str,
    year: int | None,
    day: str,
    currency: str,
    supersedes: tuple[str, ...],
    withdraw: str,
    accept_totals: bool,  # noqa: FBT001 - click's flags
    correct: bool,  # noqa: FBT001
    beside: bool,  # noqa: FBT001
    as_list: bool,  # noqa: FBT001
    as_formats: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    home: str | None,
) -> int:
    """Import files, or list what there is."""
    if as_formats:
        return _formats(as_json=as_json)
    if as_list:
        return _list(home_dir(home), as_json=as_json)
    if withdraw:
        return _withdraw(withdraw, home_dir(home), as_json=as_json)
    if not files:
        raise Trouble(
            t("no file was named", "没有指定文件"),
            todo=t(
                "storno import FILE..., or --list, or --formats", "storno import 文件…，或 --list、--formats"
            ),
        )
    reading = ReadOptions(
        utc_offset_min=settings_of(home).node.utc_offset_min,
        currency=currency, year=year or 0, day=_day(day), mapping=mapping,
    )  # fmt: skip
    options = ImportOptions(
        reading, format_name, _passwords(password, password_file), accept_totals, correct, supersedes, beside
    )
    folder = home_dir(home)
    return max(_one(Path(name), folder, options, as_json=as_json) for name in files)


def _day(text: str) -> str:
    try:
        return plain_day(text) if text else ""
    except WhenError as error:
        raise Trouble(t(error.english, error.chinese), where="--day", todo="--day 20261123") from None


def _passwords(given: tuple[str, ...], path: str | None) -> tuple[str, ...]:
    if path is None:
        return given
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise Trouble(t("the password file is not UTF-8", "密码文件不是 UTF-8 编码"), where=path) from None
    return (*given, *(line for line in lines if line))


# -------------------------------------------------------------------- one file
def _one(path: Path, home: Path, options: ImportOptions, *, as_json: bool) -> int:
    code = int(ExitCode.DONE)
    if missing := _unreadable(path) if path.is_file() else _missing(path):
        say(Outcome(path.name, str(path), refused=missing), home, as_json=as_json)
        return ExitCode.BAD_INPUT
    bar = nullcontext(None) if as_json or not sys.stderr.isatty() else _bar(path.name)
    with bar as progress:
        for outcome in import_file(path, home, options, progress):
            say(outcome, home, as_json=as_json)
            whole = outcome.refused is None and not (outcome.stored and outcome.stored.rejects)
            code = max(code, ExitCode.DONE if whole else ExitCode.DISAGREES)
    return code


def _unreadable(path: Path) -> FileRefused | None:
    """Say why a file cannot be opened, so that the others are still imported; None if it can."""
    try:
        path.open("rb").close()
    except OSError as error:
        why = error.strerror or str(error)
        return FileRefused(
            "unreadable", f"the file cannot be read: {why}; give yourself the right to read it",
            f"无法读取该文件：{why}；请检查读取权限",
        )  # fmt: skip
    return None


def _missing(path: Path) -> FileRefused:
    if path.is_dir():
        return FileRefused(
            "missing", "this is a folder: name the files in it, such as FOLDER/*",
            "这是目录：请指定其中的文件，如 目录/*",
        )  # fmt: skip
    if path.exists():
        return FileRefused(
            "missing", "this is no file but a device or a pipe", "这不是普通文件，而是设备或管道"
        )
    return FileRefused("missing", "there is no such file", "没有这个文件")


def say(outcome: Outcome, home: Path, *, as_json: bool) -> None:
    """Say what became of a statement, in words or as one line of JSON."""
    if as_json:
        click.echo(json.dumps(as_data(outcome), ensure_ascii=False))
    else:
        tell(outcome, home)


@contextmanager
def _bar(name: str) -> Iterator[Progress]:
    """Show how far the reading is; on a terminal only."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(name, total=None)

        def moved(source: str, done: int, size: int | None) -> None:
            shown.update(task, description=source, completed=done, total=size)

        yield moved


# -------------------------------------------------------------------- lists
def _formats(*, as_json: bool) -> int:
    for one in sorted(FORMATS.values(), key=lambda each: each.name):
        if as_json:
            body = {
                "format": one.name,
                "role": one.role.value,
                "what": t(one.english, one.chinese),
                "source": one.source,
            }
            click.echo(json.dumps(body, ensure_ascii=False))
        else:
            click.echo(f"{one.name:<20} {one.role.value:<9} {t(one.english, one.chinese)}")
    return ExitCode.DONE


def _list(home: Path, *, as_json: bool) -> int:
    try:
        files = Catalogue(home).files()
    except FileRefused as error:
        raise Trouble(t(error.english, error.chinese), where=str(home), code=ExitCode.OUTSIDE) from None
    for one in files:
        if as_json:
            click.echo(json.dumps({"file": one.source} | file_data(one), ensure_ascii=False))
            continue
        state = _state(one)
        click.echo(
            f"{one.file_id}  {one.first_day or '-':<8}  {one.format:<16} {one.lines:>9}  {state}  {one.source}"
        )
    if not files and not as_json:
        click.echo(t("nothing imported yet", "尚未导入任何文件"))
    return ExitCode.DONE


def _state(one: StoredFile) -> str:
    if one.withdrawn_ms:
        return t("withdrawn", "已撤回")
    if one.superseded_by:
        return t(f"superseded by {one.superseded_by}", f"已被 {one.superseded_by} 取代")
    return t("counts", "在用") if one.complete else t("counts, INCOMPLETE", "在用，不完整")


def _withdraw(start: str, home: Path, *, as_json: bool) -> int:
    try:
        one = take_back(start, home)
    except FileRefused as error:
        raise Trouble(t(error.english, error.chinese), where="--withdraw") from None
    if as_json:
        click.echo(json.dumps({"file": one.source} | file_data(one), ensure_ascii=False))
    else:
        click.echo(t(f"{one.source}: withdrawn", f"{one.source}：已撤回"))
    return ExitCode.DONE
