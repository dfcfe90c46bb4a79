"""`storno gateway`: run the gateway until it is told to stop.

Thin: settings in, log lines out. It must not decide anything about a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
import sys
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.app.build import build_gateway, build_parts, settle_memory
from storno.app.settings import DEFAULTS, Settings, SettingsError, load
from storno.cli.gateway_log import LogLines
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble, cannot_listen
from storno.gateway.control import Control
from storno.gateway.control_wire import SOCKET
from storno.gateway.serve import JournalStopped, NodeBroken
from storno.journal.base import JournalError
from storno.vault import VaultError
from storno.vault.base import VaultUnwritable

if TYPE_CHECKING:
    from pathlib import Path

    from storno.app.build import Parts
    from storno.gateway.serve import Gateway


@click.command(help=t("Stand between terminals and the host.", "运行终端与主机之间的网关。"))
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    help=t("storno.toml to use; options here win over it.", "使用的 storno.toml；命令行选项优先。"),
)
@click.option("--home", metavar=t("DIRECTORY", "目录"), help=t("Folder of all state.", "数据目录。"))
@click.option(
    "--listen", metavar=t("HOST:PORT", "主机:端口"), help=t("Where terminals connect.", "终端接入地址。")
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar=t("HOST:PORT", "主机:端口"),
    help=t("Host to connect to; may be given again.", "主机地址，可多次指定。"),
)
@click.option(
    "--check",
    is_flag=True,
    help=t("Read the settings, say what they come to, and stop.", "说明配置的实际含义后退出。"),
)
@click.option("--json", "as_json", is_flag=True, help=t("Print the log as JSON.", "以 JSON 输出日志。"))
def gateway(
    *,
    config: str | None,
    home: str | None,
    listen: str | None,
    hosts: tuple[str, ...],
    check: bool,
    as_json: bool,
) -> int:
    """Run a gateway."""
    folder = home_dir(home)
    try:
        settings = load(config, folder, listen=listen, hosts=hosts)
        if check:
            say_settings(settings, folder)
            return ExitCode.DONE
        parts = build_parts(settings, folder, warn=_warn)
    except VaultUnwritable as error:
        raise Trouble(error.say(language()), where=str(folder), code=ExitCode.OUTSIDE) from None
    except SettingsError as error:
        raise Trouble(
            error.say(language()), todo=t("see docs/configuration.md", "请看 docs/configuration.zh-CN.md")
        ) from None
    except VaultError as error:
        raise Trouble(error.say(language()), where=str(folder)) from None
    except JournalError as error:
        raise Trouble(
            error.chinese if language() == "zh" else error.english, where=str(folder), code=ExitCode.OUTSIDE
        ) from None
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        return asyncio.run(
            _serve(
                settings,
                folder,
                parts,
                LogLines(as_json=as_json, utc_offset_min=settings.node.utc_offset_min),
            )
        )
    except SettingsError as error:
        raise Trouble(error.say(language()), where=settings.source) from None
    finally:
        parts.close()


def _warn(english: str, chinese: str) -> None:
    sys.stderr.write((chinese if language() == "zh" else english) + "\n")


async def _serve(settings: Settings, folder: Path, parts: Parts, log: LogLines) -> int:
    running = build_gateway(settings, parts, log)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def progress(done: int) -> None:
        if done:
            _warn(f"recovered {done} transactions that were open", f"已恢复 {done} 笔未了结的交易")

    try:
        await running.start(progress)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise cannot_listen(error, str(settings.serve.listen)) from None
    settle_memory()
    control = Control(running, folder / SOCKET, parts.writer.incarnation)
    try:
        await control.start()
    except OSError as error:
        _warn(
            f"no control socket at {folder / SOCKET} ({error}): orders wait until this gateway stops",
            f"无法建立控制套接字 {folder / SOCKET}（{error}）：网关停止前无法下达指令",
        )
    _warn(
        f"listening on {running.address}; host {', '.join(map(str, settings.serve.hosts))}; Ctrl-C stops",
        f"已在 {running.address} 监听；主机 {', '.join(map(str, settings.serve.hosts))}；按 Ctrl-C 停止",
    )
    if settings.test_terminals:
        _warn(
            "test keys are on: any terminal is taken in. For trials on this machine only.",
            "测试密钥已启用：接受任何终端，仅限本机试用。",
        )
    waiting = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(running.finished())
    await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await control.stop()
    await _see_end(running, ended)
    log.say_left_out()
    counts = parts.node.counts.values
    _warn(f"stopped; counts: {json.dumps(counts)}", f"已停止；计数：{json.dumps(counts)}")
    return ExitCode.DONE


async def _see_end(running: Gateway, ended: asyncio.Task[None]) -> None:
    """Stop the gateway, or find out why it stopped by itself."""
    try:
        if ended.done():
            await ended
        else:
            await running.stop()
            await ended
    except JournalStopped as error:
        raise Trouble(
            t(f"the journal cannot be written: {error}", f"无法写入流水日志：{error}"),
            todo=t(
                "make room or mend the disk, then start again: nothing that was promised is lost",
                "请清理空间或修复磁盘后重新启动：已应答的交易不会丢失",
            ),
            code=ExitCode.OUTSIDE,
        ) from None
    except NodeBroken as error:
        raise Trouble(
            t(
                f"a step of the gateway broke its contract ({error}); it stopped before promising anything",
                f"网关某一步骤违反了自身约定（{error}），已在应答之前停止",
            ),
            todo=t(
                "start it again: what was open is recovered from the journal; please report the line above",
                "请重新启动：未了结的交易将从流水日志恢复；并请反馈上面这一行",
            ),
            code=ExitCode.OUR_FAULT,
        ) from None


def say_settings(settings: Settings, folder: Path) -> None:
    """Print what the settings come to."""
    serve, profile = settings.serve, settings.dialect.profile
    rows = (
        (
            t("settings from", "配置来源"),
            t("defaults", "内置默认值") if settings.source == DEFAULTS else settings.source,
        ),
        (t("home", "数据目录"), str(folder)),
        (t("terminals connect to", "终端接入"), str(serve.listen)),
        (t("hosts", "主机"), ", ".join(map(str, serve.hosts))),
        (t("dialect", "报文方言"), f"{settings.dialect.name} - {settings.dialect.title(language())}"),
        (t("MAC", "MAC 算法"), profile.mac),
        (t("answer time-out", "应答超时"), t("{:g} s", "{:g} 秒").format(profile.answer_timeout_ms / 1000)),
        (
            t("reversal", "冲正"),
            t("{}, sent at most {} times within {:g} h", "{}，{} 次为限，{:g} 小时为限").format(
                profile.reversal_mti, profile.attempts_max, profile.deadline_ms / 3_600_000
            ),
        ),
        (
            t("test keys", "测试密钥"),
            t("on: any terminal is taken in; for trials only", "启用：接受任何终端，仅限试用")
            if settings.test_terminals
            else t(
                "off: a terminal needs its key (storno keys add)", "停用：终端须先导入密钥（storno keys add）"
            ),
        ),
    )
    for name, value in rows:
        click.echo(f"{name}{t(': ', '：')}{value}")
