"""`storno gateway`: run the gateway until it is told to stop.

Thin: settings in, log lines out. It must not decide anything about a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.app.build import build_gateway, build_parts, settle_memory
from storno.app.settings import Settings, SettingsError, load
from storno.cli.gateway_log import LogLines
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.gateway.control import Control
from storno.gateway.control_wire import SOCKET
from storno.gateway.serve import JournalStopped, NodeBroken
from storno.journal.base import JournalError
from storno.vault import VaultError
from storno.vault.base import VaultUnwritable

if TYPE_CHECKING:
    from pathlib import Path

    from storno.app.build import Parts


@click.command(help=t("Stand between terminals and the host.", "运行终端与主机之间的网关。"))
@click.option("--config", type=click.Path(dir_okay=False), help=t("storno.toml to use", "使用的 storno.toml"))
@click.option("--home", help=t("folder of all state", "存放全部数据的目录"))
@click.option("--listen", metavar="HOST:PORT", help=t("where terminals connect", "终端接入地址"))
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST:PORT",
    help=t("host to connect to; repeatable", "主机地址，可重复"),
)
@click.option(
    "--check", is_flag=True, help=t("read the settings, say what they mean, stop", "只检查配置并退出")
)
@click.option("--json", "as_json", is_flag=True, help=t("log lines as JSON", "以 JSON 输出日志"))
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
    except (SettingsError, VaultError) as error:
        raise Trouble(error.say(language()), where=str(folder)) from None
    except JournalError as error:
        raise Trouble(
            error.chinese if language() == "zh" else error.english, where=str(folder), code=ExitCode.OUTSIDE
        ) from None
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    try:
        return asyncio.run(_serve(settings, folder, parts, LogLines(as_json=as_json)))
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

    await running.start(progress)
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
    counts = parts.node.counts.values
    _warn(f"stopped; counts: {json.dumps(counts)}", f"已停止；计数：{json.dumps(counts)}")
    return ExitCode.DONE


def say_settings(settings: Settings, folder: Path) -> None:
    """Print what the settings come to."""
    serve, profile = settings.serve, settings.dialect.profile
    rows = (
        (t("settings from", "配置来源"), settings.source),
        (t("home", "数据目录"), str(folder)),
        (t("terminals connect to", "终端接入"), str(serve.listen)),
        (t("hosts", "主机"), ", ".join(map(str, serve.hosts))),
        (t("dialect", "报文方言"), f"{settings.dialect.name} - {settings.dialect.title(language())}"),
        (t("MAC", "MAC 算法"), profile.mac),
        (t("answer time-out", "应答超时"), f"{profile.answer_timeout_ms / 1000:g} s"),
        (
            t("reversal", "冲正"),
            f"{profile.reversal_mti}, {profile.attempts_max} x, {profile.deadline_ms / 3_600_000:g} h",
        ),
        (t("test keys", "测试密钥"), t("on", "启用") if settings.test_terminals else t("off", "停用")),
    )
    for name, value in rows:
        click.echo(f"{name}: {value}")
