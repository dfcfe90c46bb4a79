"""Propose a mapping for a file nobody has described: every column with a reason and how sure, every doubt in words.

Nothing is decided in silence: what the rows leave open is a doubt. The proposal is TOML that `parse_mapping` takes, and
is tried on the rows that were seen. Reads only what `sample.look` gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import BinaryIO

from storno.statements import guess
from storno.statements.base import ReadOptions
from storno.statements.cells import clean
from storno.statements.guess import Money, When
from storno.statements.line import FileRefused, Part, Reject, StatementLine, Total
from storno.statements.mapping import Mapping
from storno.statements.mapping_parse import parse_mapping
from storno.statements.proposal_columns import MONEY, Column, columns_of
from storno.statements.proposal_toml import TOTAL_ROW, Draft, write
from storno.statements.sample import Sample, look
from storno.statements.table import Row, Session, parts
from storno.statements.total_words import currency_of_all, said

_CHINESE = re.compile("[\u4e00-\u9fff]")
_JAPANESE = re.compile("[\u3040-\u30ff]|日付|取引|残高")
_TRADITIONAL = re.compile("[餘額帳幣備註結轉]")
"""Letters of Hong Kong and Taiwan, whose banks keep accounts in several currencies."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something the rows leave open, and what to do."""

    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping proposed for a file."""

    mapping: Mapping
    toml: str
    sample: Sample
    columns: tuple[Column, ...]
    doubts: tuple[Doubt, ...]
    preview: tuple[Part, ...]
    """The rows seen, as the mapping reads them."""


def propose(source: BinaryIO, name: str = "proposed") -> Proposal:
    """Propose a mapping from the header and the first rows.

    Raises:
        FileRefused: no table is found in the file, or none with an amount.

    """
    sample = look(source)
    found = columns_of(sample)
    doubts = [] if sample.rows else [_no_rows()]
    draft = _draft(name, sample, found, doubts)
    toml, preview = _best(draft, sample, doubts)
    mapping = parse_mapping(toml)
    doubts += _tried(preview)
    return Proposal(
        mapping, toml, sample, tuple(found[place] for place in sorted(found)), tuple(doubts), preview
    )


def _no_rows() -> Doubt:
    return Doubt(
        "there is no row behind the header: units, signs, dates and kinds are guessed from names alone; "
        "run this again on the file of a day with transactions",
        "表头之后没有明细行：单位、符号、日期与类型仅凭列名推测；请换用有交易日的文件重新生成",
    )


# -------------------------------------------------------------------- the draft
def _draft(name: str, sample: Sample, found: dict[int, Column], doubts: list[Doubt]) -> Draft:
    at = {column.member: column for column in found.values() if column.member}
    draft = Draft(name, sample, at)
    _money(draft, doubts)
    _currency(draft, doubts)
    _when(draft, doubts)
    _role(draft, doubts)
    _kind(draft, doubts)
    _sign(draft, doubts)
    draft.totals = _totals(draft)
    return draft


def _money(draft: Draft, doubts: list[Doubt]) -> None:
    at, sample = draft.at, draft.sample
    draft.money = {
        member: guess.money(column.name, sample.values(column.place - 1))
        for member, column in at.items()
        if member in MONEY
    }
    pair = "debit" in at and "credit" in at
    if pair:
        draft.amount = ("debit", "credit")
        values = sample.values(at["debit"].place - 1) + sample.values(at["credit"].place - 1)
        both = guess.money(at["debit"].name, values)
        draft.unit_of_amount = both
        draft.debit_negative = draft.money["debit"].negative and not draft.money["debit"].positive
    elif "amount" in at:
        draft.amount = ("amount",)
    else:
        lone = next((one for one in ("credit", "net", "debit") if one in at), "")
        if not lone:
            raise FileRefused(
                "header",
                "no column of amounts is to be seen: write the mapping by hand, see docs/mapping.md",
                "未找到金额列：请参照 docs/mapping.zh-CN.md 手工编写映射",
            )
        draft.amount = (lone,)
        doubts.append(Doubt(
            f"only {at[lone].name!r} looks like an amount; is it the amount of a transaction?",
            f"只有 {at[lone].name!r} 像金额；它是交易金额吗？",
        ))  # fmt: skip
    if not pair:
        draft.unit_of_amount = draft.money[draft.amount[0]]
    unit: Money = draft.unit_of_amount
    if unit.sure < 80 and sample.rows:
        word, word_zh = ("minor units (fen)", "分") if unit.unit == "fen" else ("main units (yuan)", "元")
        doubts.append(Doubt(
            f"amounts are taken as {word}: {unit.why[0]}; check `unit`",
            f"金额按{word_zh}读取：{unit.why[1]}；请核对 unit",
        ))  # fmt: skip


def _currency(draft: Draft, doubts: list[Doubt]) -> None:
    if "currency" not in draft.at:
        said = {
            guess.currency(draft.at[one].name, draft.sample.values(draft.at[one].place - 1))
            for one in draft.amount
        }
        header = "".join(draft.sample.header)
        draft.currency = said.pop() if len(said) == 1 else ""
        if not draft.currency and _JAPANESE.search(header):
            draft.currency = "JPY"
        if draft.currency or (_CHINESE.search(header) and not _TRADITIONAL.search(header)):
            return
        doubts.append(Doubt(
            "no column says the currency: it is taken from --currency, which is CNY unless given",
            "没有币种列：取自 --currency，缺省为 CNY",
        ))  # fmt: skip


def _when(draft: Draft, doubts: list[Doubt]) -> None:
    for member in ("date", "traded", "at", "time", "original_at"):
        if member not in draft.at:
            continue
        column = draft.at[member]
        found: When = guess.when(draft.sample.values(column.place - 1))
        draft.formats[member] = found.formats
        if found.twin:
            doubts.append(Doubt(
                f"the dates in {column.name!r} could be {found.formats[0]} or {found.twin}; check `formats`",
                f"{column.name!r} 的日期可能是 {found.formats[0]} 或 {found.twin}；请核对 formats",
            ))  # fmt: skip
    if not {"date", "at"} & set(draft.at):
        doubts.append(Doubt("no column of dates is to be seen", "未找到日期列"))


def _role(draft: Draft, doubts: list[Doubt]) -> None:
    at = draft.at
    if "balance" in at or "debit" in at:
        draft.role = "bank"
        return
    if {"batch", "stan"} <= set(at) and not {"fee", "net"} & set(at):
        draft.role = "terminal"
    elif {"tid", "rrn", "stan", "order", "card", "fee"} & set(at):
        draft.role = "network"
    else:
        draft.role = "bank"
    doubts.append(Doubt(
        f"role {draft.role!r} is guessed: terminal = a terminal's journal, network = single transactions from a "
        "network or wallet, bank = an account",
        f"角色 {draft.role!r} 是推测：terminal 终端流水，network 网络或钱包的逐笔清单，bank 银行账户",
    ))  # fmt: skip


def _kind(draft: Draft, doubts: list[Doubt]) -> None:
    if "kind" not in draft.at:
        return
    column = draft.at["kind"]
    known, unknown = guess.unknown_kinds(draft.sample.values(column.place - 1))
    draft.kinds_known = bool(known) and (draft.role != "bank" or not unknown)
    if unknown and draft.kinds_known:
        doubts.append(Doubt(
            f"these words in {column.name!r} are not known and their rows will be rejects: {', '.join(unknown[:8])}; "
            "add them to columns.kind.values",
            f"{column.name!r} 中有未知取值，相应行将被拒：{'、'.join(unknown[:8])}；请加入 columns.kind.values",
        ))  # fmt: skip
    elif not draft.kinds_known:
        doubts.append(Doubt(
            f"the words in {column.name!r} are not known; the kind is taken from the sign",
            f"{column.name!r} 的取值未知；按收支方向判断类型",
        ))  # fmt: skip


def _sign(draft: Draft, doubts: list[Doubt]) -> None:
    mark = draft.at.get("mark")
    if mark is not None:
        known, unknown = guess.unknown_marks(draft.sample.values(mark.place - 1))
        draft.marks_known = bool(known)
        if unknown:
            doubts.append(Doubt(
                f"results in {mark.name!r} that are not known: {', '.join(unknown[:8])}; say in "
                "columns.mark.values what they mean",
                f"{mark.name!r} 中有未知结果：{'、'.join(unknown[:8])}；请在 columns.mark.values 中说明",
            ))  # fmt: skip
    if len(draft.amount) == 2:
        draft.sign = "given"
    elif "sign" in draft.at:
        draft.sign = "marked"
    elif draft.unit_of_amount.negative:
        draft.sign = "given"
    elif draft.kinds_known:
        draft.sign = "by_kind"
    else:
        draft.sign = "given"
        doubts.append(Doubt(
            "nothing says which way the money goes (no minus, no debit and credit): all is taken as money in",
            "没有收支方向（无负号，也无借贷列）：全部按收入处理",
        ))  # fmt: skip
    if draft.sign == "given" and len(draft.amount) == 1 and "balance" not in draft.at and _spending(draft):
        draft.sign = "negated"
        doubts.append(Doubt(
            "amounts are turned round: what was spent is written without a minus, refunds and repayments with one",
            "金额已取反：消费不带负号，退款与还款带负号",
        ))  # fmt: skip
    fee, amount = draft.money.get("fee"), draft.unit_of_amount
    if fee is not None:
        draft.fee_sign = "given" if fee.negative and amount.negative and draft.sign == "given" else "cost"
        if fee.negative and fee.positive:
            draft.fee_sign = "given" if draft.role == "bank" else "negated"
            doubts.append(Doubt(
                "fees have both signs: check that a fee we pay comes out negative",
                "手续费有正有负：请核对我方支付的手续费为负",
            ))  # fmt: skip


def _spending(draft: Draft) -> bool:
    """Say whether an account's rows write spending as positive and what came back as negative, as card bills do."""
    if draft.role != "bank" or not draft.unit_of_amount.negative:
        return False
    amounts = draft.sample.values(draft.at[draft.amount[0]].place - 1)
    words = [
        " ".join(
            draft.sample.values(draft.at[one].place - 1)[row] for one in ("kind", "text") if one in draft.at
        )
        for row in range(len(amounts))
    ]
    ways = {
        (guess.went(text), clean(amount).startswith("-")) for text, amount in zip(words, amounts, strict=True)
    }
    return {("out", False), ("back", True)} <= ways and not {("out", True), ("back", False)} & ways


def _totals(draft: Draft) -> tuple[tuple[str, str], ...]:
    """Say which sums a row behind the rows declares; whether they are met is seen when it is tried."""
    counters = {"debit": "debits", "credit": "credits", "amount": "amount", "fee": "fees", "net": "net"}
    for _, cells in draft.sample.foot:
        if not re.search(TOTAL_ROW, " ".join(text for cell in cells if (text := clean(cell)))):
            continue
        return tuple(
            (counter, member)
            for member, counter in counters.items()
            if member in draft.at
            and draft.at[member].place <= len(cells)
            and guess.money("", [cells[draft.at[member].place - 1]]).ok
        )
    return ()


# -------------------------------------------------------------------- trial
def _best(draft: Draft, sample: Sample, doubts: list[Doubt]) -> tuple[str, tuple[Part, ...]]:
    """Try the mapping on the rows; where balances or sums do not follow, try the opposite sign, and without sums."""
    tried: list[tuple[int, int, str, tuple[tuple[str, str], ...], str, tuple[Part, ...]]] = []
    wanted_sign, wanted_totals = draft.sign, draft.totals
    signs = (draft.sign, "negated") if draft.sign == "given" and len(draft.amount) == 1 else (draft.sign,)
    totals = (draft.totals, ()) if draft.totals else ((),)
    for sign, draft.totals in product(signs, totals):
        draft.sign = sign
        toml = write(draft)
        preview = _preview(parse_mapping(toml), sample)
        broken = len(_broken(preview))
        tried.append((broken, len(tried), sign, draft.totals, toml, preview))
        if not broken:
            break
    _, _, draft.sign, draft.totals, toml, preview = min(tried, key=lambda one: one[:2])
    if draft.sign != wanted_sign:
        # What was wrong with the trial as written is the reason; sums alone never are: they would be skipped.
        doubts.append(_turned(next(one[5] for one in tried if one[2:4] == (wanted_sign, draft.totals))))
    if draft.totals != wanted_totals:
        doubts.append(Doubt(
            "a row of sums was seen that the rows do not meet; it is skipped and not compared",
            "发现合计行，但与明细不符；现跳过该行，不作比对",
        ))  # fmt: skip
    return toml, preview


def _broken(preview: Sequence[Part]) -> list[Reject | Total]:
    return [one for one in preview if isinstance(one, Reject) or (isinstance(one, Total) and not one.met)]


def _turned(as_written: Sequence[Part]) -> Doubt:
    """Say why amounts were turned round: what does not follow when they are read as written."""
    broken = _broken(as_written)
    if any(isinstance(one, Total) and one.name in ("balance", "closing_balance") for one in broken):
        why = "only so do the balances follow", "只有这样余额才能衔接"
    else:
        why = (
            "as written they contradict the kinds (a payment would be money away)",
            "按原样读取与交易类型矛盾（支付会成为支出）",
        )
    return Doubt(f"amounts are turned round: {why[0]}", f"金额已取反：{why[1]}")


def _preview(mapping: Mapping, sample: Sample) -> tuple[Part, ...]:
    session = Session(mapping, ReadOptions(year=2000))
    table = [(sample.header_line, sample.header), *sample.rows, *sample.foot]
    rows = [Row(number, list(cells)) for number, cells in table]
    if mapping.table.no_header:
        session.bind(())
    return tuple(parts(rows, session))


def _tried(preview: Sequence[Part]) -> list[Doubt]:
    rejects = [part for part in preview if isinstance(part, Reject)]
    unmet = [part for part in preview if isinstance(part, Total) and not part.met]
    out = []
    if rejects:
        first = rejects[0]
        out.append(Doubt(
            f"{len(rejects)} of the rows seen are rejects; line {first.line_no}: {first.english}",
            f"所见行中有 {len(rejects)} 行被拒；第 {first.line_no} 行：{first.chinese}",
        ))  # fmt: skip
    if unmet:
        lines = [part for part in preview if isinstance(part, StatementLine)]
        english, chinese = said(unmet[0], currency_of_all(one.currency for one in lines))
        out.append(Doubt(
            f"{english}; check unit, sign and order", f"{chinese}；请核对单位、符号与顺序"
        ))  # fmt: skip
    return out
