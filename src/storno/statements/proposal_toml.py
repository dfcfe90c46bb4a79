"""What is drafted for a mapping, and how it is written down as TOML a person can read and change.

Columns are named, unless the header has a name twice or none; then they are positions. Decides nothing.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storno.statements.cells import clean
from storno.statements.guess import Money
from storno.statements.mapping_keys import TEXT_MEMBERS
from storno.statements.words import plain

if TYPE_CHECKING:
    from storno.statements.proposal_columns import Column
    from storno.statements.sample import Sample

TOTAL_ROW = "^(合计|总计|(?i:(grand )?total)\\b)"
_SUMS = (
    "^\\S{0,4}(合计|总计|小计|累计)(?![^\\s:：\\d])", "^(总笔数|总金额|注[:：]|备注[:：]|说明[:：]|#|-{5})",
    "^(打印|下载|导出|制表|查询|生成)(日期|时间|人|机构)", "^(?i:total|sum|subtotal|note)\\b",
    "(^|\\s)(上期余额|期初余额|上日余额|上年结转|承前页|过次页|期末余额)(\\s|$)",
    "(^|\\s)(?i:opening balance|closing balance|balance (brought|carried) forward)(\\s|$)",
)  # fmt: skip
"""What stands among or behind the rows and is none of them; the same as `sample` leaves out."""
_FEES = (
    "手续费|手續費|服务费|工本费|年费|管理费|收费|手数料|(?i:\\b(fee|fees|commission|entgelt|entgeltabschluss|gebühr|gebühren|frais|"
    "kosten|bankkosten|spesen|charges|opłata|opłaty|prowizja|tarifa|comisión)\\b)"
)


@dataclass(slots=True)
class Draft:
    """What was decided so far."""

    name: str
    sample: Sample
    at: dict[str, Column]
    """Column by member, or by date, time, debit, credit, balance, sign."""
    money: dict[str, Money] = field(default_factory=dict)
    amount: tuple[str, ...] = ()
    unit_of_amount: Money = field(default_factory=lambda: Money(ok=False))
    debit_negative: bool = False
    sign: str = "given"
    fee_sign: str = "cost"
    role: str = "bank"
    kinds_known: bool = False
    marks_known: bool = False
    totals: tuple[tuple[str, str], ...] = ()
    """Counter and the member whose column declares it, in a row of sums behind the rows."""
    formats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    currency: str = ""
    """What the amounts say themselves, where no column does."""

    def column(self, member: str) -> str:
        """Give how a column is named in the TOML."""
        column = self.at[member]
        names = [plain(name) for name in self.sample.header]
        if column.name and names.count(plain(column.name)) == 1:
            return _quoted(column.name)
        return str(column.place)


def write(draft: Draft) -> str:
    """Write the mapping down."""
    sample = draft.sample
    out = [f"name = {_quoted(draft.name)}", f'role = "{draft.role}"', f'kind = "{sample.layout}"']
    if draft.currency:
        out.append(f'currency = "{draft.currency}"')
    if sample.codec != "auto":
        out.append(f'encoding = "{sample.codec}"')
    if sample.layout == "csv":
        named = {"\t": "tab", "|": "pipe"}.get(sample.delimiter, sample.delimiter)
        out += ["", "[csv]", f"delimiter = {_quoted(named)}"]
    if sample.sheet:
        out += ["", "[xlsx]", f"sheet = {_quoted(sample.sheet)}"]
    if skips := _skips(draft):
        out += ["", "[table]", f"skip = [{', '.join(_quoted(one) for one in skips)}]"]
    out += ["", "[columns]", f"amount = {_amount(draft)}"]
    out += [f"{name} = {_other_money(draft, name)}" for name in ("fee", "net") if _has(draft, name)]
    out += _whens(draft)
    if draft.marks_known:
        out.append(f"mark = {{ column = {draft.column('mark')} }}")
    out += [f"{name} = {draft.column(name)}" for name in TEXT_MEMBERS if name in draft.at]
    out += ["", "[columns.kind]", *_kind(draft)]
    if "balance" in draft.at:
        money = draft.money["balance"]
        unit = draft.unit_of_amount.unit if money.sure < 80 else money.unit
        out += [
            "",
            "[balance]",
            f"column = {draft.column('balance')}",
            f'unit = "{unit}"',
            f'decimal = "{money.decimal}"',
        ]
    if draft.totals:
        columns = ", ".join(f"{counter} = {draft.column(member)}" for counter, member in draft.totals)
        out += ["", "[[totals]]", f"match = {_quoted(TOTAL_ROW)}", f"columns = {{ {columns} }}"]
        sums = draft.unit_of_amount
        out += [f'unit = "{sums.unit}"', f'decimal = "{sums.decimal}"', "required = true"]
    return "\n".join(out) + "\n"


def _has(draft: Draft, name: str) -> bool:
    return name in draft.at and name not in draft.amount


def _amount(draft: Draft) -> str:
    money = draft.unit_of_amount
    unit = f'unit = "{money.unit}", decimal = "{money.decimal}"'
    if len(draft.amount) == 2:
        minus = ", debit_negative = true" if draft.debit_negative else ""
        return f"{{ debit = {draft.column('debit')}, credit = {draft.column('credit')}, {unit}{minus} }}"
    mark = f", sign_column = {draft.column('sign')}" if draft.sign == "marked" else ""
    return f'{{ column = {draft.column(draft.amount[0])}, {unit}, sign = "{draft.sign}"{mark} }}'


def _other_money(draft: Draft, name: str) -> str:
    money = draft.money[name]
    unit = draft.unit_of_amount.unit if money.sure < 80 else money.unit
    if name == "fee":
        sign = f'sign = "{draft.fee_sign}"'
    elif draft.sign == "marked":
        sign = f'sign = "marked", sign_column = {draft.column("sign")}'
    else:
        sign = f'sign = "{draft.sign if not money.negative else "given"}"'
    return f'{{ column = {draft.column(name)}, unit = "{unit}", decimal = "{money.decimal}", {sign}, optional = true }}'


def _whens(draft: Draft) -> list[str]:
    out = []
    day = "date" if "date" in draft.at else "at" if "at" in draft.at and draft.role == "bank" else ""
    if day:
        out.append(f"settled_on = {_when(draft, day)}")
    if "at" in draft.at:
        out.append(f"at = {_when(draft, 'at')}")
    elif "traded" in draft.at and "time" in draft.at:
        out.append(f"at = {_when(draft, 'traded', 'time')}")
    elif "date" in draft.at and "time" in draft.at:
        out.append(f"at = {_when(draft, 'date', 'time')}")
    if "original_at" in draft.at:
        out.append(f"original_at = {_when(draft, 'original_at', optional=True)}")
    return out


def _when(draft: Draft, member: str, time: str = "", *, optional: bool = False) -> str:
    forms = ", ".join(_quoted(one) for one in draft.formats[member])
    more = f", time = {draft.column(time)}" if time else ""
    more += ", optional = true" if optional or time else ""
    return f"{{ column = {draft.column(member)}, formats = [{forms}]{more} }}"


def _kind(draft: Draft) -> list[str]:
    bank = draft.role == "bank"
    if draft.kinds_known:
        return [f"column = {draft.column('kind')}", "common = true"]
    signs = (
        ['positive = "deposit"', 'negative = "other"']
        if bank
        else ['positive = "payment"', 'negative = "refund"']
    )
    source = next((one for one in ("kind", "text") if one in draft.at), "")
    if bank and source:
        fees = f'patterns = [{{ match = {_quoted(_FEES)}, kind = "fee" }}]'
        return [f"column = {draft.column(source)}", fees, *signs]
    return signs


def _skips(draft: Draft) -> tuple[str, ...]:
    """Name the sums and notes that were seen among or behind the rows; what else comes there will be a reject."""
    rows = [" ".join(text for cell in cells if (text := clean(cell))) for _, cells in draft.sample.foot]
    known = tuple(one for one in _SUMS if any(re.search(one, row) for row in rows))
    # A row of one cell is no transaction whatever it says: it is named by what stands before its numbers.
    alone = [
        row
        for row, (_, cells) in zip(rows, draft.sample.foot, strict=True)
        if sum(map(bool, map(clean, cells))) == 1 and not any(re.search(one, row) for one in known)
    ]
    names = dict.fromkeys(re.split(r"[\d:：,，]", row)[0].strip()[:20] for row in alone)
    return (*known, *(f"^{re.escape(one)}" for one in names if len(one) >= 2))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
