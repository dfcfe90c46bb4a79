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
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from storno.app import home_dir
from storno.app.settings import SettingsError, load
from storno.cli.slip import as_json, lines
from storno.cli.text import t
from storno.cli.trouble import Trouble
from storno.iso8583.cipher import CryptoError
from storno.iso8583.dialects import DIALECTS, dialect
from storno.iso8583.keys import key_from_hex
from storno.sim.cards import card_named
from storno.terminal.card import Card, CardError, EntryMode
from storno.terminal.client import Options, OrderError, TerminalClient
from storno.terminal.file_store import FileStore
from storno.terminal.link import Address
from storno.terminal.operation import Operation
from storno.terminal.outcome import Outcome, Result
from storno.terminal.setup import TEST_TMK, Setup
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
PORT_LIMIT = 65_536
_AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?", re.ASCII)
DEFAULT_CARD = "normal1"
Work = Callable[[TerminalClient, TerminalStore], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Where:
    """What every subcommand is told."""

    tid: str
    mid: str
    host: str | None
    config: Path | None
    home: str | None
    dialect: str | None
    tmk_file: Path | None
    sign_in_code: str
    tls_ca: Path | None
    timeout_s: float
    as_json: bool


def common(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options every subcommand takes, gathered into one `Where`."""
    options = [
        click.option("--tid", default="00000001", show_default=True, help=t("terminal id", "终端号")),
        click.option("--mid", default="000000000000001", show_default=True, help=t("merchant id", "商户号")),
        click.option(
            "--host",
            metavar="HOST:PORT",
            help=t("gateway or host; by default storno.toml's gateway", "网关或主机地址；缺省为 storno.toml 的网关"),
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help=t("storno.toml: dialect, profile and address", "storno.toml：报文格式、参数与地址"),
        ),
        click.option("--home", metavar="DIR", help=t("folder of all state", "数据目录")),
        click.option(
            "--dialect", type=click.Choice(sorted(DIALECTS)),
            help=t("message format, with its own profile", "报文格式（使用其默认参数）"),
        ),
        click.option(
            "--tmk-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
            help=t("master key as hex; a published test key without it", "主密钥文件（十六进制）；缺省为公开测试密钥"),
        ),
        click.option(
            "--sign-in-code", type=click.Choice(["001", "003", "004", "005"]), default="003", show_default=True,
            help=t("60.3: single DES, double, with track key, SM4", "60.3：单倍长、双倍长、含磁道密钥、国密"),
        ),
        click.option(
            "--tls-ca", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
            help=t("use TLS and trust this certificate", "使用 TLS 并信任此证书"),
        ),
        click.option(
            "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True, max=600), default=60.0,
            show_default=True, help=t("seconds to wait for an answer", "等待应答秒数"),
        ),
        click.option("--json", "as_json", is_flag=True, help=t("print JSON", "输出 JSON")),
    ]  # fmt: skip

    @wraps(command)
    def gathered(**given: Any) -> int:
        where = Where(**{name: given.pop(name) for name in Where.__slots__})
        return command(where, **given)

    for option in reversed(options):
        gathered = option(gathered)
    return gathered


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


def _options(where: Where) -> Options:
    try:
        settings = load(where.config, home_dir(where.home))
    except SettingsError as error:
        raise Trouble(t(error.en, error.zh), where="--config") from None
    gateway = settings.serve.listen
    address = where.host or f"{gateway.host}:{gateway.port}"
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < PORT_LIMIT:
        raise Trouble(
            t(f"{address!r} is no address", f"{address!r} 不是有效地址"),
            where="--host",
            todo=t("write HOST:PORT, for example 127.0.0.1:7000", "请写 主机:端口，例如 127.0.0.1:7000"),
        )
    chosen = settings.dialect if where.dialect is None else dialect(where.dialect)
    timeout_ms = max(1, int(where.timeout_s * 1000))
    try:
        tmk = TEST_TMK if where.tmk_file is None else key_from_hex(where.tmk_file.read_text("ascii").strip())
        setup = Setup(
            tid=where.tid,
            mid=where.mid,
            dialect=chosen,
            profile=chosen.profile,
            tmk=tmk,
            sign_in_code=where.sign_in_code,
            answer_ms=timeout_ms,
            reversal_ms=timeout_ms,
        )
    except CryptoError as error:
        raise Trouble(
            t(error.en, error.zh), where="--tmk-file", todo=t("32 hex digits", "应为 32 位十六进制")
        ) from None
    except ValueError as error:
        raise Trouble(str(error), where="--tid / --mid / --tmk-file") from None
    tls = None if where.tls_ca is None else ssl.create_default_context(cafile=str(where.tls_ca))
    return Options(setup, Address(host.strip("[]"), int(port), tls, connect_ms=min(timeout_ms, 10_000)))


def open_store(where: Where) -> FileStore:
    """Open the terminal's file; leaves with 4 (nothing was sent) when it is in use or damaged."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{8}", where.tid, re.ASCII):
        raise Trouble(
            t(f"{where.tid!r} is no TID", f"{where.tid!r} 不是有效终端号"),
            where="--tid",
            todo=t("8 letters or digits", "8 位字母或数字"),
        )
    try:
        return FileStore(home_dir(where.home) / "terminal" / f"{where.tid}.db")
    except StoreError as error:
        raise click.exceptions.Exit(not_sent(error)) from None


def not_sent(error: StoreError) -> int:
    """Say why the store refused; nothing was sent."""
    click.echo(f"{t('error', '错误')}: {t(error.english, error.chinese)}", err=True)
    return _NOT_SENT


def run(where: Where, work: Work, *, needs_keys: bool = True) -> int:
    """Do one order and print its slip."""
    options = _options(where)
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
        for line in lines(result, slips):
            click.echo(line)
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
