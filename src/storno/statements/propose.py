"""Propose a mapping for a file nobody has described: every column with a reason and how sure, every doubt in words.

Nothing is decided in silence: what the rows leave open is a doubt. The proposal is TOML that `parse_mapping` takes, and
is tried on the rows that were seen. Reads only what `sample.look` gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import BinaryIO

from storno.statements import guess, mask
from storno.statements.base import ReadOptions
from storno.statements.cells import clean
from storno.statements.guess import Money, Name, When
from storno.statements.line import FileRefused, Part, Reject, StatementLine, Total
from storno.statements.mapping import Mapping
from storno.statements.mapping_parse import parse_mapping
from storno.statements.proposal_toml import TOTAL_ROW, Draft, write
from storno.statements.sample import Sample, look
from storno.statements.table import Row, Session, parts
from storno.statements.total_words import currency_of_all, said
from storno.statements.words import bare

MONEY = ("amount", "debit", "credit", "balance", "fee", "net")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_JAPANESE = re.compile("[\u3040-\u30ff]|日付|取引|残高")
_TRADITIONAL = re.compile("[餘額帳幣備註結轉]")
"""Letters of Hong Kong and Taiwan, whose banks keep accounts in several currencies."""
_TERMINAL = frozenset({"tid", "batch", "rrn", "auth_code"})
"""Columns that only lists of terminals' transactions have."""
_PAID = re.compile("^(交易|消费|发生)|transaction|trans|txn")
_BOOKED = re.compile("清算|结算|入账|记账|settle|post|book")
_POS = re.compile("终端|pos|批次|参考号|刷卡")
_VOUCHERS = {"流水号": 60, "凭证号": 50}
"""Names that terminals and banks use for different things; how sure each is as a bank's reference."""
TIMES = ("date", "time", "at", "original_at")


@dataclass(frozen=True, slots=True)
class Column:
    """What is thought of one column."""

    place: int
    """From 1."""
    name: str
    member: str
    """What it becomes; empty: nothing."""
    sure: int
    """Percent."""
    english: str
    chinese: str
    samples: tuple[str, ...] = ()


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
    found = _columns(sample)
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


# -------------------------------------------------------------------- columns
def _columns(sample: Sample) -> dict[int, Column]:
    """Guess each column; of several for one member the surest is kept."""
    guessed = {}
    for place, header in enumerate(sample.header):
        values = sample.values(place)
        member, sure, english, chinese = _member(header, values)
        distinct = tuple(dict.fromkeys(clean(value) for value in values if clean(value)))[:3]
        shown = tuple(mask.card(one) if member == "card" else mask.mask_text(one) for one in distinct)
        guessed[place] = Column(place + 1, clean(header), member, sure, english, chinese, shown)
    _vouchers(guessed)
    _traded(guessed)
    best: dict[str, Column] = {}
    for column in guessed.values():
        if column.member and _rank(column, sample) > _rank(best.get(column.member), sample):
            best[column.member] = column
    for place, column in guessed.items():
        if column.member and best[column.member] is not column:
            other = best[column.member].name
            guessed[place] = replace(
                column, member="", sure=0,
                english=f"could also be {column.member}, but {other!r} fits better",
                chinese=f"也可能是 {column.member}，但 {other!r} 更合适",
            )  # fmt: skip
    return guessed


def _vouchers(guessed: dict[int, Column]) -> None:
    """Take what may be a terminal's STAN for a bank's voucher or serial number, where nothing speaks of a terminal."""
    members = {column.member for column in guessed.values()}
    if members & _TERMINAL or any(_POS.search(bare(column.name)) for column in guessed.values()):
        return
    for place, column in guessed.items():
        named = next((one for one in _VOUCHERS if bare(column.name).endswith(one)), "")
        if column.member == "stan" and named:
            guessed[place] = replace(
                column, member="reference", sure=_VOUCHERS[named],
                english="a number of the bank's: no column speaks of a terminal",
                chinese="银行的凭证号或流水号：没有与终端有关的列",
            )  # fmt: skip


def _traded(guessed: dict[int, Column]) -> None:
    """Where one date says when the money was booked and another when it was paid, the time of day is the latter's."""
    dates = {place: column for place, column in guessed.items() if column.member == "date"}
    paid = [place for place, column in dates.items() if _PAID.search(bare(column.name))]
    if len(paid) == 1 and any(_BOOKED.search(bare(column.name)) for column in dates.values()):
        guessed[paid[0]] = replace(
            guessed[paid[0]], member="traded",
            english="the day of the transaction; another column says when it was booked",
            chinese="交易当日；记账或清算日另有一列",
        )  # fmt: skip


def _rank(column: Column | None, sample: Sample) -> tuple[int, int, int]:
    """Say how well a column fits; of two that could be the narrative, the one that says more."""
    if column is None:
        return (0, 0, 0)
    if column.member != "text":  # of what was paid and what was booked, the account has what was booked
        return (column.sure, int(column.name.startswith(("记账", "入账"))), 0)
    distinct = set(map(clean, sample.values(column.place - 1))) - {""}
    says = guess.names_a_party(column.name)
    return (column.sure, 2 * len(distinct) - says, sum(map(len, distinct)))


def _member(header: str, values: Sequence[str]) -> tuple[str, int, str, str]:
    name = guess.by_name(header)
    if not name.member:
        return _by_values(values)
    filled = [value for value in values if clean(value)]
    if not filled:
        return name.member, min(name.sure, 50), "by its name; no values seen", "按列名判断；未见到值"
    if name.member in MONEY:
        if guess.money(header, values).ok:
            return _named(name, "every value is an amount", "各值均为金额")
        return _unfit(name, "not every value is an amount", "并非每个值都是金额")
    if name.member in TIMES:
        what = guess.when(values).what
        if not what:
            return _unfit(name, "not every value is a date or time", "并非每个值都是日期或时间")
        member = name.member if name.member == "original_at" else what
        return _named(
            replace(name, member=member), f"every value is a {_WHAT[what][0]}", f"各值均为{_WHAT[what][1]}"
        )
    if name.member in ("kind", "mark") and guess.sign_words(values):
        return _named(
            replace(name, member="sign"), "every value is a word for in or away", "各值均为收支方向"
        )
    if name.member == "card" and any("." in value for value in filled):
        return _unfit(name, "its values are amounts", "取值是金额")
    if name.member == "account" and guess.differs(values):
        return _unfit(name, "it differs in nearly every row: the other side's", "几乎每行不同：是对方账号")
    if name.member == "sign" and not guess.sign_words(values):
        return _unfit(name, "its values are no words for in and away", "取值不是收支方向")
    return _named(name, "", "")


_WHAT = {"date": ("date", "日期"), "at": ("date with time", "日期时间"), "time": ("time", "时间")}


def _named(name: Name, english: str, chinese: str) -> tuple[str, int, str, str]:
    how = f"the name is {name.word!r}" if name.sure > 90 else f"the name holds {name.word!r}"
    how_zh = f"列名即 {name.word!r}" if name.sure > 90 else f"列名含 {name.word!r}"
    return (
        name.member, name.sure,
        f"{how}, {english}" if english else how, f"{how_zh}，{chinese}" if chinese else how_zh,
    )  # fmt: skip


def _unfit(name: Name, english: str, chinese: str) -> tuple[str, int, str, str]:
    return "", 0, f"named like {name.member}, but {english}", f"列名像 {name.member}，但{chinese}"


def _by_values(values: Sequence[str]) -> tuple[str, int, str, str]:
    found = guess.when(values)
    if found.what in ("date", "at") and len(set(map(clean, values))) > 0 and found.formats != ("YYMMDD",):
        return found.what, 40, "unknown name, but every value is a date", "列名未知，但各值均为日期"
    return "", 0, "unknown name; left out", "列名未知；不采用"


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
    fee, amount = draft.money.get("fee"), draft.unit_of_amount
    if fee is not None:
        draft.fee_sign = "given" if fee.negative and amount.negative and draft.sign == "given" else "cost"
        if fee.negative and fee.positive:
            draft.fee_sign = "given" if draft.role == "bank" else "negated"
            doubts.append(Doubt(
                "fees have both signs: check that a fee we pay comes out negative",
                "手续费有正有负：请核对我方支付的手续费为负",
            ))  # fmt: skip


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
