"""What every `storno terminal` command shares: options, amounts and cards as typed, one order run, its slip printed.

Rule: one command is one order; an error of the person is said before anything is sent.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import click

from storno.app import home_dir
from storno.app.setting_check import address
from storno.app.settings import SettingsError, TerminalSettings, load
from storno.cli.slip import as_json, lines
from storno.cli.text import t
from storno.cli.trouble import Trouble
from storno.iso8583.cipher import CryptoError
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.keys import key_from_hex
from storno.sim.cards import card_named
from storno.terminal.card import Card, CardError, EntryMode
from storno.terminal.client import Options, OrderError, TerminalClient
from storno.terminal.file_store import FileStore
from storno.terminal.link import Address
from storno.terminal.operation import Operation
from storno.terminal.outcome import Outcome, Result
from storno.terminal.setup import SIGN_IN_CODES, TEST_TMK, Setup
from storno.terminal.store import StoreError, TerminalStore

EXIT: dict[Outcome, int] = {
    Outcome.APPROVED: 0,
    Outcome.PARTIAL: 0,
    Outcome.DECLINED: 1,
    Outcome.DOUBTFUL: 3,
    Outcome.UNKNOWN: 3,
    Outcome.NO_ANSWER: 3,
    Outcome.NOT_SENT: 4,
}
_NOT_SENT = 4
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?", re.ASCII)
DEFAULT_CARD = "normal1"
Work = Callable[[TerminalClient, TerminalStore], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Where:
    """What every subcommand is told: the settings with the command line over them, and what is for this run only."""

    told: TerminalSettings
    home: Path
    as_json: bool

    @property
    def tid(self) -> str:
        """Give the terminal's id."""
        return self.told.tid


def common(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options every subcommand takes, gathered into one `Where`."""
    options = [
        click.option("--tid", show_default="00000001", help=t("terminal id", "终端号")),
        click.option("--mid", show_default="000000000000001", help=t("merchant id", "商户号")),
        click.option(
            "--host",
            metavar=t("HOST:PORT", "主机:端口"),
            help=t("gateway or host; by default storno.toml's gateway", "网关或主机地址；缺省为 storno.toml 的网关"),
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar=t("FILE", "文件"),
            help=t("storno.toml to use; options here win over it", "使用的 storno.toml；命令行选项优先"),
        ),
        click.option("--home", metavar=t("DIRECTORY", "目录"), help=t("folder of all state", "数据目录")),
        click.option(
            "--dialect", type=click.Choice(sorted(DIALECTS)),
            help=t("message format instead of storno.toml's", "报文格式，代替 storno.toml 的设置"),
        ),
        click.option(
            "--tmk-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar=t("FILE", "文件"),
            help=t("master key as hex; a published test key without it", "主密钥文件（十六进制）；缺省为公开测试密钥"),
        ),
        click.option(
            "--sign-in-code", type=click.Choice(SIGN_IN_CODES), show_default="003",
            help=t("60.3: single DES, double, with track key, SM4", "60.3：单倍长、双倍长、含磁道密钥、国密"),
        ),
        click.option(
            "--tls-ca", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar=t("FILE", "文件"),
            help=t("use TLS and trust this certificate", "使用 TLS 并信任此证书"),
        ),
        click.option(
            "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True, max=600), show_default="60",
            help=t("seconds to wait for an answer", "等待应答秒数"),
        ),
        click.option("--json", "as_json", is_flag=True, help=t("print JSON", "输出 JSON")),
    ]  # fmt: skip

    @wraps(command)
    def gathered(**given: Any) -> int:
        shared = {name: given.pop(name) for name in _SHARED}
        home = home_dir(shared["home"])
        return command(Where(_told(shared, home), home, shared["as_json"]), **given)

    for option in reversed(options):
        gathered = option(gathered)
    return gathered


_SHARED = (
    "tid", "mid", "host", "config", "home", "dialect", "tmk_file", "sign_in_code", "tls_ca", "timeout_s", "as_json",
)  # fmt: skip
_SAME = ("tid", "mid", "sign_in_code")
"""Options that are their setting's value as they stand."""


def _told(given: dict[str, Any], home: Path) -> TerminalSettings:
    """Give the settings of the file with the options of the command line over them."""
    try:
        settings = load(given["config"], home, dialect=given["dialect"]).terminal
        over = {name: given[name] for name in _SAME if given[name] is not None}
        over |= {name: str(given[name]) for name in ("tmk_file", "tls_ca") if given[name] is not None}
        if given["host"] is not None:
            over["host"] = address(given["host"], "--host")
    except SettingsError as error:
        raise Trouble(
            t(error.en, error.zh), todo=t("see docs/configuration.md", "请看 docs/configuration.zh-CN.md")
        ) from None
    if given["timeout_s"] is not None:
        timeout_ms = max(1, int(given["timeout_s"] * 1000))
        connect_ms = min(timeout_ms, settings.connect_ms)
        over |= {"answer_ms": timeout_ms, "reversal_ms": timeout_ms, "connect_ms": connect_ms}
    return replace(settings, **over)


def parse_amount(text: str) -> int:
    """Read an amount in yuan exactly, as minor units.

    Raises:
        Trouble: zero, negative, more than two decimals, more than 12 digits, or no number.

    """
    minor = 0
    if _AMOUNT.fullmatch(text):
        whole, _, rest = text.partition(".")
        minor = int(whole) * 100 + int(rest.ljust(2, "0"))
    if not minor:
        raise Trouble(
            t(f"{text!r} is no amount", f"{text!r} 不是有效金额"),
            where="--amount",
            todo=t(
                "write yuan above zero with at most two decimals, for example 12.34",
                "请输入大于零、至多两位小数的金额，例如 12.34",
            ),
        )
    return minor


def parse_stan(text: str) -> str:
    """Read a trace number of up to six digits. Raises Trouble."""
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise Trouble(
            t(f"{text!r} is no trace number", f"{text!r} 不是流水号"),
            where="STAN",
            todo=t("give up to six digits, as on the slip", "请输入签购单上的流水号，至多六位数字"),
        )
    return text.zfill(6)


def read_card(text: str | None, entry: str) -> Card:
    """Read the card: a test card's name, a number, or - for a number on stdin. Raises Trouble."""
    named = card_named(text or DEFAULT_CARD)
    mode = EntryMode[entry.upper()]
    if named is not None:
        return Card(named.pan, named.expiry, mode)
    pan = sys.stdin.readline().strip() if text == "-" else text or ""
    try:
        return Card(pan, entry=mode)
    except CardError as error:
        raise Trouble(
            t(error.english, error.chinese),
            where="--card",
            todo=t("give a number or a test card's name, for example normal1", "请给出卡号或测试卡名，例如 normal1"),
        ) from error  # fmt: skip


def held(store: TerminalStore, auth_code: str, date: str | None, amount: str | None) -> tuple[str, int]:
    """Find date and amount of a hold: as given, else from the terminal's own log."""
    row = next(
        (
            r
            for r in reversed(store.entries())
            if r.operation is Operation.PREAUTH and r.auth_code == auth_code
        ),
        None,
    )
    if row is None and (date is None or amount is None):
        raise Trouble(
            t(f"no pre-authorisation {auth_code} in this terminal", f"本机没有授权码 {auth_code} 的预授权"),
            where="AUTH_CODE",
            todo=t("give --date and --amount from its slip", "请按签购单给出 --date 和 --amount"),
        )
    day = date if date is not None else row.date if row is not None else ""
    minor = parse_amount(amount) if amount is not None else row.approved_minor if row is not None else 0
    return day, minor


def _options(told: TerminalSettings) -> Options:
    if not told.host.port:
        raise Trouble(
            t("port 0 cannot be connected to", "不能连接端口 0"),
            where="--host",
            todo=t("write HOST:PORT, for example 127.0.0.1:7000", "请写 主机:端口，例如 127.0.0.1:7000"),
        )
    if not told.dialect.framing.tpdu_bytes:
        raise Trouble(
            t(
                f"{told.dialect.name} is a network's dialect; a terminal speaks cup_pos",
                f"{told.dialect.name} 是网络侧方言，终端使用 cup_pos",
            ),
            where="[gateway] dialect / --dialect",
            todo=t(
                "a gateway speaks one dialect on both sides: put a switch's messages through it, or use cup_pos",
                "网关两侧使用同一方言：请由转接系统发送报文，或改用 cup_pos",
            ),
        )
    try:
        setup = Setup(
            tid=told.tid,
            mid=told.mid,
            tpdu=told.tpdu,
            header=told.header,
            dialect=told.dialect,
            profile=told.dialect.profile,
            tmk=_master_key(told.tmk_file),
            sign_in_code=told.sign_in_code,
            operator=told.operator,
            currency=told.currency,
            answer_ms=told.answer_ms,
            reversal_ms=told.reversal_ms,
            takes_partial=told.takes_partial,
            utc_offset_min=told.utc_offset_min,
        )
    except CryptoError as error:
        raise Trouble(
            t(error.en, error.zh), where="--tmk-file", todo=t("32 hex digits", "应为 32 位十六进制")
        ) from None
    except ValueError as error:
        raise Trouble(str(error), where="--tid / --mid / --tmk-file") from None
    at = Address(told.host.host, told.host.port, _tls(told), connect_ms=told.connect_ms)
    return Options(setup, at)


def _master_key(file: str) -> bytes:
    return key_from_hex(Path(file).read_text("ascii").strip()) if file else TEST_TMK


def _tls(told: TerminalSettings) -> ssl.SSLContext | None:
    if not told.tls and not told.tls_ca:
        return None
    try:
        return ssl.create_default_context(cafile=told.tls_ca or None)
    except ssl.SSLError:
        raise Trouble(
            t("this is no certificate (PEM)", "不是有效的证书（PEM）"), where=f"tls_ca {told.tls_ca}"
        ) from None


def open_store(where: Where) -> FileStore:
    """Open the terminal's file; leaves with 4 (nothing was sent) when it is in use or damaged."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{8}", where.tid, re.ASCII):
        raise Trouble(
            t(f"{where.tid!r} is no TID", f"{where.tid!r} 不是有效终端号"),
            where="--tid",
            todo=t("8 letters or digits", "8 位字母或数字"),
        )
    try:
        return FileStore(where.home / "terminal" / f"{where.tid}.db")
    except StoreError as error:
        raise click.exceptions.Exit(not_sent(error)) from None


def not_sent(error: StoreError) -> int:
    """Say why the store refused; nothing was sent."""
    click.echo(f"{t('error: ', '错误：')}{t(error.english, error.chinese)}", err=True)
    return _NOT_SENT


def run(where: Where, work: Work, *, needs_keys: bool = True) -> int:
    """Do one order and print its slip."""
    options = _options(where.told)
    store = open_store(where)
    try:
        before = len(store.exceptions())
        result = asyncio.run(_work(options, store, work, needs_keys=needs_keys))
        slips = list(store.exceptions()[before:])
    except OrderError as error:
        raise Trouble(t(error.english, error.chinese), where="storno terminal") from None
    except CryptoError as error:
        raise Trouble(
            t(error.en, error.zh),
            where="--tmk-file",
            todo=t("the stored working keys need the same TMK", "请使用签到时的主密钥"),
        ) from None
    except StoreError as error:
        return not_sent(error)
    finally:
        store.close()
    if where.as_json:
        click.echo(json.dumps(as_json(result), ensure_ascii=False))
    else:
        for line in lines(result, slips, f"{options.address.host}:{options.address.port}"):
            click.echo(line)
        if needs_keys and result.operation is Operation.SIGN_IN:
            click.echo(
                t(
                    "The terminal signs in first; what you ordered was not begun.",
                    "终端须先签到；所要求的操作尚未开始。",
                )
            )
    return EXIT[result.outcome]


async def _work(options: Options, store: FileStore, work: Work, *, needs_keys: bool) -> Result:
    client = TerminalClient(options, store)
    try:
        if needs_keys and not client.core.signed_in:
            # A terminal out of the box: signing in moves no money and is what a cashier would do first.
            signed = await client.sign_in()
            if signed.outcome is not Outcome.APPROVED:
                return signed
        return await work(client, store)
    finally:
        await client.close()
