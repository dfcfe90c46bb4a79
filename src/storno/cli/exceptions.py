"""`storno exceptions`: what the outside world and our books disagree about, and the people's work on it.

Thin: the journal holds, `recon.queue` joins findings and open cases, orders go through the running gateway or the
journal. What is printed holds no card data but masked numbers.
"""

from __future__ import annotations

import heapq
import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli import exception_orders as orders
from storno.cli.cases import ListByDefault
from storno.cli.count_option import count_option, how_many, rest
from storno.cli.exception_sheet import write_sheet
from storno.cli.exception_words import (
    SEVERITIES,
    SOURCES,
    as_data,
    fact_data,
    fact_line,
    kind_named,
    kind_title,
    money,
    next_step,
    unknown_kind,
    whose,
)
from storno.cli.explain import printable, settings_of
from storno.cli.finding_words import day_of, how_sure
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.outside_words import outside_line
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.width import wrap
from storno.diagnosis.story import local_text
from storno.journal.exception_table import TITLES, Standing
from storno.money import Money
from storno.recon.ageing import Calendar, CalendarError, local_day, read_calendar
from storno.recon.outside import outside_lines
from storno.recon.queue import View, Wanted, by_urgency, entries, words_of
from storno.statements.line import FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from storno.app.settings import Settings
    from storno.journal.exception_fact import About, ExceptionFact
    from storno.recon.outside import OutsideLine
    from storno.recon.queue import Entry

LISTED = 50


@click.group(
    name="exceptions",
    cls=ListByDefault,
    help=t(
        "The exception queue: differences found by reconciliation and open cases of transactions, with age, severity "
        "and owner. Without a subcommand: list.",
        "差异队列：对账发现的差异与交易的未了结差错，含时长、严重程度与负责人。不带子命令时列表。",
    ),
)
def exceptions() -> None:
    """Hold the commands about exceptions."""


for _command in orders.COMMANDS:
    exceptions.add_command(_command)


def view_of(settings: Settings) -> View:
    """Give the way the queue is looked at now.

    Raises:
        Trouble: the calendar file cannot be used.

    """
    try:
        chosen = settings.exceptions.calendar
        calendar = read_calendar(Path(chosen)) if chosen else Calendar()
    except CalendarError as error:
        raise Trouble(t(error.english, error.chinese), where="[exceptions] calendar") from None
    offset_min = settings.node.utc_offset_min
    return View(settings.exceptions, calendar, offset_min, local_day(int(time.time() * 1000), offset_min))


# -------------------------------------------------------------------- list
@exceptions.command(
    name="list",
    help=t(
        "List what somebody has to act on, the most urgent first; --out writes a sheet for `exceptions apply`.",
        "列出待处理事项，最紧急的在前；--out 导出表格，填写后用 `exceptions apply` 导入。",
    ),
)
@home_option
@click.option(
    "--open/--all", "unsettled", default=True, help=t("Only what is open, or all.", "仅未了结或全部。")
)
@click.option("--owner", default="", help=t("Only this person's.", "仅此负责人。"))
@click.option("--kind", default="", help=t("Only this finding or case.", "仅此类差异或差错。"))
@click.option("--mid", default="", help=t("Only this merchant's.", "仅此商户。"))
@click.option("--overdue", is_flag=True, help=t("Only what is past its due day.", "仅逾期。"))
@count_option(LISTED)
@click.option(
    "--out",
    type=click.Path(dir_okay=False),
    default=None,
    help=t("Write all of them to this .xlsx or .csv file.", "全部写入此 .xlsx 或 .csv 文件。"),
)
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def list_(  # noqa: D103 - its help says it
    home: str | None,
    unsettled: bool,  # noqa: FBT001 - click's flag
    owner: str,
    kind: str,
    mid: str,
    overdue: bool,  # noqa: FBT001 - click's flag
    count: int | None,
    out: str | None,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    settings = settings_of(home)
    view = view_of(settings)
    wanted = Wanted(every=not unsettled, owner=owner, kind=kind_named(kind), mid=mid, overdue=overdue)
    totals, most = _Totals(), how_many(count, LISTED, as_json=as_json)
    with open_journal(home) as journal:
        found = totals.counting(entries(journal, view, wanted))
        if out is None and most is not None:
            shown = heapq.nsmallest(most, found, key=by_urgency)
        else:
            shown = sorted(found, key=by_urgency)
            if out is not None:
                write_sheet(Path(out), shown, view.utc_offset_min)
            shown = shown[:most]
    if not totals.count and (none := unknown_kind(wanted.kind)):
        raise none
    if as_json:
        body = {
            "count": totals.count, "overdue": totals.overdue, "sums": dict(sorted(totals.sums.items())),
            "exceptions": [as_data(one) for one in shown],
        }  # fmt: skip
        click.echo(json.dumps(body, ensure_ascii=False))
    elif out is not None:
        click.echo(t(f"{totals.count} written to {out}", f"已写入 {totals.count} 条：{out}"))
    else:
        _print_list(shown, totals, home, view)
    return ExitCode.DONE


@dataclass(slots=True)
class _Totals:
    """What is summed while the queue passes by: a long one is never held whole."""

    count: int = 0
    overdue: int = 0
    sums: dict[str, dict[str, int]] = field(default_factory=dict)
    """By currency: findings over and short apart; cases have no sign and stand apart."""

    def counting(self, found: Iterable[Entry]) -> Iterator[Entry]:
        for one in found:
            self.count += 1
            self.overdue += one.age.overdue
            zero = {"over_minor": 0, "short_minor": 0, "case_minor": 0}
            side = (
                "case_minor"
                if one.record is None
                else "over_minor"
                if one.amount_minor > 0
                else "short_minor"
            )
            self.sums.setdefault(one.currency, zero)[side] += abs(one.amount_minor)
            yield one


def _print_list(shown: Sequence[Entry], totals: _Totals, home: str | None, view: View) -> None:
    if not shown:
        click.echo(t("Nothing is open.", "没有待处理事项。"))
        return
    for one in shown:
        for line in _entry_lines(one, home, view):
            click.echo(printable(line))
    for currency, sums in sorted(totals.sums.items()):
        over, short, doubt = (
            str(Money(sums[name], currency)) for name in ("over_minor", "short_minor", "case_minor")
        )
        click.echo(
            t(
                f"too much {over}, short {short}; in transactions that wait for a decision {doubt}",
                f"长款 {over}，短款 {short}；待处理交易涉及 {doubt}",
            )
        )
    number, late = totals.count, totals.overdue
    click.echo(
        t(
            f"{number} in all, {len(shown)} shown, {late} overdue",
            f"共 {number} 条，显示 {len(shown)} 条，逾期 {late} 条",
        )
    )
    if more := rest(number, len(shown)):
        click.echo(more + t("; --out FILE.xlsx writes all to a sheet", "；--out 文件.xlsx 全部导出为表格"))


def _entry_lines(one: Entry, home: str | None, view: View) -> Iterator[str]:
    since = local_text(one.since_ms, view.utc_offset_min)[:10]
    late = t("  OVERDUE", "  已逾期") if one.age.overdue else ""
    yield f"{one.id}  [{t(*SEVERITIES[one.age.severity])}]  {kind_title(one)}  {money(one)}{late}"
    place = "/".join(filter(None, (one.mid, one.tid))) + (f"  RRN {one.rrn}" if one.rrn else "")
    if one.record is not None:
        place = f"{day_of(one.record.about)}  {place}"
    owner = one.owner or t("nobody", "未分派")
    yield "  " + t(
        f"{t(*TITLES[one.standing])}, since {since} ({one.age.days} working days), due {one.age.due}, owner: {owner}",
        f"{t(*TITLES[one.standing])}，自 {since} 起 {one.age.days} 个工作日，限期 {one.age.due}，负责人：{owner}",
    )
    yield f"  {t(*SOURCES[one.source])}  {place}  {one.tx_id if one.tx_id != one.id else ''}".rstrip()
    step = next_step(one)
    if not step:
        return
    text = t("  next: ", "  下一步：") + (same_home(step, home) if one.record is None else step)
    yield from wrap(text, shutil.get_terminal_size().columns, "    ")


# -------------------------------------------------------------------- show
@exceptions.command(
    name="show",
    help=t(
        "Show one: what, how sure, how much, whose, what next, what not to do, its history and the outside lines.",
        "查看一条：内容、把握、金额、责任方、下一步、禁忌、历史与对账文件明细。",
    ),
)
@click.argument("what", metavar="ID")
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def show(what: str, home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Print everything about one exception."""
    view = view_of(settings_of(home))
    with open_journal(home) as journal:
        finding_id = orders.find_id(journal, what)
        record = journal.exception(finding_id)
        assert record is not None, f"{finding_id} was there and is gone"
        facts = journal.exception_facts(finding_id)
    entry = view.finding(record)
    try:
        outside = outside_lines(home_dir(home), record.about.lines)
    except FileRefused as error:
        raise Trouble(t(error.english, error.chinese), where=str(home_dir(home))) from None
    if as_json:
        click.echo(json.dumps(_show_data(entry, facts, outside), ensure_ascii=False))
        return ExitCode.DONE
    columns = shutil.get_terminal_size().columns
    for line in _show_lines(entry, facts, outside, home, view):
        for part in wrap(printable(line), columns, "    "):
            click.echo(part)
    return ExitCode.DONE


def _show_data(
    entry: Entry, facts: Sequence[ExceptionFact], outside: Sequence[OutsideLine]
) -> dict[str, Any]:
    assert entry.record is not None, "a case has no facts of its own here"
    one, words = entry.record.about, words_of(entry.record.about)
    return as_data(entry) | {
        "leg": one.leg, "key": one.key, "sure": one.sure, "matched_by": one.matched_by or None,
        "expected_minor": one.expected_minor, "found_minor": one.found_minor, "settled_on": one.settled_on or None,
        "date": one.date or None, "proposer": entry.record.proposer or None,
        "reference": entry.record.reference or None, "note": entry.record.note or None,
        "what": None if words is None else t(*words.what), "not_do": None if words is None else t(*words.not_do),
        "lines": [{"where": line.where, "file": line.file or None, **dict(line.members)} for line in outside],
        "line_count": len(one.lines), "evidence": list(entry.record.evidence),
        "history": [fact_data(fact) for fact in facts],
    }  # fmt: skip


def _show_lines(
    entry: Entry,
    facts: Sequence[ExceptionFact],
    outside: Sequence[OutsideLine],
    home: str | None,
    view: View,
) -> Iterator[str]:
    record = entry.record
    assert record is not None, "a case has no facts of its own here"
    one, words = record.about, words_of(record.about)
    yield f"{entry.id}  {kind_title(entry)}  {money(entry)}"
    late = t(", OVERDUE", "，已逾期") if entry.age.overdue else ""
    rows: list[tuple[str, str]] = [
        (t("state", "状态"), t(*TITLES[record.standing])),
        (t("severity", "严重程度"), t(*SEVERITIES[entry.age.severity])),
        (t("due", "限期"), f"{entry.age.due}{late}"),
        (t("owner", "负责人"), record.owner or t("nobody", "未分派")),
        (t("day", "日期"), day_of(one)),
        (t("about", "对象"), one.key),
        (t("what", "情况"), "" if words is None else t(*words.what)),
        (t("how sure", "把握"), how_sure(one)),
        *_both_sides(one),
        (t("whose", "责任方"), whose(entry)),
        (t("next", "下一步"), next_step(entry)),
        (t("DO NOT", "切勿"), "" if words is None else t(*words.not_do)),
        (t("transaction", "交易"), same_home(f"storno explain {one.tx_id}", home) if one.tx_id else ""),
        (t("resolution", "处理"), _resolution(entry, home)),
    ]
    yield from (f"  {label}{t(': ', '：')}{text}" for label, text in rows if text)
    if one.lines:
        yield t(f"outside lines ({len(one.lines)}):", f"对账文件明细（{len(one.lines)}）：")
    yield from (f"  {outside_line(line)}" for line in outside)
    yield t("history:", "历史：")
    yield from (f"  {fact_line(fact, local_text(fact.at_ms, view.utc_offset_min)[:19])}" for fact in facts)


def _both_sides(one: About) -> Iterator[tuple[str, str]]:
    """Say what should be there and what is; where the amount is not what differs, what it is."""
    expected, found = _minor(one.expected_minor, one.currency), _minor(one.found_minor, one.currency)
    if expected and expected == found:
        yield t("amount on both sides", "双方金额"), expected
        return
    yield t("expected", "应有"), expected
    yield t("found", "实有"), found


def _minor(amount_minor: int | None, currency: str) -> str:
    return "" if amount_minor is None else str(Money(amount_minor, currency))


def _resolution(entry: Entry, home: str | None) -> str:
    record = entry.record
    if record is None or record.how is None:
        return ""
    said = "  ".join(filter(None, (t(*TITLES[record.how]), record.reference, record.note)))
    if record.standing is Standing.PROPOSED:
        order = same_home(f"storno exceptions confirm {record.finding_id} --operator NAME", home)
        said += t(f"  (proposed by {record.proposer}; {order})", f"（由 {record.proposer} 提出；{order}）")
    return said
