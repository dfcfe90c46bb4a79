"""`storno explain`: the whole story of one transaction, from the journal, beside a running gateway.

Thin: `diagnosis.story` tells, this file prints. What is printed holds no card data but the masked number.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.settings import SettingsError
from storno.app.settings import load as load_settings
from storno.cli.find import find, load, several
from storno.cli.finding_line import finding_data, finding_line
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.diagnosis.story import tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from storno.app.settings import Settings
    from storno.diagnosis.events import Event
    from storno.diagnosis.standing import Sums
    from storno.diagnosis.story import Story
    from storno.journal.exception_fact import ExceptionRecord
    from storno.journal.sqlite_reader import SqliteReader

WIDTH_MAX = 110


@click.command(
    name="explain",
    help=t(
        "Tell the whole story of one transaction: what failed, where the money is, who acts next, what not to do. "
        "ID is a journal id, an RRN, or TID/STAN[/date] with the date as YYYYMMDD or MMDD. "
        "Exit code 1 if there is none, or more than one without --all.",
        "讲清一笔交易：哪里出错、钱在哪里、下一步由谁处理、不要做什么。"
        "ID 可为流水编号、参考号，或 终端号/流水号[/日期]（YYYYMMDD 或 MMDD）。"
        "没有该交易，或有多笔而未加 --all 时，退出码为 1。",
    ),
)
@click.argument("what", metavar="ID")
@home_option
@click.option("--all", "every", is_flag=True, help=t("Tell all that match.", "讲述全部符合的交易。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print JSON.", "输出 JSON。"))
def explain(what: str, home: str | None, every: bool, as_json: bool) -> int:  # noqa: FBT001 - click's flags
    """Tell what is found."""
    offset_min = settings_of(home).node.utc_offset_min
    with open_journal(home) as journal:
        rows = find(journal, what)
        if len(rows) > 1 and not every:
            if as_json:
                click.echo(json.dumps({"matches": [row.tx_id for row in rows]}))
            else:
                click.echo(several(what, rows, offset_min))
                click.echo(t("Give one of these ids, or --all.", "请使用其中一个编号，或加 --all。"))
            return ExitCode.DISAGREES
        stories = [tell(*load(journal, row.tx_id), language(), offset_min) for row in rows]
        found = {row.tx_id: tuple(journal.exceptions(tx_id=row.tx_id)) for row in rows}
        reasons = {row.tx_id: _why(journal, row.tx_id, home) for row in rows}
    if as_json:
        told = [as_data(one, found[one.record.tx_id], reasons[one.record.tx_id]) for one in stories]
        click.echo(json.dumps(told if every else told[0], ensure_ascii=False))
        return ExitCode.DONE
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    console.width = min(console.width, WIDTH_MAX)
    for story in stories:
        _print(console, story, home, found[story.record.tx_id])
        console.print(
            printable(_why_line(reasons[story.record.tx_id], story.record.tx_id, home)), soft_wrap=True
        )
        console.print()
    return ExitCode.DONE


def settings_of(home: str | None) -> Settings:
    """Read the settings of a home folder: they hold the zone its gateway works in.

    Raises:
        Trouble: storno.toml cannot be used.

    """
    try:
        return load_settings(None, home_dir(home))
    except SettingsError as error:
        raise Trouble(error.say(language())) from None


def printable(text: str) -> str:
    """Make text from outside safe for a terminal: what cannot be printed becomes a question mark."""
    return "".join(one if one.isprintable() else "?" for one in text)


# -------------------------------------------------------------------- for people
def _print(console: Console, story: Story, home: str | None, found: Sequence[ExceptionRecord]) -> None:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    key = story.record.key
    name = f"{story.kind} {story.amount}  {story.card}".rstrip()
    place = f"{key.tid}/{key.stan}" + (f"  RRN {story.record.rrn}" if story.record.rrn else "")
    box = Table.grid(padding=(0, 2))
    for label, text, style in _box_lines(story, home):
        box.add_row(Text(label, style="bold"), Text(printable(text), style=style))
    title = Text(printable(name))
    subtitle = Text(printable(f"{story.record.tx_id}  {place}"))
    console.print(Panel(box, title=title, subtitle=subtitle, title_align="left"))
    for number, event in enumerate(story.events, 1):
        _print_event(console, number, event)
    for record in found:
        console.print(Text(printable(finding_line(record, home)), style="yellow"), soft_wrap=True)


def _why(journal: SqliteReader, tx_id: str, home: str | None) -> str:
    from storno.cli.why_ask import why_line  # loads numpy

    return why_line(journal, tx_id, home)


def _why_line(reason: str, tx_id: str, home: str | None) -> str:
    more = same_home(f"storno why {tx_id}", home)
    return t("why: ", "原因：") + f"{reason}  ({more})"


def _box_lines(story: Story, home: str | None) -> Iterator[tuple[str, str, str]]:
    s = story.summary
    yield t("What happened", "发生了什么"), s.headline, "bold"
    yield t("Cardholder", "持卡人"), s.money.cardholder, ""
    yield t("Shop", "商户"), s.money.merchant, ""
    yield t("In doubt", "待定"), s.money.in_doubt, "yellow" if s.sums.any_doubt else ""
    yield t("The till", "终端"), s.told, ""
    yield t("Next", "下一步"), f"{s.next.actor.title(language())}{t(': ', '：')}{s.next.what}", "cyan"
    if s.due_local:
        yield t("Next try", "下次尝试"), s.due_local[:19], ""
    if s.deadline_local:
        yield t("Given up at", "最晚时限"), s.deadline_local[:19], ""
    for command in s.next.commands:
        yield t("Order", "可用命令"), same_home(command, home), ""
    for warning in s.do_not:
        yield t("BEWARE", "请注意"), warning, "bold red"


def _print_event(console: Console, number: int, event: Event) -> None:
    from rich.padding import Padding
    from rich.text import Text

    head = Text(f"{number:>3}. {event.local}  ")
    head.append(event.who.title(language()), style="bold")
    console.print(head)
    lines = [event.what, *(f"→ {text}" for text in event.follows), f"= {event.money}"]
    for text in lines:
        console.print(Padding(Text(printable(text)), (0, 0, 0, 5), expand=False))


# -------------------------------------------------------------------- for programs
def as_data(story: Story, found: Sequence[ExceptionRecord] = (), why: str = "") -> dict[str, Any]:
    """Give a story as plain data for JSON; amounts in minor units, times in milliseconds and as the shop's clock."""
    record, s = story.record, story.summary
    key = record.key
    return {
        "tx_id": record.tx_id, "tid": key.tid, "mid": key.mid, "batch": key.batch, "stan": key.stan,
        "rrn": record.rrn, "auth_code": record.auth_code, "date": record.opening.date, "card": story.card,
        "kind": record.kind.value, "kind_title": story.kind, "amount_minor": record.opening.amount_minor,
        "currency": record.opening.currency, "amount": story.amount, "state": record.state.value,
        "case": None if record.case is None else record.case.value, "told": record.told.value,
        "summary": {
            "headline": s.headline, "cardholder": s.money.cardholder, "merchant": s.money.merchant,
            "in_doubt": s.money.in_doubt, "sums": _sums(s.sums), "told": s.told,
            "next": {
                "actor": s.next.actor.value, "what": s.next.what, "due_ms": s.next.due_ms or None,
                "due": s.due_local or None, "deadline_ms": s.next.deadline_ms or None,
                "deadline": s.deadline_local or None, "commands": list(s.next.commands),
            },
            "do_not": list(s.do_not),
        },
        "events": [
            {
                "at_ms": one.at_ms, "local": one.local, "who": one.who.value, "what": one.what,
                "follows": list(one.follows), "money": one.money, "sums": _sums(one.sums), "code": one.code,
                "state": one.state.value,
            }
            for one in story.events
        ],
        "findings": [finding_data(one) for one in found],
        "why": why or None,
    }  # fmt: skip


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "currency": sums.currency, "charged_minor": sums.charged_minor, "merchant_minor": sums.merchant_minor,
        "held_minor": sums.held_minor, "in_doubt_minor": sums.in_doubt_minor,
        "in_doubt_held_minor": sums.in_doubt_held_minor,
    }  # fmt: skip
