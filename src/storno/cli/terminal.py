"""`storno terminal`: be a POS, one command for one transaction; the terminal's memory lives under STORNO_HOME.

Exit codes: 0 approved or done, 1 declined, 2 bad input, 3 unknown, doubtful or reversal pending, 4 not sent.
Thin: see `terminal_run` for what the commands share.
"""

from __future__ import annotations

import json

import click

from storno.cli.slip import status_json, status_lines
from storno.cli.terminal_run import (
    DEFAULT_CARD,
    Where,
    common,
    held,
    not_sent,
    open_store,
    parse_amount,
    parse_stan,
    read_card,
    run,
)
from storno.cli.text import t
from storno.terminal.card import EntryMode
from storno.terminal.client import TerminalClient
from storno.terminal.outcome import Result
from storno.terminal.store import StoreError, TerminalStore

_PENDING = 3
_CARD = click.option(
    "--card",
    "card_text",
    metavar="PAN|NAME|-",
    help=t(
        f"card number, name of a test card (default {DEFAULT_CARD}), or - to read the number from stdin",
        f"卡号、测试卡名（默认 {DEFAULT_CARD}），或 - 从标准输入读取",
    ),
)
_ENTRY = click.option(
    "--entry",
    type=click.Choice([mode.name.lower() for mode in EntryMode]),
    default="chip",
    show_default=True,
    help=t("how the card is read", "读卡方式"),
)
_AMOUNT_OPTION = click.option("--amount", required=True, metavar="12.34", help=t("in yuan", "金额（元）"))
_DATE = click.option("--date", metavar="MMDD", help=t("date of the original", "原交易日期"))


class Orders(click.Group):
    """The terminal's orders; their options stand after them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; an order's option before the order is answered with where it belongs."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name
            if not any(name in one.opts for order in self.commands.values() for one in order.params):
                raise
            example = f"{ctx.command_path} sale {name} …"
            raise click.UsageError(
                t(f"{name} stands after the order: {example}", f"{name} 应写在交易名之后：{example}"), ctx
            ) from None


@click.group(
    cls=Orders,
    help=t(
        "Be a POS: one command is one transaction.\n\nExit codes: 0 approved or done, 1 declined, 2 bad input, "
        "3 unknown, doubtful or reversal pending, 4 not sent.",
        "模拟 POS 终端：一条命令即一笔交易。\n\n退出码：0 成功，1 被拒绝，2 输入有误，"
        "3 结果未知、存疑或待冲正，4 未发出。",
    ),
)
def terminal() -> None:
    """Hold the subcommands."""


@terminal.command("sign-in", help=t("Fetch working keys.", "签到：取工作密钥。"))
@common
def sign_in(where: Where) -> int:
    """Fetch working keys."""
    return run(where, lambda client, _: client.sign_in(), needs_keys=False)


@terminal.command("sign-off", help=t("Clear a pending reversal and sign off.", "签退（先完成待冲正）。"))
@common
def sign_off(where: Where) -> int:
    """Sign off."""
    return run(where, lambda client, _: client.sign_off())


@terminal.command(help=t("Test the line.", "回响测试。"))
@common
def echo(where: Where) -> int:
    """Test the line."""
    return run(where, lambda client, _: client.echo(), needs_keys=False)


@terminal.command(help=t("Ask for the card's balance.", "余额查询。"))
@_CARD
@_ENTRY
@common
def balance(where: Where, card_text: str | None, entry: str) -> int:
    """Ask for the balance."""
    card = read_card(card_text, entry)
    return run(where, lambda client, _: client.balance(card))


@terminal.command(help=t("Sell.", "消费。"))
@_AMOUNT_OPTION
@_CARD
@_ENTRY
@common
def sale(where: Where, amount: str, card_text: str | None, entry: str) -> int:
    """Sell."""
    minor, card = parse_amount(amount), read_card(card_text, entry)
    return run(where, lambda client, _: client.sale(minor, card))


@terminal.command(help=t("Undo a sale of this batch by its trace number.", "消费撤销（按本批次流水号）。"))
@click.argument("stan")
@_CARD
@_ENTRY
@common
def void(where: Where, stan: str, card_text: str | None, entry: str) -> int:
    """Undo a sale."""
    card = None if card_text is None else read_card(card_text, entry)
    trace = parse_stan(stan)
    return run(where, lambda client, _: client.void(trace, card))


@terminal.command(help=t("Give money back for a settled sale.", "退货（按原参考号）。"))
@click.argument("rrn")
@click.option("--date", required=True, metavar="MMDD", help=t("date of the original", "原交易日期"))
@_AMOUNT_OPTION
@_CARD
@_ENTRY
@common
def refund(where: Where, rrn: str, date: str, amount: str, card_text: str | None, entry: str) -> int:
    """Refund."""
    minor, card = parse_amount(amount), read_card(card_text, entry)
    return run(where, lambda client, _: client.refund(rrn, date, minor, card))


@terminal.command(help=t("Hold an amount on the card.", "预授权。"))
@_AMOUNT_OPTION
@_CARD
@_ENTRY
@common
def preauth(where: Where, amount: str, card_text: str | None, entry: str) -> int:
    """Pre-authorise."""
    minor, card = parse_amount(amount), read_card(card_text, entry)
    return run(where, lambda client, _: client.preauth(minor, card))


@terminal.command("preauth-void", help=t("Release a hold by its auth code.", "预授权撤销（按授权码）。"))
@click.argument("auth_code")
@_DATE
@click.option(
    "--amount",
    metavar="12.34",
    help=t("in yuan; from this terminal's log without it", "金额；缺省取本机记录"),
)
@_CARD
@_ENTRY
@common
def preauth_void(
    where: Where, auth_code: str, date: str | None, amount: str | None, card_text: str | None, entry: str
) -> int:
    """Release a hold."""
    card = read_card(card_text, entry)

    async def work(client: TerminalClient, store: TerminalStore) -> Result:
        day, minor = held(store, auth_code, date, amount)
        return await client.preauth_void(auth_code, day, minor, card)

    return run(where, work)


@terminal.command(help=t("Charge a hold by its auth code.", "预授权完成（按授权码）。"))
@click.argument("auth_code")
@_DATE
@click.option(
    "--amount", metavar="12.34", help=t("in yuan; the held amount without it", "金额；缺省为预授权金额")
)
@_CARD
@_ENTRY
@common
def completion(
    where: Where, auth_code: str, date: str | None, amount: str | None, card_text: str | None, entry: str
) -> int:
    """Charge a hold."""
    card = read_card(card_text, entry)

    async def work(client: TerminalClient, store: TerminalStore) -> Result:
        day, minor = held(store, auth_code, date, amount)
        return await client.completion(auth_code, day, minor, card)

    return run(where, work)


@terminal.command(
    "completion-void",
    help=t("Undo a completion of this batch by its trace number.", "预授权完成撤销（按流水号）。"),
)
@click.argument("stan")
@_CARD
@_ENTRY
@common
def completion_void(where: Where, stan: str, card_text: str | None, entry: str) -> int:
    """Undo a completion."""
    card = None if card_text is None else read_card(card_text, entry)
    trace = parse_stan(stan)
    return run(where, lambda client, _: client.completion_void(trace, card))


@terminal.command(help=t("Settle the batch, uploading details when totals differ.", "结算，不平则批上送。"))
@common
def settle(where: Where) -> int:
    """Settle."""
    return run(where, lambda client, _: client.settle())


@terminal.command(help=t("Send the pending reversal now.", "立即发送待冲正交易。"))
@click.option(
    "--set-aside",
    is_flag=True,
    help=t("do not send; move it to the visible exceptions", "不再发送，转入差错清单"),
)
@common
def drain(where: Where, *, set_aside: bool) -> int:
    """Clear the pending reversal."""
    return run(where, lambda client, _: client.set_aside() if set_aside else client.drain())


@terminal.command(
    short_help=t("Show what this terminal remembers.", "查看终端状态。"),
    help=t(
        "Show counters, the pending reversal, the log and the exceptions. Exit code 3 while a reversal is pending.",
        "查看计数器、待冲正交易、交易记录和差错。有待冲正交易时退出码为 3。",
    ),
)
@common
def status(where: Where) -> int:
    """Show what the terminal remembers; 3 when a reversal is pending."""
    store = open_store(where)
    try:
        loaded, rows, exceptions = store.load(), store.entries(), store.exceptions()
    except StoreError as error:
        return not_sent(error)
    finally:
        store.close()
    if where.as_json:
        click.echo(json.dumps(status_json(where.tid, loaded, rows, exceptions), ensure_ascii=False))
    else:
        for line in status_lines(where.tid, loaded, rows, exceptions):
            click.echo(line)
    return _PENDING if loaded.pending else 0
