"""`storno gateway`: run the gateway until it is told to stop.

Thin: settings in, log lines out. It must not decide anything about a transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.app.build import build_gateway, build_parts, settle_memory
from storno.app.settings import Settings, SettingsError, load
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.gateway.control import Control
from storno.gateway.control_wire import SOCKET
from storno.gateway.serve import JournalStopped
from storno.journal.base import JournalError
from storno.vault import VaultError
from storno.vault.base import VaultUnwritable

if TYPE_CHECKING:
    from pathlib import Path

    from storno.app.build import Parts
    from storno.gateway import events as ev

EVENTS: dict[str, tuple[str, str]] = {
    "link_up": ("host link is up", "主机链路已连接"),
    "link_down": ("host link is lost", "主机链路已断开"),
    "link_silent": ("host does not answer the echo; connecting anew", "主机对回响测试无应答，重新连接"),
    "link_refused": ("host refused our sign-on or echo", "主机拒绝签到或回响"),
    "connect_failed": ("cannot connect to the host; will try again", "无法连接主机，将重试"),
    "connection_refused": ("a terminal's connection was refused: no room", "终端连接数已满，拒绝连接"),
    "bad_framing": ("a terminal's bytes are no frames; closed", "终端报文分帧错误，已断开"),
    "host_bad_framing": ("the host's bytes are no frames; connecting anew", "主机报文分帧错误，重新连接"),
    "half_frame": ("a terminal stopped in the middle of a frame; closed", "终端报文只发了一半，已断开"),
    "unreadable": ("a terminal's message cannot be read; closed", "终端报文无法解析，已断开"),
    "host_unreadable": ("a host's message cannot be read", "主机报文无法解析"),
    "unknown_terminal": ("a terminal without keys here was refused (97)", "未登记的终端，已拒绝 (97)"),
    "terminal_bad_mac": ("a terminal's MAC is wrong: refused (A0)", "终端报文 MAC 错，已拒绝 (A0)"),
    "bad_answer": ("the host's answer cannot be trusted: reversing", "主机应答不可信：发起冲正"),
    "reversal_answer_bad_mac": ("the MAC of a reversal's answer is wrong: trying again", "冲正应答 MAC 错：将重发"),
    "bad_request": ("a request lacks what it needs: refused (30)", "请求缺少必要的域，已拒绝 (30)"),
    "bad_reversal": ("a terminal's reversal lacks what it needs: refused (30)", "终端冲正缺少必要的域，已拒绝 (30)"),
    "number_reused": ("a STAN was used again for another request: refused (94)", "流水号被另一笔交易重复使用，已拒绝 (94)"),
    "reversal_amount_differs": ("a terminal's reversal has another amount: refused (64)", "终端冲正金额与原交易不符，已拒绝 (64)"),
    "stray_answer": ("an answer that belongs to nothing we know", "收到不属于任何交易的应答"),
    "answer_from_terminal": ("a terminal sent an answer; closed", "终端发来应答报文，已断开"),
    "unexpected_from_host": ("the host asked something we do not do", "主机发来不支持的请求"),
    "host_reversal_unknown": ("the host reversed something we do not know", "主机冲正了一笔未知交易"),
    "host_reversal_refused": ("the host's reversal does not fit the transaction", "主机冲正与该交易状态不符"),
    "key_trouble": ("working keys do not prove themselves; not installed", "工作密钥校验不符，未安装"),
    "keys_not_kept": ("working keys could not be stored", "工作密钥无法保存"),
    "case": ("an exception needs a person", "产生差错，需人工处理"),
    "order_refused": ("an order does not fit the transaction", "该操作与交易状态不符"),
    "clock_jump": ("the machine's clock was set; our time goes on steadily", "系统时钟被调整；网关时间保持连续"),
}


class LogLines:
    """Write what the node tells, a line each: words for people, or JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json

    def __call__(self, told: ev.Log) -> None:
        """Write one."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        if self._json:
            line = json.dumps({"at": stamp, "level": told.level, "event": told.event, **dict(told.facts)}, ensure_ascii=False)
        else:
            english, chinese = EVENTS.get(told.event, (told.event, told.event))
            words = chinese if language() == "zh" else english
            facts = " ".join(f"{name}={value}" for name, value in told.facts)
            line = f"{stamp} {told.level:<7} {words}  {facts}".rstrip()
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


@click.command(help=t("Stand between terminals and the host.", "运行终端与主机之间的网关。"))
@click.option("--config", type=click.Path(dir_okay=False), help=t("storno.toml to use", "使用的 storno.toml"))
@click.option("--home", help=t("folder of all state", "存放全部数据的目录"))
@click.option("--listen", metavar="HOST:PORT", help=t("where terminals connect", "终端接入地址"))
@click.option("--host", "hosts", multiple=True, metavar="HOST:PORT", help=t("host to connect to; repeatable", "主机地址，可重复"))
@click.option("--check", is_flag=True, help=t("read the settings, say what they mean, stop", "只检查配置并退出"))
@click.option("--json", "as_json", is_flag=True, help=t("log lines as JSON", "以 JSON 输出日志"))
def gateway(*, config: str | None, home: str | None, listen: str | None, hosts: tuple[str, ...], check: bool, as_json: bool) -> int:
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
        raise Trouble(error.chinese if language() == "zh" else error.english, where=str(folder), code=ExitCode.OUTSIDE) from None
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
