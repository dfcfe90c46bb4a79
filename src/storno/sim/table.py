"""The tables of the host simulator in words: magic amounts, fault names, test cards.

Rule: made from the data the simulator runs on, so that the documentation cannot say anything else. Pure.
"""

from __future__ import annotations

from storno.sim.cards import CARDS
from storno.sim.faults import FaultKind
from storno.sim.magic import GROUPS, NUMBERED


def table(lang: str) -> list[str]:
    """Give all tables as Markdown lines, in `en` or `zh`."""
    zh = lang == "zh"
    rows = ["| 金额末四位（分） | 含义 |" if zh else "| last four digits (fen) | meaning |", "|---|---|"]
    rows += [f"| {digits} | {chinese if zh else english} |" for digits, english, chinese in GROUPS]
    rows += ["", "| nn | 故障 | 说明 |" if zh else "| nn | fault | what happens |", "|---|---|---|"]
    rows += [f"| {number:02d} | `{fault}` | {fault.kind.title(lang)} |" for number, fault in NUMBERED]
    rows += ["", "| 名称 | 说明 |" if zh else "| name | what happens |", "|---|---|"]
    rows += [f"| `{kind.value}` | {kind.title(lang)} |" for kind in FaultKind]
    rows += [
        "",
        "| 测试卡 | 卡号 | 说明 |" if zh else "| test card | number | what it does |",
        "|---|---|---|",
    ]
    rows += [f"| `{card.name}` | {card.pan} | {card.role.title(lang)} |" for card in CARDS]
    return rows
