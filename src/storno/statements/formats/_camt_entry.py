"""One `Ntry` of a CAMT message turned into lines: the batch's single transactions where they add up, else the entry.

Works on elements whose tags are local names. CdtDbtInd is the money's own direction; RvslInd says that it undoes an
earlier booking and changes no sign. What is pending or informational gives no line. Amounts are exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from xml.etree.ElementTree import Element  # a type only; parsing goes through defusedxml

from storno.statements.amount import AmountError, decimals_of, scaled
from storno.statements.formats._narrative import narrative
from storno.statements.line import LineKind, StatementLine
from storno.statements.mask import mask_id
from storno.statements.when import WhenError, day, moment

BOOKED = "BOOK"
_FEES = frozenset({"CHRG", "FEES", "COMM", "CHGS", "BKFE"})


class EntryError(ValueError):
    """An entry that cannot be taken."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


@lru_cache(maxsize=4096)
def local(tag: object) -> str:
    """Give an element's name without its namespace."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def walk(element: Element | None, path: str) -> Iterator[Element]:
    """Give all elements at a path of local names."""
    found = [] if element is None else [element]
    for name in path.split("/"):
        found = [child for one in found for child in one if local(child.tag) == name]
    return iter(found)


def text_at(element: Element | None, *paths: str) -> str:
    """Give the text at the first of these paths that has any."""
    for path in paths:
        for found in walk(element, path):
            if found.text and found.text.strip():
                return found.text.strip()
    return ""


def signed(element: Element, amount_path: str = "Amt") -> tuple[int, str]:
    """Give the signed minor units and currency of an element with an amount and a CdtDbtInd. Raises EntryError."""
    found = next(walk(element, amount_path), None)
    if found is None:
        raise EntryError("amount", "there is no Amt", "缺少 Amt")
    units, currency = amount_of(found)
    side = text_at(element, "CdtDbtInd")
    if side not in ("CRDT", "DBIT"):
        raise EntryError("sign", f"CdtDbtInd is {side[:8]!r}", f"CdtDbtInd 为 {side[:8]!r}")
    return (units if side == "CRDT" else -units), currency


def amount_of(element: Element) -> tuple[int, str]:
    """Give an amount element's minor units and currency. Raises EntryError."""
    currency = element.get("Ccy", "")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise EntryError("currency", f"Ccy is {currency[:8]!r}", f"Ccy 为 {currency[:8]!r}")
    return decimal(element.text or "", currency.upper()), currency.upper()


def decimal(text: str, currency: str) -> int:
    """Give an XML decimal in minor units of its currency. Raises EntryError."""
    bare = text.strip()
    digits = bare.removeprefix("-").removeprefix("+").replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit()):
        raise EntryError("amount", f"{bare[:24]!r} is no amount", f"{bare[:24]!r} 不是金额")
    try:
        return scaled(bare, decimals_of(currency))
    except AmountError as error:
        raise EntryError("amount", error.english, error.chinese) from None


def status(entry: Element) -> str:
    """Give BOOK, PDNG, INFO, FUTR …; older and newer versions write it in different places."""
    return text_at(entry, "Sts/Cd", "Sts/Prtry", "Sts") or BOOKED


@dataclass(frozen=True, slots=True)
class Detail:
    """One `TxDtls`, kept instead of its element."""

    amount_minor: int | None
    """Signed; None where it has none of its own in the entry's currency."""
    reference: str
    order: str
    text: str


def detail(element: Element, entry_currency: str, entry_sign: int) -> Detail:
    """Read a `TxDtls`."""
    units: int | None = None
    for path in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        found = next(walk(element, path), None)
        if found is not None:
            try:
                value, currency = amount_of(found)
            except EntryError:
                break
            if currency == entry_currency:
                side = {"CRDT": 1, "DBIT": -1}.get(text_at(element, "CdtDbtInd"), entry_sign)
                units = side * value
                break
    order = text_at(element, "Refs/EndToEndId")
    order = "" if order == "NOTPROVIDED" else order
    party = text_at(element, "RltdPties/Dbtr/Nm", "RltdPties/Dbtr/Pty/Nm")
    other = text_at(element, "RltdPties/Cdtr/Nm", "RltdPties/Cdtr/Pty/Nm")
    remit = [one.text or "" for one in walk(element, "RmtInf/Ustrd")]
    refs = [one.text or "" for one in walk(element, "RmtInf/Strd/CdtrRefInf/Ref")]
    return Detail(
        units,
        text_at(element, "Refs/AcctSvcrRef", "Refs/TxId", "Refs/PmtInfId", "Refs/InstrId", "Refs/MsgId"),
        order,
        narrative(*remit, *refs, party, other, text_at(element, "AddtlTxInf")),
    )


def lines_of(
    entry: Element, no: int, details: list[Detail], account: str, utc_offset_min: int
) -> list[StatementLine]:
    """Give the lines of a booked entry. Raises EntryError."""
    amount, currency = signed(entry)
    try:
        settled_on, at = _when(entry, utc_offset_min)
    except WhenError as error:
        raise EntryError("date", error.english, error.chinese) from None
    kind = _kind(entry, amount)
    code = "/".join(
        filter(None, (text_at(entry, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")))
    )
    whole = StatementLine(
        no, kind, amount, currency, settled_on=settled_on, at=at,
        reference=mask_id(text_at(entry, "AcctSvcrRef", "NtryRef")), account=account,
        code=code or text_at(entry, "BkTxCd/Prtry/Cd"), text=narrative(text_at(entry, "AddtlNtryInf")),
    )  # fmt: skip
    if not details:
        return [whole]
    if len(details) == 1:
        return [_with(whole, details[0], amount, kind)]
    own = [one.amount_minor for one in details]
    if None in own or sum(one or 0 for one in own) != amount:
        note = f"[{len(details)} transactions that do not add up to the entry 明细之和与入账金额不符]"
        return [replace(whole, text=narrative(whole.text, note))]
    return [
        _with(whole, one, units or 0, _kind(entry, units or 0, single=True))
        for one, units in zip(details, own, strict=True)
    ]


def _with(whole: StatementLine, one: Detail, amount: int, kind: LineKind) -> StatementLine:
    order = mask_id(one.order)
    return replace(
        whole,
        amount_minor=amount,
        kind=kind,
        reference=mask_id(one.reference) or whole.reference,
        order=order,
        original=(order or mask_id(one.reference)) if kind is LineKind.REVERSAL else "",
        text=narrative(one.text, whole.text),
    )


def _kind(entry: Element, amount: int, *, single: bool = False) -> LineKind:
    if text_at(entry, "RvslInd") in ("true", "1"):
        return LineKind.REVERSAL
    if text_at(entry, "BkTxCd/Domn/Fmly/SubFmlyCd") in _FEES:
        return LineKind.FEE
    if amount < 0:
        return LineKind.OTHER
    return LineKind.PAYMENT if single else LineKind.DEPOSIT


def _when(entry: Element, utc_offset_min: int) -> tuple[str, str]:
    """Give booking day (value day where there is none) and, if the bank tells it, the time in the books' zone."""
    stamp = text_at(entry, "BookgDt/DtTm")
    plain = text_at(entry, "BookgDt/Dt")
    if not (stamp or plain):
        stamp, plain = text_at(entry, "ValDt/DtTm"), text_at(entry, "ValDt/Dt")
    if not (stamp or plain):
        return "", ""
    if "T" in plain:  # some banks write a time where a day belongs
        stamp, plain = plain, ""
    if plain:
        return day(plain[:10]), ""
    at = moment(stamp, utc_offset_min)
    return day(stamp[:10]), at
