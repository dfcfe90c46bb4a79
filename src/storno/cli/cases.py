"""`storno cases`: what needs a person, and the operator's orders about it.

Thin: the journal lists, `diagnosis` says what to do, the running gateway (or the journal, without one) takes orders.
Must not decide whether an order fits.
"""

from __future__ import annotations

import getpass
import json
import shutil
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.orders import give
from storno.cli.count_option import count_option, how_many, rest
from storno.cli.explain import settings_of
from storno.cli.find import Row, find_one, load, read_row
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.width import wrap
from storno.diagnosis import orders
from storno.diagnosis.story import local_text, tell
from storno.diagnosis.words import title
from storno.gateway.control_wire import AskOrder, ControlUnreachable, OrderDone, Refused
from storno.journal.base import JournalError
from storno.money import Money
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.postings import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from storno.diagnosis.story import Story
    from storno.journal.sqlite_reader import SqliteReader

EVERY = 1_000_000_000
LISTED = 100


def unsettled(journal: SqliteReader) -> tuple[Row, ...]:
    """List every open exception and every reversal that is not through, oldest first."""
    rows = {row[0]: row for row in journal.rows(cases_only=True, limit=EVERY)}
    rows |= {row[0]: row for row in journal.rows(pending_only=True, limit=EVERY)}
    found = (read_row(row) for row in rows.values())
    open_ = (row for row in found if row.case is not None or row.state is State.REVERSING)
    return tuple(sorted(open_, key=lambda row: (row.opened_ms, row.tx_id)))


def in_doubt(rows: Iterable[Row]) -> dict[str, int]:
    """Sum the money in doubt by currency, in minor units; transactions do not cancel out."""
    sums: dict[str, int] = {}
    for row in rows:
        if row.position is Position.SUSPENSE:
            sums[row.currency] = sums.get(row.currency, 0) + row.amount_minor
    return dict(sorted(sums.items()))


def operator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--operator`, `--note`, `--home` and `--json` to an order."""
    who = t("Your name in the journal (default: the login name).", "记入流水的操作员（默认为登录名）。")
    why = t("What it is based on; no card numbers.", "依据说明，不得含完整卡号。")
    command = click.option("--operator", default=None, help=who)(command)
    command = click.option("--note", default="", help=why)(command)
    command = click.option(
        "--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。")
    )(command)
    return home_option(command)


class ListByDefault(click.Group):
    """A group whose bare call, or one with options only, is its list."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `list` in front where no subcommand stands."""
        if not args or (args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(
    name="cases",
    cls=ListByDefault,
    help=t(
        "List what needs a person, and order what is to be done. Without a subcommand: list.",
        "列出需人工处理的交易，并下达处理指令。不带子命令时列表。",
    ),
)
def cases() -> None:
    """Hold the commands about what is open."""


# -------------------------------------------------------------------- list
@cases.command(
    name="list",
    help=t(
        "List open exceptions and reversals that are not through, oldest first.",
        "列出未关闭的差错和未完成的冲正，最早的在前。",
    ),
)
@home_option
@count_option(LISTED)
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def list_(home: str | None, count: int | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Print what is open."""
    offset_min = settings_of(home).node.utc_offset_min
    most = how_many(count, LISTED, as_json=as_json)
    with open_journal(home) as journal:
        rows = unsettled(journal)
        stories = [tell(*load(journal, row.tx_id), language(), offset_min) for row in rows[:most]]
    doubt = in_doubt(rows)
    if as_json:
        body = {"open": len(rows), "in_doubt_minor": doubt, "cases": [_as_data(one) for one in stories]}
        click.echo(json.dumps(body, ensure_ascii=False))
        return ExitCode.DONE
    if not rows:
        click.echo(
            t(
                "Nothing is open: no exception, no reversal under way.",
                "没有未了结事项：无差错，也无进行中的冲正。",
            )
        )
        return ExitCode.DONE
    for story in stories:
        _print(story, offset_min, home)
    sums = ", ".join(str(Money(minor, currency)) for currency, minor in doubt.items()) or "0"
    click.echo(
        t(
            f"{len(rows)} open, {len(stories)} shown; in doubt: {sums}",
            f"未了结 {len(rows)} 笔，显示 {len(stories)} 笔；待定 {sums}",
        )
    )
    if more := rest(len(rows), len(stories)):
        click.echo(more)
    return ExitCode.DONE


def _kind(case: Case | None, state: State) -> str:
    return title(state if case is None else case, language())


def _print(story: Story, offset_min: int, home: str | None) -> None:
    record, s = story.record, story.summary
    since = local_text(record.opened_ms, offset_min)[:19]
    click.echo(f"{record.tx_id}  {since}  {_kind(record.case, record.state)}")
    click.echo(f"  {record.key.tid}/{record.key.stan}  {story.kind} {story.amount}  {story.card}".rstrip())
    click.echo(t("  in doubt: ", "  待定：") + s.money.in_doubt)
    step = t("  next: ", "  下一步：") + f"{s.next.actor.title(language())}{t(': ', '：')}{s.next.what}"
    for line in wrap(step, shutil.get_terminal_size().columns, "    "):
        click.echo(line)
    for command in s.next.commands:
        click.echo(f"    {same_home(command, home)}")


def _as_data(story: Story) -> dict[str, Any]:
    record, s = story.record, story.summary
    return {
        "tx_id": record.tx_id, "tid": record.key.tid, "stan": record.key.stan, "rrn": record.rrn,
        "kind": record.kind.value, "state": record.state.value,
        "case": None if record.case is None else record.case.value,
        "title": _kind(record.case, record.state), "since_ms": record.opened_ms,
        "amount_minor": record.amount_minor, "currency": record.opening.currency,
        "in_doubt_minor": abs(s.sums.in_doubt_minor) + abs(s.sums.in_doubt_held_minor),
        "next": {"actor": s.next.actor.value, "what": s.next.what, "commands": list(s.next.commands)},
        "do_not": list(s.do_not),
    }  # fmt: skip


# -------------------------------------------------------------------- orders
@cases.command(
    name="retry",
    help=t("Order a reversal once more that was refused or given up.", "对被拒或已停止的冲正再次发起冲正。"),
)
@click.argument("what", metavar="ID")
@operator_options
def retry(what: str, home: str | None, operator: str | None, note: str, as_json: bool) -> int:  # noqa: FBT001 - click
    """Order a retry."""
    return _order(home, what, Input.RETRY_ORDERED, operator, note, as_json=as_json)


@cases.command(
    name="settle",
    short_help=t("Settle a transaction from evidence.", "依据凭证了结一笔交易。"),
    help=t(
        "Settle a transaction from evidence: did the bank side book it (--charged) or not (--not-charged)? "
        "For a void or a refund --charged means that it took effect.",
        "依据凭证了结：银行侧已入账（--charged）或未入账（--not-charged）。对撤销和退货，--charged 表示已生效。",
    ),
)
@click.argument("what", metavar="ID")
@click.option(
    "--charged/--not-charged", "charged", default=None, help=t("What the evidence shows.", "凭证所示结果。")
)
@click.option(
    "--force",
    is_flag=True,
    help=t("Settle it although nothing is open on it.", "该交易并无未了结事项，仍要了结。"),
)
@operator_options
def settle(
    what: str,
    charged: bool | None,  # noqa: FBT001 - click's flag
    force: bool,  # noqa: FBT001 - click's flag
    home: str | None,
    operator: str | None,
    note: str,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Order a settlement."""
    if charged is None:
        raise Trouble(
            t("say what the evidence shows", "请说明凭证所示结果"),
            todo=t("add --charged or --not-charged", "请加 --charged 或 --not-charged"),
        )
    order = Input.ADJUSTED_CHARGED if charged else Input.ADJUSTED_UNCHARGED
    return _order(home, what, order, operator, note, as_json=as_json, force=force)


@cases.command(
    name="close",
    help=t("Close an exception that was looked at, without moving money.", "核查后关闭差错，不变动资金。"),
)
@click.argument("what", metavar="ID")
@operator_options
def close(what: str, home: str | None, operator: str | None, note: str, as_json: bool) -> int:  # noqa: FBT001 - click
    """Order a case to be closed."""
    return _order(home, what, Input.CASE_CLOSED, operator, note, as_json=as_json)


def _order(
    home: str | None,
    what: str,
    order: Input,
    operator: str | None,
    note: str,
    *,
    as_json: bool,
    force: bool = True,
) -> int:
    settings = settings_of(home)
    who = operator if operator is not None else login_name()
    with open_journal(home) as journal:
        tx_id = find_one(journal, what, settings.node.utc_offset_min).tx_id
        record, _ = load(journal, tx_id)
    if not force and not orders.unsettled(record):
        state = title(record.state, language())
        raise Trouble(
            t(f'nothing is open on {tx_id}: it is "{state}"', f"{tx_id} 没有未了结事项，当前为“{state}”"),
            todo=t(
                "look at it with `storno explain`; --force settles it all the same",
                "请先用 `storno explain` 查看；确需了结请加 --force",
            ),
            code=ExitCode.DISAGREES,
        )
    try:
        answer, by_gateway = give(settings, home_dir(home), AskOrder(tx_id, order, who, note))
    except JournalError as error:
        raise Trouble(t(error.english, error.chinese), code=ExitCode.OUTSIDE) from None
    except ControlUnreachable as error:
        raise Trouble(
            t(f"the gateway did not answer: {error}", f"网关没有应答：{error}"),
            todo=t(
                f"look at `storno explain {tx_id}` before you repeat it",
                f"重试前请先查看 `storno explain {tx_id}`",
            ),
            code=ExitCode.OUTSIDE,
        ) from None
    if isinstance(answer, Refused):
        bad = answer.code in ("operator", "note", "card")
        code = (
            ExitCode.BAD_INPUT
            if bad
            else ExitCode.OUTSIDE
            if answer.code in ("journal", "halted")
            else ExitCode.DISAGREES
        )
        todo = (
            t("give it with --operator NAME", "请用 --operator 姓名 给出")
            if answer.code == "operator"
            else ""
        )
        raise Trouble(t(answer.english, answer.chinese), where=tx_id, todo=todo, code=code)
    assert isinstance(answer, OrderDone), f"an order was answered by {type(answer).__name__}"
    _say_done(answer, as_json=as_json, by_gateway=by_gateway)
    return ExitCode.DONE


def login_name() -> str:
    """Give the name a person is logged in with; empty when there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _say_done(answer: OrderDone, *, as_json: bool, by_gateway: bool) -> None:
    if as_json:
        body = {
            "tx_id": answer.tx_id,
            "state": answer.state,
            "case": answer.case or None,
            "by_gateway": by_gateway,
        }
        click.echo(json.dumps(body))
        return
    state = title(State(answer.state), language())
    click.echo(t(f"{answer.tx_id}: done; now {state}", f"{answer.tx_id}：已执行；当前：{state}"))
    if not by_gateway and answer.state == State.REVERSING.value:
        click.echo(
            t(
                "No gateway runs: the reversal goes out when one starts.",
                "网关未运行：冲正将在网关启动后发出。",
            )
        )
