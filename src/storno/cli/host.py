"""`storno host`: run the host simulator, or look at its books.

Thin: reads options, puts core and edge together, prints notes. Holds no rule about money or messages.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.setting_check import address
from storno.app.settings import HostSettings, SettingsError, load
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble, cannot_listen
from storno.iso8583.cipher import BilingualError
from storno.sim.faults import FaultError, chances_of
from storno.sim.host_server import HOST, PORT, HostServer, ServerOptions
from storno.sim.script import FaultPlan, rules_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.sim.host import HostCore
    from storno.sim.note import Note

_SAME = ("magic", "seed", "unknown_reversal", "tombstones", "duplicate_code", "memory_only", "quiet")
"""Options that are their setting's value as they stand."""


@click.command("host")
@click.option(
    "--listen",
    show_default=f"{HOST}:{PORT}",
    metavar=t("HOST:PORT", "主机:端口"),
    help=t("Listen here.", "监听地址。"),
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar=t("FILE", "文件"),
    help=t("storno.toml to use; options here win over it.", "使用的 storno.toml；命令行选项优先。"),
)
@click.option("--dialect", show_default="cup_pos", help=t("Message dialect.", "报文方言。"))
@click.option(
    "--mac", default=None, help=t("MAC profile instead of the dialect's.", "指定 MAC 算法，代替方言默认值。")
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME=P[:N],…",
    help=t(
        "Faults by probability: answer_lost=0.05,late=0.02:3000",
        "按概率注入故障：answer_lost=0.05,late=0.02:3000",
    ),
)
@click.option(
    "--script",
    type=click.Path(path_type=Path),
    help=t("Faults by script (TOML).", "按脚本注入故障（TOML 文件）。"),
)
@click.option(
    "--magic/--no-magic", default=None, show_default="magic", help=t("Faults by amount.", "按金额触发故障。")
)
@click.option(
    "--magic-table", is_flag=True, help=t("Print magic amounts and test cards.", "打印魔术金额表与测试卡。")
)
@click.option("--seed", type=int, help=t("Seed of all chance.", "随机数种子。"))
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    help=t("Key file instead of test keys.", "密钥文件，代替测试密钥。"),
)
@click.option(
    "--unknown-reversal",
    type=click.Choice(["25", "00"]),
    show_default="25",
    help=t("Answer to a reversal without original.", "找不到原交易的冲正应答码。"),
)
@click.option(
    "--tombstones/--no-tombstones",
    default=None,
    show_default="tombstones",
    help=t("Decline an original that comes after its reversal.", "冲正先到时，拒绝迟到的原交易。"),
)
@click.option(
    "--duplicate-code",
    metavar=t("CODE", "应答码"),
    help=t("Answer repeats with this code (94).", "重复请求的应答码（如 94）。"),
)
@click.option(
    "--memory-only/--no-memory-only", default=None, help=t("Keep no books on disk.", "账目只放内存，不落盘。")
)
@click.option("--books", "show_books", is_flag=True, help=t("Print the books and leave.", "打印账目后退出。"))
@click.option("--quiet/--no-quiet", default=None, help=t("No line for each message.", "不逐笔打印。"))
@click.option("--home", metavar=t("DIRECTORY", "目录"), help=t("Folder of all state.", "数据目录。"))
@click.option(
    "--json", "as_json", is_flag=True, help=t("Print JSON, one object a line.", "输出 JSON，每行一个对象。")
)
def host(**given: Any) -> int:
    """Run the host, or print its books or tables."""
    if given["magic_table"]:
        return _print_table()
    if given["show_books"]:
        return _print_books(given["home"], as_json=given["as_json"])
    return _run(given)


host.help = t(
    "Be an acquirer's host: real books, and faults placed before or after the money effect.",
    "模拟收单主机：真实记账，故障可放在入账之前或之后。",
)


def _print_table() -> int:
    from storno.sim.table import table

    for line in table(language().value):
        click.echo(line)
    return ExitCode.DONE


def _print_books(home: str | None, *, as_json: bool) -> int:
    from storno.sim import books_view
    from storno.sim.host_home import read_books
    from storno.sim.shelf import ShelfError

    try:
        books = read_books(home_dir(home))
    except ShelfError as error:
        raise Trouble(_said(error), todo=t("run `storno host` first", "请先运行 storno host")) from None
    if as_json:
        click.echo(json.dumps(books_view.as_json(books), ensure_ascii=False))
    else:
        for line in books_view.lines(books, language().value):
            click.echo(line)
    return ExitCode.DONE


def _said(error: Exception) -> str:
    """Give an error's text in the chosen language where it has two."""
    return error.say(language().value) if isinstance(error, BilingualError) else str(error)


def _told(given: dict[str, Any]) -> HostSettings:
    """Give the settings of the file with the options of the command line over them."""
    try:
        settings = load(given["config"], home_dir(given["home"]), dialect=given["dialect"]).host
        over = {name: given[name] for name in _SAME if given[name] is not None}
        over |= {name: str(given[name]) for name in ("script", "keys") if given[name] is not None}
        if given["listen"] is not None:
            over["listen"] = address(given["listen"], "--listen")
        if given["faults"]:
            over["faults"] = given["faults"]
    except SettingsError as error:
        raise Trouble(_said(error)) from None
    return replace(settings, **over)


def _plan(told: HostSettings) -> FaultPlan:
    try:
        rules = rules_of(Path(told.script).read_text("utf-8")) if told.script else ()
        return FaultPlan(rules, magic=told.magic, chances=chances_of(",".join(told.faults)))
    except FaultError as error:
        raise Trouble(
            _said(error), todo=t("see docs/host-simulator.md", "请看 docs/host-simulator.md")
        ) from None


def _run(given: dict[str, Any]) -> int:
    from storno.iso8583.cipher import CryptoError
    from storno.iso8583.mac import mac_profile
    from storno.sim.books import Books, BooksOptions
    from storno.sim.host import HostCore, HostOptions
    from storno.sim.host_home import open_home
    from storno.sim.host_keys import HostKeys, KeyFileError, load_keys
    from storno.sim.shelf import MemoryShelf, ShelfError

    told = _told(given)
    dialect, plan = told.dialect, _plan(told)
    seed: int = secrets.randbits(32) if told.seed is None else told.seed
    try:
        profile = replace(dialect.profile, mac=mac_profile(given["mac"] or dialect.profile.mac).name)
        keys = load_keys(Path(told.keys)) if told.keys else HostKeys()
        home = None if told.memory_only else open_home(home_dir(given["home"]))
    except (CryptoError, KeyFileError, ShelfError) as error:
        raise Trouble(_said(error)) from None
    try:
        rules = BooksOptions(
            told.tombstones, told.unknown_reversal, duplicate_code=told.duplicate_code or None
        )
        books = Books(MemoryShelf() if home is None else home.shelf, rules)
        options = HostOptions() if home is None else HostOptions(token_key=home.token_key)
        core = HostCore(dialect, profile, books, keys, options, Random(seed), plan)
        _serve(core, (told.listen.host, told.listen.port), seed, as_json=given["as_json"], quiet=told.quiet)
    finally:
        if home is not None:
            home.close()
    return ExitCode.DONE


def _serve(core: HostCore, address: tuple[str, int], seed: int, *, as_json: bool, quiet: bool) -> None:
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_until_stopped(core, address, seed, as_json=as_json, quiet=quiet))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give uvloop's loop where it is installed: faster, otherwise the same."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_stopped(
    core: HostCore, address: tuple[str, int], seed: int, *, as_json: bool, quiet: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    show = None if quiet else (_note_json if as_json else _note_line)
    server = HostServer(core, ServerOptions(*address), on_note=show)
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(error, f"{address[0]}:{address[1]}") from None
    _say_listening(core, address[0], server.port, seed, as_json=as_json)
    await stop.wait()
    await server.stop()
    _say_end(server, as_json=as_json)


def _say_listening(core: HostCore, name: str, port: int, seed: int, *, as_json: bool) -> None:
    if as_json:
        line = json.dumps(
            {"event": "listening", "host": name, "port": port, "dialect": core.dialect.name, "seed": seed}
        )
    else:
        at = f"{name}:{port}"
        title = core.dialect.title(language().value)
        line = t(
            f"host listening on {at}, {title}, seed {seed}", f"主机已在 {at} 监听，{title}，随机种子 {seed}"
        )
    print(line, flush=True)  # noqa: T201 - one flushed line that a script can wait for


def _note_line(note: Note) -> None:
    sys.stdout.write(note.line(language().value) + "\n")
    sys.stdout.flush()


def _note_json(note: Note) -> None:
    sys.stdout.write(json.dumps({"event": "message", **note.as_json()}, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _say_end(server: HostServer, *, as_json: bool) -> None:
    from dataclasses import asdict

    from storno.sim import books_view

    if as_json:
        brief = books_view.as_json(server.core.books)["summary"]
        click.echo(json.dumps({"event": "stopped", "summary": brief, "counts": asdict(server.counts)}))
        return
    for line in books_view.lines(server.core.books, language().value, rows_max=0)[:2]:
        click.echo(line)
