"""The end of a demonstration: figures, the three books side by side, the verdict, and what to try next.

Rule: shows what the report holds and judges nothing. `as_json` gives the one object that `--json` prints.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from storno.cli import demo_day_end
from storno.cli import demo_words as say
from storno.cli.text import language, t
from storno.cli.width import wrap
from storno.diagnosis import words
from storno.sim.compare import Class, Finding

if TYPE_CHECKING:
    from rich.console import RenderableType

    from storno.sim.compare import Comparison, Total
    from storno.sim.live import Report

FINDINGS_MAX = 8
_IN_DOUBT = ("doubtful", "unknown", "no_answer")


def as_json(report: Report) -> dict[str, Any]:
    """Give everything as one JSON-able object. Amounts in minor units."""
    compared, figures = report.comparison, report.gauge.figures
    return {
        "seed": report.plan.seed,
        "seconds": report.plan.seconds,
        "terminals": report.plan.terminals,
        "transactions": compared.originals,
        "approved": report.told.get("approved", 0) + report.told.get("partial", 0),
        "declined": report.told.get("declined", 0),
        "told": report.told,
        "faults": report.faults,
        "kills": report.kills,
        "power_cuts": report.power_cuts,
        "timeouts": figures.timeouts,
        "reversals": figures.reversals,
        "repeats": figures.repeats,
        "late_answers": figures.late_answers,
        "causes": dict(figures.causes),
        "pending": report.pending,
        "cases": [
            {"id": case.tx_id, "case": case.case.value, "amount_minor": case.amount_minor}
            for case in report.cases
        ],
        "books": {
            "host": _sum(compared.totals, "host_minor"),
            "journal": _sum(compared.totals, "journal_minor"),
            "terminals": _sum(compared.totals, "terminals_minor"),
        },
        "differences": [_finding(finding) for finding in compared.findings],
        "broken": list(compared.broken),
        "lost": compared.count(Class.LOST),
        "doubled": compared.count(Class.DOUBLED),
        "silent": compared.count(Class.SILENT),
        "named": compared.count(Class.NAMED),
        "day_end": None if report.day_end is None else demo_day_end.as_json(report.day_end),
        "verdict": report.verdict,
        "home": str(report.plan.home),
        "explain": report.example,
    }


def _sum(totals: tuple[Total, ...], name: str) -> int:
    return sum(getattr(one, name) for one in totals)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "class": finding.kind.value,
        "id": finding.tx_id,
        "original": str(finding.key),
        "why": finding.why,
        "names": list(finding.names),
        "host_minor": finding.amounts_minor[0],
        "journal_minor": finding.amounts_minor[1],
        "terminal_minor": finding.amounts_minor[2],
        "in_doubt_minor": finding.doubt_minor,
    }


def show(report: Report, console: Console) -> None:
    """Print it for people."""
    compared = report.comparison
    console.print()
    console.print(_figures(report, console.width))
    console.print(_money(compared))
    if compared.findings:
        console.print(_findings(compared))
    console.print(_verdict(report))
    if report.day_end is not None:
        demo_day_end.show(report.day_end, console)
    console.print()
    console.print(_next(report), soft_wrap=True)


def _figures(report: Report, width: int) -> Table:
    figures, compared = report.gauge.figures, report.comparison
    table = Table(
        title=t("What happened", "发生了什么"), title_justify="left", title_style="bold", box=None,
        show_header=False, pad_edge=False,
    )  # fmt: skip
    table.add_column(justify="right", no_wrap=True)
    table.add_column()
    faults = sum(report.faults.values())
    told, results = report.told, sum(report.told.values())
    rows = (
        (
            compared.originals,
            t(
                f"transactions in the books of {report.plan.terminals} terminals; the cashiers read {results} results: "
                f"{told.get('approved', 0) + told.get('partial', 0)} approved, {told.get('declined', 0)} declined, "
                f"{sum(told.get(one, 0) for one in _IN_DOUBT)} unknown, {told.get('not_sent', 0)} not sent",
                f"笔交易见于账目，{report.plan.terminals} 台终端；收银员共得到 {results} 个结果：成功 "
                f"{told.get('approved', 0) + told.get('partial', 0)}，拒绝 {told.get('declined', 0)}，"
                f"结果不明 {sum(told.get(one, 0) for one in _IN_DOUBT)}，未发出 {told.get('not_sent', 0)}",
            ),
        ),
        (faults, t("faults injected by the host: ", "次主机故障：") + _listed(report.faults, say.fault)),
        (
            report.kills + report.power_cuts,
            t(
                f"crashes: gateway killed (kill -9) {report.kills}, power cut at terminals {report.power_cuts}",
                f"次崩溃：kill -9 网关 {report.kills} 次，终端断电 {report.power_cuts} 次",
            ),
        ),
        (
            figures.reversals,
            (
                t("reversed, some for more than one reason: ", "笔被冲正，有的不止一个原因：")
                if sum(figures.causes.values()) > figures.reversals
                else t("reversed because: ", "笔被冲正，原因：")
            )
            + (_listed(dict(figures.causes), say.cause) or "-"),
        ),
        (
            figures.sendings,
            t(
                f"reversal messages, {figures.repeats} of them repeats; late answers: {figures.late_answers}, none won",
                f"次冲正报文，其中重发 {figures.repeats} 次；迟到应答 {figures.late_answers} 个，均未生效",
            ),
        ),
        (len(report.cases), t("open exceptions (cases)", "件未结差错")),
    )
    room = width - max(len(str(number)) for number, _ in rows) - 2
    for number, text in rows:
        # Wrapped here: rich knows no break between Chinese characters.
        table.add_row(Text(str(number), "bold cyan"), "\n".join(wrap(text, room)))
    return table


def _listed(counts: dict[str, int], name: Any) -> str:
    """Name each with its count; the count stays with its name when the line breaks."""
    return t("; ", "；").join(
        f"{name(kind)}\N{NO-BREAK SPACE}{count}"
        for kind, count in sorted(counts.items(), key=lambda one: -one[1])
    )


def _money(compared: Comparison) -> Group:
    table = Table(pad_edge=False, expand=False)
    table.add_column(t("merchant", "商户"), no_wrap=True)
    for name in (t("host", "主机"), t("journal", "流水"), t("terminals", "终端")):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in compared.totals:
        same = one.host_minor == one.journal_minor == one.terminals_minor
        mark = "=" if same else t(f"{one.named} named", f"{one.named} 笔有差错登记")
        table.add_row(
            one.mid, say.money(one.host_minor), say.money(one.journal_minor), say.money(one.terminals_minor),
            Text(mark, "green" if same else "yellow"),
        )  # fmt: skip
    table.add_section()
    table.add_row(
        t("all", "合计"),
        *(say.money(_sum(compared.totals, n)) for n in ("host_minor", "journal_minor", "terminals_minor")),
        "",
    )
    title = Text(t("The three books, net", "三方账目（净额）"), "bold")
    return Group(Text(), title, table)


def _findings(compared: Comparison) -> Table:
    table = Table(
        title=t("Where they differ", "差异明细"), title_justify="left", title_style="bold", pad_edge=False
    )
    table.add_column("ID", no_wrap=True)
    table.add_column(t("named by", "登记为"))
    for name in (t("host", "主机"), t("journal", "流水"), t("in doubt", "待定"), t("terminal", "终端")):
        table.add_column(name, justify="right", no_wrap=True)
    ordered = sorted(compared.findings, key=lambda one: one.kind is Class.NAMED)
    for finding in ordered[:FINDINGS_MAX]:
        bad = finding.kind is not Class.NAMED
        host, journal, terminal = finding.amounts_minor
        name = class_title(finding.kind) if bad else t(", ", "、").join(map(name_title, finding.names))
        table.add_row(
            finding.tx_id or str(finding.key), Text(name, "bold red" if bad else "yellow"),
            say.money(host), say.money(journal), say.money(finding.doubt_minor), say.money(terminal),
        )  # fmt: skip
    more = len(ordered) - FINDINGS_MAX
    if more > 0:
        table.add_row("…", t(f"{more} more, see --json", f"另有 {more} 笔，见 --json"), "", "", "", "")
    return table


def class_title(kind: Class) -> str:
    """Name a class of difference."""
    return {
        Class.AGREE: t("agree", "一致"),
        Class.NAMED: t("named", "有差错登记"),
        Class.SILENT: t("SILENT: one-sided entry", "无登记的单边账"),
        Class.LOST: t("LOST effect", "资金丢失"),
        Class.DOUBLED: t("DOUBLED effect", "重复入账"),
    }[kind]


def name_title(name: str) -> str:
    """Say what names a difference."""
    own = {
        "reversing": t("reversal under way", "冲正进行中"),
        "terminal_pending": t("terminal's reversal pending", "终端待冲正"),
        "terminal_exception": t("terminal's exception slip", "终端差错单"),
        "terminal_doubtful": t("terminal told: ask the acquirer", "终端提示：联系收单机构"),
    }
    if name in own:
        return own[name]
    found = next((case for case in words.CASES if case.value == name), None)
    return name if found is None else words.title(found, language())


def _verdict(report: Report) -> Text:
    compared = report.comparison
    counts = t(
        f"lost {compared.count(Class.LOST)} · doubled {compared.count(Class.DOUBLED)} · "
        f"silent {compared.count(Class.SILENT)}",
        f"丢失 {compared.count(Class.LOST)} · 重复 {compared.count(Class.DOUBLED)} · "
        f"单边 {compared.count(Class.SILENT)}",
    )
    if compared.verdict == "agree":
        text = t(
            "THE THREE BOOKS AGREE. Every transaction that went wrong was undone exactly once in effect.",
            "三方账目一致。每一笔出错的交易都恰好冲正一次。",
        )
        style = "bold green"
    elif compared.verdict == "explained":
        named = compared.count(Class.NAMED)
        text = t(
            f"THE BOOKS AGREE BUT FOR {named} NAMED EXCEPTION{'S' * (named > 1)}, open until a person or the clearing "
            "file closes them. Nothing differs silently.",
            f"除 {named} 笔已登记差错外，三方账目一致；差错待人工或清算文件了结，没有无登记的差异。",
        )
        style = "bold yellow"
    else:
        text = t("THE BOOKS DISAGREE. This is a bug.", "三方账目不一致，这是缺陷。")
        text = "\n".join([text, *compared.broken])
        style = "bold red"
    return Text("\n").append(text, style).append(f"\n{counts}", "bold")


def _next(report: Report) -> Group:
    home, storno = report.plan.home, program()
    rows: list[RenderableType] = [Text(t("Try next:", "接下来可以试试："), "bold")]
    tries = [
        (
            (f"{storno} explain {report.example} --home {home}",),
            t("the whole story of one reversed transaction", "一笔被冲正交易的来龙去脉"),
        ),
        (
            (f"{storno} ledger --home {home}",),
            t("balances, and the proof that they sum to zero", "余额及借贷平衡证明"),
        ),
        (
            (f"{storno} journal verify --home {home}",),
            t("prove the journal's hash chain", "校验流水日志的摘要链"),
        ),
        (
            (
                f"{storno} host",
                f"{storno} gateway",
                f"{storno} terminal sign-in",
                f"{storno} terminal sale --amount 12.34",
            ),
            t(
                "play it by hand: host and gateway each in a window of its own; see README.md",
                "亲手试一遍：主机与网关各开一个窗口；详见 README.zh-CN.md",
            ),
        ),
    ]
    if report.cases:
        tries.insert(
            1,
            (
                (f"{storno} cases --home {home}",),
                t("what waits for a person, and how to settle it", "需人工处理的差错，以及如何了结"),
            ),
        )
    for commands, why in tries if report.example else tries[1:]:
        rows += [Text(f"  {command}", "cyan") for command in commands]
        rows.append(Text(f"      {why}", "dim"))
    return Group(*rows)


def program() -> str:
    """Give the words that start this very program again."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python -m storno"
    if shutil.which("storno"):
        return "storno"
    with contextlib.suppress(ValueError):
        return str(called.absolute().relative_to(Path.cwd()))
    return str(called)
