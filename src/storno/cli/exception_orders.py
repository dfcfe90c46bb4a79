"""Orders of `storno exceptions`: assign, resolve, confirm, reject, note, reopen, and a filled-in sheet.

All ids of one call are taken together or not at all; what cannot be taken is listed with its reason. Must not decide
whether an order fits: the journal's side does, at the moment of writing.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.app.exceptions import HomeDoor
from storno.cli.cases import login_name, operator_options
from storno.cli.exception_sheet import read_sheet
from storno.cli.explain import settings_of
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.iso8583.mask import scrub
from storno.journal.base import JournalError
from storno.journal.exception_order import GROUP_MAX, Act, Outcome, take
from storno.journal.exception_table import TITLES, How, Move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storno.cli.exception_sheet import SheetRow
    from storno.journal.exception_fact import ExceptionRecord
    from storno.journal.exception_order import Refusal
    from storno.journal.sqlite_reader import SqliteReader

_OUTSIDE = frozenset({"journal", "halted", "unanswered", "busy", "full", "older"})
_INPUT = frozenset({"operator", "owner", "note", "card", "how", "reference", "unknown", "too_many"})
_MOVES = {move.value: move for move in Move}


def find_id(journal: SqliteReader, what: str) -> str:
    """Find the one finding whose id begins like this.

    Raises:
        Trouble: there is none, or more than one.

    """
    start = what.strip().lower().removeprefix("finding:")
    hits = journal.exception_ids(start) if start and set(start) <= set("0123456789abcdef") else ()
    if len(hits) == 1:
        return hits[0]
    named = repr(scrub(what))
    if hits:
        raise Trouble(
            t(
                f"{named} begins more than one id: {', '.join(hits)}",
                f"{named} 对应多个编号：{'、'.join(hits)}",
            ),
            code=ExitCode.DISAGREES,
        )
    if journal.search(what):
        raise Trouble(
            t(f"{named} is a transaction, not a finding", f"{named} 是交易，不是对账差异"),
            todo=t(
                "look with `storno explain`, order with `storno cases`",
                "请用 `storno explain` 查看，用 `storno cases` 处理",
            ),
            code=ExitCode.DISAGREES,
        )
    raise Trouble(
        t(f"there is no finding {named}", f"没有差异 {named}"),
        where=str(journal.path),
        todo=t("`storno exceptions list --all` shows their ids", "`storno exceptions list --all` 可列出编号"),
        code=ExitCode.DISAGREES,
    )


def _order(
    ids: Sequence[str], home: str | None, operator: str | None, *, as_json: bool, make: Callable[[Act], Act]
) -> int:
    """Give the same order about several findings."""
    settings = settings_of(home)
    who = operator if operator is not None else login_name()
    with open_journal(home) as journal:
        found = list(dict.fromkeys(find_id(journal, one) for one in ids))
    now_ms = int(time.time() * 1000)
    limit = settings.exceptions.confirm_above_minor
    acts = [make(Act(one, Move.NOTED, who, now_ms, limit_minor=limit)) for one in found]
    outcome = _give(home, acts)
    if outcome.refused:
        raise _refused(outcome.refusals, outcome.refused)
    _say(home, outcome, found, as_json=as_json)
    return ExitCode.DONE


def _give(home: str | None, acts: Sequence[Act]) -> Outcome:
    try:
        return HomeDoor(home_dir(home)).take(acts)
    except JournalError as error:
        code = ExitCode.OUTSIDE if error.code in _OUTSIDE else ExitCode.BAD_INPUT
        code = ExitCode.DISAGREES if error.code == "corrupt" else code
        raise Trouble(t(error.english, error.chinese), code=code) from None


def _refused(refusals: Sequence[Refusal], count: int) -> Trouble:
    lines = list(dict.fromkeys(t(one.english, one.chinese) for one in refusals))
    lines += [t(f"… {count} in all", f"……共 {count} 条")] if count > len(refusals) else []
    first = refusals[0].code
    todo = {
        "operator": t("give it with --operator NAME", "请用 --operator 姓名 给出"),
        "same_person": t(
            "ask a colleague; give the name with --operator", "请由同事复核，并用 --operator 注明"
        ),
        "not_allowed": t("look with `storno exceptions show`", "请用 `storno exceptions show` 查看"),
        "note": t("add --note", "请加 --note"),
        "reference": t("add --reference", "请加 --reference"),
    }.get(first, "")
    bad = all(one.code in _INPUT for one in refusals)
    code = ExitCode.BAD_INPUT if bad else ExitCode.DISAGREES
    what = t("nothing was done: ", "未执行任何操作：") + "; ".join(lines)
    return Trouble(what, todo=todo, code=code)


def _say(home: str | None, outcome: Outcome, ids: Sequence[str], *, as_json: bool) -> None:
    counts = dict(outcome.counts)
    if as_json:
        click.echo(json.dumps({"counts": counts, "ids": list(ids)}))
        return
    for name, number in counts.items():
        what = t("nothing to do", "无需处理") if name == "nothing" else t(*TITLES[_MOVES[name]])
        told = f"{what}{t(': ', '：')}{' '.join(ids)}" if len(counts) == 1 else f"{number}  {what}"
        click.echo(told)
    if counts.get(Move.PROPOSED.value):
        order = same_home(f"storno exceptions confirm {' '.join(ids)} --operator NAME", home)
        click.echo(t(f"A second person confirms: {order}", f"须由另一人复核：{order}"))


_IDS = click.argument("ids", metavar="ID...", nargs=-1, required=True)


# -------------------------------------------------------------------- orders
@click.command(name="assign", help=t("Give findings to somebody.", "分派给负责人。"))
@_IDS
@click.option("--to", "owner", required=True, help=t("Who takes care of it.", "负责人。"))
@operator_options
def assign(
    ids: tuple[str, ...],
    owner: str,
    home: str | None,
    operator: str | None,
    note: str,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Order an assignment."""
    return _order(
        ids,
        home,
        operator,
        as_json=as_json,
        make=lambda act: replace(act, move=Move.ASSIGNED, owner=owner, note=note),
    )


@click.command(
    name="resolve",
    short_help=t("Say what became of findings.", "标记处理结果。"),
    help=t(
        "Say what became of findings. They stay until a file shows the money. What nobody outside answers for "
        "(accepted, booked, duplicate, wrong_finding) needs a second person above [exceptions] confirm_above_minor.",
        "标记处理结果；资金经对账文件证实后才核销。accepted、booked、duplicate、wrong_finding "
        "超过 [exceptions] confirm_above_minor 时须另一人复核。",
    ),
)
@_IDS
@click.option(
    "--how",
    required=True,
    type=click.Choice([one.value for one in How]),
    help=t("What was done.", "处理方式。"),
)
@click.option("--reference", default="", help=t("Where it can be looked up.", "凭证号。"))
@operator_options
def resolve(
    ids: tuple[str, ...],
    how: str,
    reference: str,
    home: str | None,
    operator: str | None,
    note: str,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Order a resolution."""

    def make(act: Act) -> Act:
        return replace(act, move=Move.RESOLVED, how=How(how), reference=reference, note=note)

    return _order(ids, home, operator, as_json=as_json, make=make)


def _with_note(name: str, english: str, chinese: str, move: Move) -> click.Command:
    """Make a command that orders one move about findings, with no more to say than a note."""

    @click.command(name=name, help=t(english, chinese))
    @_IDS
    @operator_options
    def command(
        ids: tuple[str, ...],
        home: str | None,
        operator: str | None,
        note: str,
        as_json: bool,  # noqa: FBT001 - click's flag
    ) -> int:
        return _order(
            ids, home, operator, as_json=as_json, make=lambda act: replace(act, move=move, note=note)
        )

    return command


confirm = _with_note(
    "confirm", "Confirm what another person proposed.", "复核通过他人提交的处理。", Move.CONFIRMED
)
reject = _with_note(
    "reject",
    "Send a proposal back; it stays in the history.",
    "退回他人提交的处理；记录保留。",
    Move.REJECTED,
)
note_ = _with_note("note", "Write a note (--note) to findings.", "添加备注（--note）。", Move.NOTED)
reopen = _with_note(
    "reopen", "Open again what was resolved or closed.", "重新打开已处理或已核销的差异。", Move.REOPENED
)


# -------------------------------------------------------------------- a sheet
@click.command(
    name="apply",
    short_help=t("Take back a filled-in sheet.", "导入填写好的表格。"),
    help=t(
        "Take back a sheet of `exceptions list --out`: a new owner assigns, a filled `how` resolves, a note alone is "
        "noted. Nothing is done unless every row is good; --dry-run only checks.",
        "导入 `exceptions list --out` 的表格：改负责人即分派，填处理方式即标记结果，只填说明即备注。"
        "任何一行有误则全部不执行；--dry-run 仅检查。",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help=t("Check only.", "仅检查。"))
@click.option(
    "--operator", default=None, help=t("Your name (default: the login name).", "操作员（默认为登录名）。")
)
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def apply(
    file: str,
    dry_run: bool,  # noqa: FBT001 - click's flag
    operator: str | None,
    home: str | None,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Check the rows, then give all their orders at once."""
    limit = settings_of(home).exceptions.confirm_above_minor
    who = operator if operator is not None else login_name()
    rows, now_ms = read_sheet(Path(file)), int(time.time() * 1000)
    acts: list[Act] = []
    numbers: list[int] = []
    errors: list[tuple[int, str]] = []
    with open_journal(home) as journal:
        seen: set[str] = set()
        for row in rows:
            made = _row_acts(row, journal, seen, Act(row.id, Move.NOTED, who, now_ms, limit_minor=limit))
            if isinstance(made, str):
                errors.append((row.number, made))
            else:
                acts += made
                numbers += [row.number] * len(made)
        tried = take(journal.exception, acts)
    errors += [(numbers[one.place], t(one.english, one.chinese)) for one in tried.refusals]
    if len(acts) > GROUP_MAX:
        errors.append((0, t(f"at most {GROUP_MAX} changes in one sheet", f"一份表格最多 {GROUP_MAX} 处修改")))
    outcome = Outcome(tuple(sorted(tried.counts.items())))
    if acts and not errors and not dry_run:
        outcome = _give(home, acts)
        errors = [(numbers[one.place], t(one.english, one.chinese)) for one in outcome.refusals]
    _say_applied(file, outcome, sorted(set(errors)), dry_run=dry_run, as_json=as_json)
    return ExitCode.BAD_INPUT if errors else ExitCode.DONE


def _row_acts(row: SheetRow, journal: SqliteReader, seen: set[str], base: Act) -> list[Act] | str:
    """Turn a row into orders; a text says what is wrong with it."""
    record = journal.exception(row.id)
    if record is None:
        if not journal.facts(row.id):
            return t(f"there is no finding {scrub(row.id)!r}", f"没有差异 {scrub(row.id)!r}")
        edited = any((row.owner, row.how, row.reference, row.note))
        words = t("a transaction's case is settled with `storno cases`", "交易差错请用 `storno cases` 处理")
        return words if edited else []
    if row.id in seen:
        return t("the same finding stands here twice", "同一差异出现两次")
    seen.add(row.id)
    if row.how and row.how not in {one.value for one in How}:
        names = ", ".join(one.value for one in How)
        return t(f"how is one of {names}", f"处理方式应为：{names}")
    made = _changes(row, record, base, {fact.note for fact in journal.exception_facts(row.id)})
    if made and row.version != record.version:
        return t("it has changed since the sheet was written", "该差异在导出之后已有变化，请重新导出")
    # the first order says what was looked at; the next of the row follow it in the same group
    return [replace(one, version=0 if place else row.version) for place, one in enumerate(made)]


def _changes(row: SheetRow, record: ExceptionRecord, base: Act, notes: set[str]) -> list[Act]:
    """Give what a row asks for that is not so already: the same sheet twice changes nothing."""
    made: list[Act] = []
    if row.owner and row.owner != record.owner:
        made.append(replace(base, move=Move.ASSIGNED, owner=row.owner))
    if row.how:
        asked = (How(row.how), row.reference, row.note)
        if asked != (record.how, record.reference, record.note):
            resolved = replace(base, move=Move.RESOLVED, how=asked[0], reference=row.reference, note=row.note)
            made.append(resolved)
    elif row.note and row.note not in notes:
        made.append(replace(base, move=Move.NOTED, note=row.note))
    return made


def _say_applied(
    file: str, outcome: Outcome, errors: Sequence[tuple[int, str]], *, dry_run: bool, as_json: bool
) -> None:
    counts = dict(outcome.counts)
    done = not errors and not dry_run
    if as_json:
        body = {
            "file": file, "applied": done, "counts": counts if not errors else {},
            "errors": [{"row": row, "what": what} for row, what in errors],
        }  # fmt: skip
        click.echo(json.dumps(body, ensure_ascii=False))
        return
    for row, what in errors:
        click.echo(t(f"row {row}: {what}", f"第 {row} 行：{what}"))
    if errors:
        click.echo(t(f"{len(errors)} errors: nothing was done", f"{len(errors)} 处错误：未执行任何操作"))
        return
    parts = [
        f"{number} {t('nothing to do', '无需处理') if name == 'nothing' else t(*TITLES[_MOVES[name]])}"
        for name, number in counts.items()
    ] or [t("nothing to do", "无需处理")]
    head = t("would do: ", "将执行：") if dry_run else t("done: ", "已执行：")
    click.echo(head + t(", ", "，").join(parts))


COMMANDS = (assign, resolve, confirm, reject, note_, reopen, apply)
