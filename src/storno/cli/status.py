"""`storno status`: how the gateway of this home is, and what waits for a person, in words.

Thin: the gateway answers on its socket, the journal is read beside it. Changes nothing.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.orders import running
from storno.cli.cases import in_doubt, unsettled
from storno.cli.open_journal import JOURNAL_FILE, home_option, open_journal
from storno.cli.text import t
from storno.cli.trouble import ExitCode
from storno.money import Money
from storno.reversal.lifecycle import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.cli.find import Row
    from storno.gateway.control_wire import GatewayStatus


@click.command(
    name="status",
    help=t(
        "Say how the gateway is: links, open reversals, money in doubt. Exit code 1 if none runs or a link is missing.",
        "查看网关状态：链路、未完成冲正、待定资金。网关未运行或主机链路缺失时退出码为 1。",
    ),
)
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def status(home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Ask and tell."""
    folder = home_dir(home)
    gateway = running(folder)
    rows: tuple[Row, ...] = ()
    begun = (folder / JOURNAL_FILE).exists()
    if begun:
        with open_journal(home) as journal:
            rows = unsettled(journal)
    if as_json:
        click.echo(json.dumps(_as_data(gateway, rows), ensure_ascii=False))
    else:
        _print(gateway, rows)
        if not begun:
            click.echo(
                t(
                    f"No gateway has ever run in {folder}: nothing is recorded there. Another folder: --home.",
                    f"{folder} 中从未运行过网关，没有任何记录。数据在别处请加 --home。",
                )
            )
    well = gateway is not None and not gateway.halted and len(gateway.links_up) >= gateway.links_wanted
    return ExitCode.DONE if well else ExitCode.DISAGREES


def _print(gateway: GatewayStatus | None, rows: Sequence[Row]) -> None:
    if gateway is None:
        click.echo(t("The gateway is not running.", "网关未运行。"))
    else:
        _print_gateway(gateway)
    exceptions = [row for row in rows if row.case is not None]
    open_ = [row for row in rows if row.state is State.REVERSING]
    sums = ", ".join(str(Money(minor, currency)) for currency, minor in in_doubt(rows).items()) or t(
        "nothing", "无"
    )
    click.echo(t(f"Reversals under way: {len(open_)}", f"进行中的冲正：{len(open_)} 笔"))
    click.echo(t(f"Exceptions for a person: {len(exceptions)}", f"需人工处理的差错：{len(exceptions)} 笔"))
    click.echo(t(f"Money in doubt: {sums}", f"待定资金：{sums}"))
    if rows:
        click.echo(t(f"Oldest: {rows[0].tx_id}, {_age(rows)}", f"最早一笔：{rows[0].tx_id}，{_age(rows)}"))
        click.echo(t("See: storno cases", "请看：storno cases"))


def _print_gateway(gateway: GatewayStatus) -> None:
    minutes = gateway.uptime_ms // 60_000
    click.echo(
        t(
            f"The gateway runs (process {gateway.pid}) for {minutes} min.",
            f"网关运行中（进程 {gateway.pid}），已运行 {minutes} 分钟。",
        )
    )
    if gateway.halted:
        click.echo(t(f"IT HAS STOPPED WORKING: {gateway.halted}", f"网关已停止服务：{gateway.halted}"))
    if gateway.draining:
        click.echo(
            t('It is stopping: new requests are answered "not sent".', "正在停止：新请求一律答复“未发出”。")
        )
    up, wanted = len(gateway.links_up), gateway.links_wanted
    click.echo(t(f"Host links up: {up} of {wanted}", f"主机链路：{up}/{wanted}"))
    click.echo(t(f"Terminals connected: {gateway.terminals}", f"已连接终端：{gateway.terminals} 台"))
    click.echo(t(f"Waiting for the bank: {gateway.in_flight}", f"等待银行应答：{gateway.in_flight} 笔"))


def _age(rows: Sequence[Row]) -> str:
    minutes = max(0, int(time.time() * 1000) - rows[0].opened_ms) // 60_000
    if minutes < 120:
        return t(f"{minutes} min", f"{minutes} 分钟")
    return t(f"{minutes // 60} h", f"{minutes // 60} 小时")


def _as_data(gateway: GatewayStatus | None, rows: Sequence[Row]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "running": gateway is not None,
        "reversals_open": sum(row.state is State.REVERSING for row in rows),
        "exceptions": sum(row.case is not None for row in rows),
        "in_doubt_minor": in_doubt(rows),
        "oldest": {"tx_id": rows[0].tx_id, "since_ms": rows[0].opened_ms} if rows else None,
    }
    if gateway is not None:
        body["gateway"] = {
            "pid": gateway.pid, "incarnation": gateway.incarnation, "uptime_ms": gateway.uptime_ms,
            "terminals": gateway.terminals, "links_up": list(gateway.links_up), "links_wanted": gateway.links_wanted,
            "in_flight": gateway.in_flight, "reversals_open": gateway.reversals_open,
            "oldest_reversal_ms": gateway.oldest_reversal_ms,
            "in_doubt_minor": {one.currency: one.amount_minor for one in gateway.in_doubt},
            "counts": dict(gateway.counts), "draining": gateway.draining, "halted": gateway.halted or None,
        }  # fmt: skip
    return body
