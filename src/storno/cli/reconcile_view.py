"""How a reconciliation is shown: what was found and for how much, the proof, the verdict, and where the files are.

Rule: prints what the result holds and decides nothing.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from storno.cli.text import t
from storno.cli.width import cells, pad
from storno.money import Money
from storno.recon.days import MARGIN_DAYS
from storno.recon.finding import LEGS, Leg
from storno.recon.result import Verdict
from storno.recon.rules import RULES
from storno.recon.sheet import ROWS_MOST

if TYPE_CHECKING:
    from pathlib import Path

    from storno.recon.exceptions import Recorded
    from storno.recon.result import Account, Result, Within

_VERDICTS = {
    Verdict.OK: ("OK: everything agrees or waits within its days", "一致：全部相符，或在等待期内"),
    Verdict.BREAKS: (
        "BREAKS: there are differences, and they explain all of the money", "有差异：差异已解释全部资金差额",
    ),
    Verdict.INCOMPLETE: (
        "INCOMPLETE: something is missing, no total of this run is final", "不完整：有缺失，本次合计不能作为最终依据",
    ),
}  # fmt: skip
_PARTS = {
    "provisional": ("provisional", "暂列"), "matched": ("agree", "相符"), "finding": ("differ", "差异"),
    "held": ("wait", "等待"),
    "cancelled": ("cancel each other", "互相抵消"), "no_effect": ("moved no money", "未动账"),
    "outside": ("outside the period", "期间之外"), "uncovered": ("no file to compare with", "无对应文件"),
    "preauth": ("pre-authorisations", "预授权"), "no_money": ("without an amount", "零金额"),
    "fee": ("fees", "手续费"), "chargeback": ("chargebacks", "退单"), "adjustment": ("adjustments", "调整"),
    "deposit": ("deposits", "入账"), "other": ("other bookings", "其他"),
    "not_payout": ("no payouts to our merchants", "非本方商户结算"),
}  # fmt: skip
_APART = ("held", "outside", "uncovered", "cancelled")
"""Parts of a bridge that are no differences."""
_MUST_AGREE = ("matched", "finding", "held", "uncovered")
REASONS_SHOWN = 12
_EVERY_S = 0.2


class Ticker:
    """One line on a terminal that says which step is under way; nothing elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._last = 0.0

    def step(self, _name: str, at: int, of: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if self._shown and now - self._last > _EVERY_S:
            self._last = now
            click.echo(
                "\r" + t(f"comparing, step {at} of {of} ", f"核对中，第 {at}/{of} 步 "), nl=False, err=True
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        if self._shown:
            click.echo("\r" + " " * 40 + "\r", nl=False, err=True)


def report(result: Result, folder: Path, recorded: Recorded | None, seconds: float) -> None:
    """Print a run for people."""
    _header(result, seconds)
    _table(result, "finding", t("Differences", "差异"))
    _table(result, "provisional", t("Provisional, for something is missing that may explain them",
                                    "暂列（缺少的文件或记录可能解释这些差异）"))  # fmt: skip
    _table(result, "held", t("Waiting for their counterpart", "等待对方记录"))
    _proof(result)
    click.echo("")
    click.echo(t(*_VERDICTS[result.verdict]))
    for one in result.reasons[:REASONS_SHOWN]:
        click.echo("  - " + t(one.english, one.chinese))
    if len(result.reasons) > REASONS_SHOWN:
        more = len(result.reasons) - REASONS_SHOWN
        click.echo(t(f"  and {more} more in manifest.json", f"  另有 {more} 条，见 manifest.json"))
    for one in result.notes:
        click.echo("  " + t(f"note: {one.english}", f"说明：{one.chinese}"))
    _queue(result, recorded)
    click.echo(t(f"files: {folder}", f"结果文件：{folder}"))
    listed = (
        t(f" (the {ROWS_MOST:,} largest)", f"（金额最大的 {ROWS_MOST:,} 笔）")
        if result.count("finding") > ROWS_MOST
        else ""
    )
    click.echo(f"  differences.xlsx{listed}, differences.csv, differences.parquet, manifest.json")


def _header(result: Result, seconds: float) -> None:
    """Say what was compared, for which days, and up to which day the files are in."""
    legs = t(", ", "、").join(t(*LEGS[one]) for one in result.compared)
    what = t(f"Our books against {legs}", f"本方账目与{legs}核对")
    if not legs:
        what = t("Our books, with no file to compare with", "本方账目，没有可核对的文件")
    click.echo(
        t(
            f"{what}, {_day(result.first)} to {_day(result.last)}, as of {_day(result.as_of)} ({seconds:.1f} s)",
            f"{what}，{_day(result.first)} 至 {_day(result.last)}，截至 {_day(result.as_of)}（{seconds:.1f} 秒）",
        )
    )
    apart = t(", ", "，").join(f"{t(*LEGS[leg])} {_day(day)}" for leg, day in result.as_of_apart)
    if apart:
        click.echo(
            t(
                f"  as of the last day of their own files: {apart} (--as-of sets one day for all)",
                f"  按各自文件的最后一日截至：{apart}（可用 --as-of 统一）",
            )
        )


def _day(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}" if len(day) == 8 else "-"


def _table(result: Result, what: str, title: str) -> None:
    summary = result.summary(what)
    if not summary:
        if what == "finding":
            click.echo(t("No differences.", "没有差异。"))
        return
    moved = result.moved(what)
    with_moved = what != "held"
    rows = [("", "", "", t("at stake", "涉及金额"), t("in the proof", "计入证明") if with_moved else "")]
    for leg, rule, currency, count, minor in summary:
        counts = with_moved and leg != Leg.TERMINAL.value
        there = str(Money(moved.get((leg, rule, currency), 0), currency)) if counts else ""
        rows.append(
            (t(*RULES[rule].title), t(*LEGS[Leg(leg)]), f"{count:,}", str(Money(minor, currency)), there)
        )
    widths = [max(cells(row[at]) for row in rows) for at in range(5)]
    click.echo(f"\n{title}{t(': ', '：')}{sum(count for _, _, _, count, _ in summary):,}")
    for name, leg, number, *money in rows:
        right = "  ".join(
            " " * (width - cells(one)) + one for one, width in zip(money, widths[3:], strict=True)
        )
        click.echo(
            f"  {pad(name, widths[0])}  {pad(leg, widths[1])}  {number:>{widths[2]}}  {right}".rstrip()
        )


def _proof(result: Result) -> None:
    beside = "" if not result.within else t(
        f" (with up to {MARGIN_DAYS} days on either side, for what crosses midnight; their differences are not told)",
        f"（含前后各最多 {MARGIN_DAYS} 天，以核对跨日交易；其差异不列出）",
    )  # fmt: skip
    click.echo("\n" + t("Proof", "证明") + beside)
    within = {(one.leg, one.side): one for one in result.within}
    for one in result.accounts:
        side = t("our books", "本方") if one.side == "books" else t("their side", "对方")
        click.echo(
            f"  {t(*LEGS[one.leg])}{t(', ', '，')}{side}{t(': ', '：')}{_account(one, result.compared)}"
        )
        if mine := within.get((one.leg, one.side)):
            click.echo("    " + _of_the_period(result, mine))
    open_sums = result.moved("provisional")
    for bridge in result.bridges:
        ours = Money(bridge.books_minor, bridge.currency)
        theirs = Money(bridge.outside_minor, bridge.currency)
        rest = Money(bridge.residual_minor, bridge.currency)
        sums = {name: minor for name, minor in bridge.parts if name in _APART and minor}
        open_ = sum(minor for (leg, _, currency), minor in open_sums.items()
                    if (leg, currency) == (bridge.leg.value, bridge.currency))  # fmt: skip
        if open_:
            sums = {"provisional": open_, **sums}
        whole = sum(minor for name, minor in bridge.parts if name not in _APART)
        explained = Money(whole - open_, bridge.currency)
        apart = "".join(
            f" + {t(*_PARTS[name])} {Money(minor, bridge.currency)}" for name, minor in sums.items()
        )
        names = (
            (t("our books", "本方账目"), t("cleared", "清算"))
            if bridge.leg is not Leg.BANK
            else (t("due from clearing", "清算应付"), t("paid by the bank", "银行实付"))
        )
        click.echo(
            t(
                f"  {names[0]} {ours} + differences {explained}{apart} = {names[1]} {theirs}; unexplained {rest}",
                f"  {names[0]} {ours} + 差异 {explained}{apart} = {names[1]} {theirs}；未解释 {rest}",
            )
        )


def _of_the_period(result: Result, mine: Within) -> str:
    """Say how much of a side is of the days that were asked for, and its money: their turnover."""
    money = t(", ", "，").join(str(Money(minor, currency)) for currency, minor in mine.sums) or "0"
    first, last = _day(result.first), _day(result.last)
    days, days_zh = (first, first) if first == last else (f"{first} to {last}", f"{first} 至 {last}")
    return t(
        f"of which {days}: {mine.rows:,} row{'' if mine.rows == 1 else 's'}, {money}",
        f"其中 {days_zh}：{mine.rows:,} 行，{money}",
    )


def _account(one: Account, compared: tuple[Leg, ...]) -> str:
    """Say where the rows of a side went, and of those that must agree, how many do: nothing is no hundred per cent."""
    if not one.rows and one.whole:
        return t("nothing there", "没有记录")
    parts = t(", ", "，").join(f"{count:,} {t(*_PARTS[name])}" for name, count in one.parts)
    held_to_it = sum(count for name, count in one.parts if name in _MUST_AGREE)
    said = t(f"{one.rows:,} row{'' if one.rows == 1 else 's'} = {parts}", f"{one.rows:,} 行 = {parts}")
    if not held_to_it or one.leg not in compared:
        return said
    share = dict(one.parts).get("matched", 0) * 100 / held_to_it
    return said + t(f" ({share:.2f} % of what must agree does)", f"（相符率 {share:.2f}%）")


def _queue(result: Result, recorded: Recorded | None) -> None:
    waiting = result.count("provisional")
    if waiting:
        click.echo(
            t(
                f"{waiting:,} provisional differences are not put into the exception queue: import what is missing and "
                "run again, or say with --all-in DAY that no more comes",
                f"{waiting:,} 笔暂列差异不进入差错队列：补齐文件后重新对账；若确认不会再有，请用 --all-in 日期 声明",
            )
        )
    if recorded is None:
        if result.closed:
            click.echo(
                t(
                    f"{len(result.closed)} earlier differences are gone",
                    f"此前的 {len(result.closed)} 笔差异已消除",
                )
            )
        return
    click.echo(
        t(
            f"exception queue: {recorded.found} new, {recorded.changed + recorded.reopened} changed, "
            f"{recorded.unchanged + recorded.seen_again} known, {recorded.closed} closed by evidence "
            "(storno exceptions list)",
            f"差错队列：新增 {recorded.found}，变化 {recorded.changed + recorded.reopened}，"
            f"已知 {recorded.unchanged + recorded.seen_again}，凭证据关闭 {recorded.closed}（storno exceptions list）",
        )
    )


def as_data(result: Result, folder: Path, recorded: Recorded | None, seconds: float) -> dict[str, Any]:
    """Give a run as one JSON object."""

    def kinds(what: str) -> list[dict[str, Any]]:
        return [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary(what)
        ]

    network = [one for one in result.accounts if one.leg is Leg.NETWORK and one.side == "network"]
    matched = sum(dict(one.parts).get("matched", 0) for one in network)
    rows = sum(one.rows for one in network)
    return {
        "run_id": result.run_id, "verdict": result.verdict.value, "first": result.first, "last": result.last,
        "as_of": result.as_of, "as_of_by_leg": {leg.value: day for leg, day in result.as_of_by_leg},
        "compared": [one.value for one in result.compared],
        "findings": kinds("finding"), "provisional": kinds("provisional"), "held": kinds("held"),
        "matched_rate": round(matched / rows, 6) if rows else None,
        "rows": [{"leg": one.leg.value, "side": one.side, "rows": one.rows, "counted": one.counted, **dict(one.parts)}
                 for one in result.accounts],
        "bridges": [{"leg": one.leg.value, "currency": one.currency, "books_minor": one.books_minor,
                     "outside_minor": one.outside_minor, "residual_minor": one.residual_minor}
                    for one in result.bridges],
        "in_period": [{"leg": one.leg.value, "side": one.side, "rows": one.rows, "sums_minor": dict(one.sums)}
                      for one in result.within],
        "reasons": [{"code": one.code, "en": one.english, "zh": one.chinese} for one in result.reasons],
        "notes": [{"code": one.code, "en": one.english, "zh": one.chinese} for one in result.notes],
        "closed": [{"finding_id": one.finding_id, "lines": list(one.lines)} for one in result.closed],
        "queue": None if recorded is None else {"new": recorded.found, "changed": recorded.changed + recorded.reopened,
                                                "known": recorded.unchanged + recorded.seen_again,
                                                "closed": recorded.closed},
        "folder": str(folder), "seconds": round(seconds, 3),
    }  # fmt: skip
