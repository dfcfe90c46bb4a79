"""An outside line told to a person: what the statement says of it, in words, with its money as money.

Rule: whatever the line has is shown, under a name people use; `--json` keeps the columns' own names. Prints nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.cli.text import t
from storno.money import Money
from storno.statements.line import LineKind
from storno.statements.line_words import KINDS

if TYPE_CHECKING:
    from storno.recon.outside import OutsideLine

_NAMES = {
    "settled_on": ("settled", "清算日"),
    "at": ("at", "交易时间"),
    "tid": ("terminal", "终端"),
    "mid": ("merchant", "商户"),
    "stan": ("STAN", "流水号"),
    "rrn": ("RRN", "参考号"),
    "reference": ("reference", "参考"),
    "card": ("card", "卡号"),
    "text": ("text", "摘要"),
}
_MARKS = {
    "reversed": ("marked as reversed", "标记为已冲正"),
    "voided": ("marked as voided", "标记为已撤销"),
    "declined": ("marked as declined", "标记为已拒绝"),
    "unknown": ("with an unknown mark", "标记不明"),
}


def outside_line(line: OutsideLine) -> str:
    """Say where a line stands and what it says."""
    place = f"{line.file or line.where}:{line.where.rpartition(':')[2]}" if line.file else line.where
    if not line.members:
        lost = t(
            "its stored lines are gone or damaged: import the file again",
            "已存明细丢失或损坏：请重新导入该文件",
        )
        return f"{place}  " + (lost if line.file else t("not here any more", "文件已不在"))
    said = dict(line.members)
    kind = t(*KINDS[LineKind(said["kind"])])
    told = [place, f"{kind} {Money(int(said['amount_minor']), said['currency'])}"]
    if said.get("fee_minor", "0") != "0":
        told.append(f"{t('fee', '手续费')} {Money(int(said['fee_minor']), said['currency'])}")
    if said.get("mark", "none") in _MARKS:
        told.append(t(*_MARKS[said["mark"]]))
    for name, text in line.members:
        if name in _NAMES:
            told.append(f"{t(*_NAMES[name])} {_dated(text) if name in ('settled_on', 'at') else text}")
    return "  ".join(told)


def _dated(digits: str) -> str:
    """Write YYYYMMDD or YYYYMMDDhhmmss as people do; anything else stays as it is."""
    if len(digits) not in (8, 14) or not digits.isdecimal():
        return digits
    day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
    return day if len(digits) == 8 else f"{day} {digits[8:10]}:{digits[10:12]}:{digits[12:]}"
