"""`storno gateway`: run the gateway until it is told to stop.

Thin: settings in, log lines out. It must not decide anything about a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.app.build import JOURNAL, build_gateway, build_parts, settle_memory
from storno.app.settings import DEFAULTS, LOOPBACK, Settings, SettingsError, load
from storno.app.watching import LogFormat
from storno.cli.gateway_log import LogLines
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble, cannot_listen
from storno.gateway.control import Control
from storno.gateway.control_wire import SOCKET
from storno.gateway.metrics import Exposition
from storno.gateway.metrics_http import MetricsServer
from storno.gateway.serve import JournalStopped, NodeBroken
from storno.journal.base import JournalError
from storno.journal.sqlite_reader import SqliteReader
from storno.vault import VaultError
from storno.vault.base import VaultUnwritable

if TYPE_CHECKING:
    from pathlib import Path

    from storno.app.build import Parts
    from storno.gateway.serve import Gateway

METRICS_AT = "127.0.0.1:9464"


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
@click.option(
    "--metrics",
    is_flag=False,
    flag_value=METRICS_AT,
    default=None,
    metavar=t("[HOST:PORT]", "[主机:端口]"),
    help=t(
        f"Answer /metrics for Prometheus there; {METRICS_AT} if no address is given.",
        f"在该地址提供 /metrics（Prometheus）；不写地址则为 {METRICS_AT}。",
    ),
)
@click.option(
    "--log",
    "log_format",
    type=click.Choice([one.value for one in LogFormat]),
    default=None,
    help=t("How the log is written.", "日志格式。"),
)
@click.option("--json", "as_json", is_flag=True, help=t("The same as --log json.", "等同 --log json。"))
def gateway(
    *,
    config: str | None,
    home: str | None,
    listen: str | None,
    hosts: tuple[str, ...],
    check: bool,
    metrics: str | None,
    log_format: str | None,
    as_json: bool,
) -> int:
    """Run a gateway."""
    folder = home_dir(home)
    try:
        told = LogFormat.JSON.value if as_json else log_format
        settings = load(config, folder, listen=listen, hosts=hosts, metrics=metrics, log=told)
    except SettingsError as error:
        raise _unusable(error) from None
    if check:
        say_settings(settings, folder)
        return ExitCode.DONE
    json_wanted = settings.log.format is LogFormat.JSON
    lines = LogLines(as_json=json_wanted, utc_offset_min=settings.node.utc_offset_min)
    try:
        return _run(settings, folder, lines)
    except Trouble as error:
        if not json_wanted:
            raise
        lines.say("error", "failed", error.what, error.what, where=error.where, todo=error.todo)
        return error.code


def _unusable(error: SettingsError) -> Trouble:
    todo = t("see docs/configuration.md", "请看 docs/configuration.zh-CN.md")
    return Trouble(error.say(language()), todo=todo)


def _run(settings: Settings, folder: Path, lines: LogLines) -> int:
    try:
        parts = build_parts(settings, folder, warn=lines.notice)
    except VaultUnwritable as error:
        raise Trouble(error.say(language()), where=str(folder), code=ExitCode.OUTSIDE) from None
    except SettingsError as error:
        raise _unusable(error) from None
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
        return asyncio.run(_serve(settings, folder, parts, lines))
    except SettingsError as error:
        raise Trouble(error.say(language()), where=settings.source) from None
    finally:
        parts.close()


async def _serve(settings: Settings, folder: Path, parts: Parts, lines: LogLines) -> int:
    running = build_gateway(settings, parts, lines)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)

    def progress(done: int) -> None:
        if done:
            lines.say(
                "info", "recovered",
                f"recovered {done} transactions that were open", f"已恢复 {done} 笔未了结的交易",
                count=str(done),
            )  # fmt: skip

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
        lines.notice(
            f"no control socket at {folder / SOCKET} ({error}): orders wait until this gateway stops",
            f"无法建立控制套接字 {folder / SOCKET}（{error}）：网关停止前无法下达指令",
        )
    shown = await _show_metrics(settings, folder, running, lines)
    hosts = ", ".join(map(str, settings.serve.hosts))
    lines.say(
        "info", "listening",
        f"listening on {running.address}; host {hosts}; Ctrl-C stops",
        f"已在 {running.address} 监听；主机 {hosts}；按 Ctrl-C 停止",
        address=str(running.address), hosts=hosts,
    )  # fmt: skip
    if settings.test_terminals:
        lines.notice(
            "test keys are on: any terminal is taken in. For trials on this machine only.",
            "测试密钥已启用：接受任何终端，仅限本机试用。",
        )
    waiting = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(running.finished())
    await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    await control.stop()
    try:
        await _see_end(running, ended)
    finally:
        if shown is not None:
            await shown.stop()
        lines.say_left_out()
    counts = parts.node.counts.values
    lines.say(
        "info", "stopped",
        f"stopped; counts: {json.dumps(counts)}", f"已停止；计数：{json.dumps(counts)}",
        **{name: str(count) for name, count in counts.items()},
    )  # fmt: skip
    return ExitCode.DONE


async def _show_metrics(
    settings: Settings, folder: Path, running: Gateway, lines: LogLines
) -> MetricsServer | None:
    """Answer /metrics where the settings say; without that address money goes on all the same."""
    listen = settings.metrics.listen
    if listen is None:
        return None
    server = MetricsServer(listen, Exposition(running, folder / JOURNAL, SqliteReader).text)
    try:
        await server.start()
    except OSError as error:
        lines.notice(f"no metrics at {listen} ({error})", f"无法在 {listen} 提供指标（{error}）")
        return None
    at = f"http://{listen.host}:{server.port}/metrics"
    lines.say("info", "metrics", f"metrics at {at}", f"指标地址 {at}", address=at)
    if listen.host not in LOOPBACK:
        lines.notice(
            "metrics can be read beyond this machine by whoever reaches that address",
            "本机以外凡能访问该地址者均可读取指标",
        )
    return server


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
