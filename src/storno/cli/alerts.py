"""`storno alerts`: what the watch has raised, and what people say about it: acknowledged, silenced, closed.

Thin: the store has the alerts, the table of moves decides what fits. Must not watch by itself.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli import alert_words as words
from storno.cli.cases import ListByDefault, login_name, operator_options
from storno.cli.count_option import count_option, how_many, rest
from storno.cli.explain import settings_of
from storno.cli.open_journal import home_option
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.diagnosis.story import local_text
from storno.iso8583.mask import scrub
from storno.watch.alerts import LOUD, Move, NotAllowed, Standing
from storno.watch.store import AlertStore, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.watch.alerts import Alert

LISTED = 100
NOTE_MAX = 500
_FOR = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_UNITS_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}


@contextmanager
def open_alerts(home: str | None) -> Iterator[AlertStore]:
    """Open the alerts of a home folder.

    Raises:
        Trouble: they cannot be read.

    """
    try:
        with AlertStore(home_dir(home)) as store:
            yield store
    except StoreError as error:
        raise Trouble(t(error.english, error.chinese), code=ExitCode.OUTSIDE) from None


@click.group(
    name="alerts",
    cls=ListByDefault,
    help=t(
        "What the watch has raised. Without a subcommand: list. Exit code 1 of the list: something is open.",
        "监视产生的告警。不带子命令时列表；有未处理告警时列表的退出码为 1。",
    ),
)
def alerts() -> None:
    """Hold the commands about alerts."""


@alerts.command(
    name="list",
    help=t(
        "List alerts, oldest first; what a common cause explains stands under it with --all.",
        "列出告警，最早的在前；加 --all 也列出已由共因解释和已关闭的告警。",
    ),
)
@home_option
@click.option(
    "--all",
    "every",
    is_flag=True,
    help=t("Also what is explained, silenced or closed.", "包括已解释、已静默、已关闭。"),
)
@count_option(LISTED)
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def list_(home: str | None, every: bool, count: int | None, as_json: bool) -> int:  # noqa: FBT001 - click's flags
    """Print alerts."""
    offset_min = settings_of(home).node.utc_offset_min
    with open_alerts(home) as store:
        found = store.alerts(live_only=not every)
        loud = [one for one in store.alerts() if one.standing in LOUD]
    wanted, most = found if every else loud, how_many(count, LISTED, as_json=as_json)
    shown = wanted if most is None else wanted[-most:]
    if as_json:
        body = {"open": len(loud), "count": len(wanted), "alerts": [words.as_data(one) for one in shown]}
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for line in lines(shown, found, offset_min):
            click.echo(line)
        if not shown:
            click.echo(t("No alerts.", "没有告警。"))
        if more := rest(len(wanted), len(shown)):
            click.echo(more)
    return ExitCode.DISAGREES if loud else ExitCode.DONE


def lines(shown: list[Alert], known: list[Alert], offset_min: int) -> list[str]:
    """Write alerts as lines."""
    under: dict[int, int] = {}
    for one in known:
        if one.standing is Standing.INHIBITED and one.cause:
            under[one.cause] = under.get(one.cause, 0) + 1
    found = []
    for one in shown:
        since = local_text(one.raised_ms, offset_min)[:16]
        found.append(f"#{one.id}  {since}  [{words.severity(one.severity)}]  {words.title(one)}")
        state = words.standing(one.standing)
        if one.standing is Standing.SILENCED:
            state += t(" until ", "至 ") + local_text(one.silent_until_ms, offset_min)[:16]
        if one.cause:
            state += f" (#{one.cause})"
        if one.operator:
            state += f"  {one.operator}: {one.note}"
        found.append(f"    {state}  {words.figures(one)}")
        if under.get(one.id):
            found.append(t(f"    explains {under[one.id]} more", f"    另有 {under[one.id]} 条告警由此解释"))
        if one.standing in LOUD:
            found.append(f"    {words.advice(one)}")
    return found


@alerts.command(name="show", help=t("Show one alert with its history.", "显示一条告警及其经过。"))
@click.argument("number", type=click.IntRange(1), metavar="ID")
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def show(number: int, home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Print an alert."""
    offset_min = settings_of(home).node.utc_offset_min
    with open_alerts(home) as store:
        one = _find(store, number)
        history = store.history(number)
        under = [child for child in store.alerts(live_only=False) if child.cause == number]
    if as_json:
        body = words.as_data(one) | {
            "history": [words.entry_data(entry) for entry in history], "explains": [child.id for child in under]
        }  # fmt: skip
        click.echo(json.dumps(body, ensure_ascii=False))
        return ExitCode.DONE
    for line in lines([one], [one, *under], offset_min):
        click.echo(line)
    for entry in history:
        who = f"  {entry.operator}: {entry.note}" if entry.operator else ""
        click.echo(f"    {local_text(entry.at_ms, offset_min)[:19]}  {words.move(entry.move)}{who}")
    for child in under[:20]:
        click.echo(f"    #{child.id}  {words.title(child)}")
    if one.examples:
        click.echo(t("    transactions: ", "    交易：") + " ".join(one.examples))
    return ExitCode.DONE


def _find(store: AlertStore, number: int) -> Alert:
    found = store.alert(number)
    if found is None:
        raise Trouble(
            t(f"there is no alert {number}", f"没有告警 {number}"),
            todo=t("see storno alerts --all", "请看 storno alerts --all"),
        )
    return found


# -------------------------------------------------------------------- what people say
@alerts.command(name="ack", help=t("Say that you look after an alert.", "确认告警，表示由你处理。"))
@click.argument("number", type=click.IntRange(1), metavar="ID")
@operator_options
def ack(number: int, home: str | None, operator: str | None, note: str, as_json: bool) -> int:  # noqa: FBT001
    """Acknowledge."""
    return _move(number, Move.ACKNOWLEDGE, home, operator, note, as_json=as_json)


@alerts.command(
    name="silence",
    help=t(
        "Keep an alert quiet for a time, with a reason; the same raised again stays quiet until then.",
        "在一段时间内静默告警，须说明原因；到期前再次出现也保持静默。",
    ),
)
@click.argument("number", type=click.IntRange(1), metavar="ID")
@click.option(
    "--for",
    "how_long",
    required=True,
    help=t("How long: 30m, 4h, 2d (90 days at most).", "时长：30m、4h、2d，最长 90 天。"),
)
@operator_options
def silence(
    number: int, how_long: str, home: str | None, operator: str | None, note: str, as_json: bool  # noqa: FBT001
) -> int:  # fmt: skip
    """Silence."""
    found = _FOR.fullmatch(how_long)
    length_ms = int(found[1]) * _UNITS_MS[found[2]] if found else 0
    if not found or length_ms > 90 * _UNITS_MS["d"]:
        raise Trouble(
            t(f"{how_long!r} is no length of time", f"{how_long!r} 不是有效时长"),
            where="--for", todo=t("write 30m, 4h or 2d, 90d at most", "请写 30m、4h 或 2d，最长 90d"),
        )  # fmt: skip
    if not note.strip():
        raise Trouble(t("a silence needs a reason", "静默须说明原因"), todo=t("add --note", "请加 --note"))
    until = int(time.time() * 1000) + length_ms
    return _move(number, Move.SILENCE, home, operator, note, as_json=as_json, silent_until_ms=until)


@alerts.command(
    name="close",
    help=t(
        "Close an alert that is dealt with; if it goes on, it is raised anew. As a rule evidence closes it by itself.",
        "关闭已处理的告警；若问题仍在会重新产生。通常数据恢复后会自动关闭。",
    ),
)
@click.argument("number", type=click.IntRange(1), metavar="ID")
@operator_options
def close(number: int, home: str | None, operator: str | None, note: str, as_json: bool) -> int:  # noqa: FBT001
    """Close."""
    return _move(number, Move.CLOSE, home, operator, note, as_json=as_json)


def _move(
    number: int, what: Move, home: str | None, operator: str | None, note: str, *, as_json: bool, **more: Any
) -> int:
    who = (operator if operator is not None else login_name()).strip()
    if not who:
        raise Trouble(
            t("who are you?", "请说明操作员"),
            todo=t("give it with --operator NAME", "请用 --operator 姓名 给出"),
        )
    if len(note) > NOTE_MAX:
        raise Trouble(t(f"the note is longer than {NOTE_MAX} characters", f"说明超过 {NOTE_MAX} 个字符"))
    with open_alerts(home) as store, store.whole():
        one = _find(store, number)
        try:
            made = store.move(one, what, int(time.time() * 1000), who, scrub(note), **more)
        except NotAllowed as error:
            state = words.standing(error.standing)
            raise Trouble(
                t(f"the alert is {state}", f"告警{state}"), where=f"#{number}",
                todo=t(f"storno alerts show {number}", f"storno alerts show {number}"), code=ExitCode.DISAGREES,
            ) from None  # fmt: skip
    if as_json:
        click.echo(json.dumps(words.as_data(made), ensure_ascii=False))
    else:
        click.echo(
            t(f"#{number}: {words.standing(made.standing)}", f"#{number}：{words.standing(made.standing)}")
        )
    return ExitCode.DONE
