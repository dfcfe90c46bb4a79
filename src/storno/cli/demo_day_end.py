"""The day's end of a demonstration in words: what was planted in the files, what reconciliation found, and the verdict.

Rule: shows what the report holds and judges nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from storno.cli import demo_words as say
from storno.cli.text import Language, language, t
from storno.recon.rules import RULES

if TYPE_CHECKING:
    from rich.console import Console

    from storno.recon.finding import Finding
    from storno.sim.day_end import DayEnd

_SHOWN_MAX = 12


def as_json(end: DayEnd) -> dict[str, Any]:
    """Give it as a JSON-able object. Amounts in minor units."""
    return {
        "files": [file.name for file in end.files],
        "lines": end.lines,
        "deposits": end.deposits,
        "planted": [
            {
                "rule": one.rule,
                "tid": one.tid,
                "mid": one.mid,
                "stan": one.stan,
                "delta_minor": one.delta_minor,
            }
            for one in end.planted
        ],
        "found": [_finding(one) for one in end.found],
        "missed": [{"rule": one.rule, "tid": one.tid, "stan": one.stan} for one in end.missed],
        "known": len(end.known),
        "invented": [_finding(one) for one in end.invented],
        "reconciliation": end.verdict.value,
        "reasons": list(end.reasons),
        "agrees": end.agrees,
    }


def _finding(one: Finding) -> dict[str, Any]:
    return {"rule": one.rule, "key": one.key, "amount_minor": one.amount_minor, "id": one.tx_id}


def title(rule: str) -> str:
    """Name a rule in the chosen language."""
    english, chinese = RULES[rule].title
    return chinese if language() is Language.ZH else english


def show(end: DayEnd, console: Console) -> None:
    """Print it for people."""
    console.print()
    console.print(Text(t("The day's end", "日终对账"), "bold"))
    names = ", ".join(file.name for file in end.files)
    console.print(
        t(
            f"The host cleared {end.lines} lines and the bank paid {end.deposits} deposits ({names}); "
            f"{len(end.planted)} differences were planted in them.",
            f"主机清算 {end.lines} 行，银行入账 {end.deposits} 笔（{names}）；其中埋入差异 {len(end.planted)} 笔。",
        ),
        soft_wrap=True,
    )
    if end.found:
        console.print(_table(end))
    console.print(_verdict(end), soft_wrap=True)


def _table(end: DayEnd) -> Table:
    table = Table(pad_edge=False)
    table.add_column(t("found", "发现"))
    table.add_column(t("terminal / STAN or merchant", "终端/流水号或商户"), min_width=15)
    table.add_column(t("money", "金额"), justify="right", no_wrap=True)  # a sum is never cut
    table.add_column("")
    for one in end.found[:_SHOWN_MAX]:
        mark, style = t("planted", "埋入"), "green"
        if one in end.known:
            mark, style = t("open exception", "已有差错"), "yellow"
        elif one in end.invented:
            mark, style = t("NOT PLANTED", "并未埋入"), "bold red"
        table.add_row(title(one.rule), _about(one), say.money(one.amount_minor), Text(mark, style))
    more = len(end.found) - _SHOWN_MAX
    if more > 0:
        table.add_row("…", t(f"{more} more, see --json", f"另有 {more} 笔，见 --json"), "", "")
    return table


def _about(one: Finding) -> str:
    parts = one.key.split("/")
    return f"{parts[0]}/{parts[3]}" if len(parts) == 5 else one.mid or one.key


def _verdict(end: DayEnd) -> Text:
    if end.agrees:
        count = len(end.planted)
        known = t(
            f"; {len(end.known)} more are on open exceptions" if end.known else "",
            f"；另有 {len(end.known)} 笔属已登记差错" if end.known else "",
        )
        return Text(
            t(
                f"ALL {count} PLANTED DIFFERENCES FOUND, NONE INVENTED{known}. Books and bank differ by exactly these.",
                f"埋入的 {count} 笔差异全部找出，没有误报{known}。账目与清算、银行之差恰为这些差异之和。",
            ),
            "bold green",
        )
    lines = [
        t("THE DAY'S END DOES NOT FIT. This is a bug.", "日终对账结果不符，这是缺陷。"),
        *(t("not found: ", "未找出：") + f"{title(one.rule)} {one.tid}/{one.stan}" for one in end.missed),
        *(t("invented: ", "误报：") + f"{title(one.rule)} {_about(one)}" for one in end.invented),
        *end.reasons,
    ]
    return Text("\n".join(lines), "bold red")
