"""Fields of SWIFT statements (MT940, MT942): cutting a file into tagged fields, and reading one field.

The grammar of :61: and :90: is the mt-940 library's, which learnt it from the files of many banks; what it lets through
is checked here, because it takes `1.234,56` for 1 and reads a balance without currency as 0. Its exceptions and its
log never get out: only its patterns are used, not its reader.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, field

from mt940 import tags

from storno.statements.amount import AmountError, decimals_of, scaled
from storno.statements.formats._narrative import Decoder
from storno.statements.lines import RawLine
from storno.statements.when import WhenError, plain_day

FIELD_LINES_MAX = 400
_TAG = re.compile(r"^:(\d{2}[A-Z]?|NS):")
_BROKEN_TAG = re.compile(r"^(?:\d{2}[A-Z]?|NS):")
_END = " \t\r\n\x03\x04\x0c\x1a"
"""What may stand behind a line: SWIFT's and the old file systems' own marks of an end."""
_ENVELOPE = re.compile(r"^(?:\{[1-5S]:|-\}|-[A-Z]{0,3}$)")
_KNOWN = frozenset(
    {"13", "13D", "20", "21", "25", "25P", "28", "28C", "34", "34F", "60", "60F", "60M", "61", "62", "62F", "62M",
     "64", "65", "86", "90", "90C", "90D", "NS"}
)  # fmt: skip
_LINE = tags.Statement().re
_SUM = tags.SumEntries().re
_EXPECTED = re.compile(r"^\d{6}(?:\d{4}|\s{4})?E[CD]")
_BALANCE = re.compile(r"^([DC])(\d{6})([A-Z]{3})?([\d,]+)\s*$")
_AMOUNT = re.compile(r"\d{1,18}(?:,\d{0,5})?")
_STRUCTURED = re.compile(r"^\s*(\d{3})\s*([?>~@^])(?=\d\d)")
_NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED", "NOREF", "N", "EREF", "KREF"})
_PLUS_CODES = re.compile(r"(EREF|KREF|MREF|CRED|DEBT|SVWZ|ABWA|ABWE|PURP|IBAN|BIC)\+\s*")


class FieldError(ValueError):
    """A field that cannot be taken."""

    def __init__(self, code: str, english: str, chinese: str) -> None:
        super().__init__(english)
        self.code = code
        self.english = english
        self.chinese = chinese


@dataclass(slots=True)
class SwiftField:
    """One tagged field and where it starts; tag `""` is a line that belongs to none."""

    tag: str
    line_no: int
    lines: list[str] = field(default_factory=list)
    too_long: bool = False

    @property
    def value(self) -> str:
        """Give its lines, ends trimmed, joined by line feeds."""
        return "\n".join(self.lines).strip()


def swift_fields(lines: Iterator[RawLine], decoder: Decoder) -> Iterator[SwiftField]:
    """Cut a file into fields. Envelope lines (`{1:…{4:`, `-}`, `-`) and lines before any field come with tag `""`."""
    current: SwiftField | None = None
    colon = 0
    for raw in lines:
        text = decoder.decode(raw.data).rstrip(_END).lstrip("\ufeff\x01")
        if colon:  # a tag broken behind its colon
            text, raw_no = (":" + text if _BROKEN_TAG.match(text) else text), colon
        else:
            raw_no = raw.no
        colon = raw.no if text.strip() == ":" else 0
        if colon:
            continue
        for piece in _pieces(text):
            found = _TAG.match(piece)
            if found and found[1] in _KNOWN:
                if current:
                    yield current
                current = SwiftField(found[1], raw_no, [piece[found.end() :]], raw.too_long)
            elif current is None or _ENVELOPE.match(piece) or (current.tag != "86" and piece.strip() == "-"):
                if current:
                    yield current
                current = None
                yield SwiftField("", raw_no, [piece])
            elif len(current.lines) < FIELD_LINES_MAX:
                if piece:
                    current.lines.append(piece)
                current.too_long |= raw.too_long
    if current:
        yield current


def _pieces(text: str) -> Iterator[str]:
    """Part an envelope from what stands behind it on the same line."""
    if _ENVELOPE.match(text) and "{4:" in text:
        at = text.index("{4:") + 3
        yield text[:at]
        if text[at:].strip():
            yield text[at:].strip()
    else:
        yield text


@dataclass(frozen=True, slots=True)
class Entry:
    """A :61: read: signed minor units, days, references as written."""

    amount_minor: int
    reversal: bool
    expected: bool
    value_day: str
    booked_day: str
    code: str
    customer: str
    bank: str
    details: str


def read_entry(item: SwiftField, currency: str) -> Entry:
    """Read a :61:. Raises FieldError."""
    value = item.value
    expected = _EXPECTED.match(value) is not None
    if expected:
        value = value.replace("EC", "C", 1) if "EC" in value[:13] else value.replace("ED", "D", 1)
    found, more = _matched(value)
    if found is None or item.too_long:
        raise FieldError("field", ":61: is not date, mark and amount", ":61: 不是日期、借贷标志和金额")
    parts = {name: text or "" for name, text in found.groupdict().items()}
    behind = found.string[found.end("amount") : found.end("amount") + 1]
    if behind and not (behind.isalpha() or behind.isspace()):
        raise FieldError("amount", f":61: has {behind!r} behind its amount", f":61: 金额之后出现 {behind!r}")
    mark = parts["status"].upper()
    amount = minor(parts["amount"], currency)
    value_day = swift_day(parts["year"] + parts["month"] + parts["day"])
    booked = parts["entry_month"].strip() + parts["entry_day"].strip()
    if more and len(parts["customer_reference"]) == 16 and parts["extra_details"].strip().isalnum():
        parts["customer_reference"] += parts["extra_details"].strip()
        parts["extra_details"] = ""
    if parts["id"]:
        _long_references(parts, found.string[found.end("id") :])
    return Entry(
        amount if mark in ("C", "RD") else -amount,
        mark.startswith("R"),
        expected,
        value_day,
        _near(booked, value_day) if booked else value_day,
        parts["id"].strip(),
        _reference(parts["customer_reference"]),
        _reference(parts["bank_reference"]),
        f"{parts['extra_details'].strip()} {more}".strip(),
    )


def _matched(value: str) -> tuple[re.Match[str] | None, str]:
    """Match a :61: with its details line, then with several; then without: what they say is given beside it.

    The last is for references over 16 characters (some banks put an IBAN there): they leave no room for details.
    """
    found = _LINE.match(value)
    if found is None:
        first, *rest = value.split("\n")
        found = _LINE.match(first + "\n" + " ".join(rest))
        if found is None and rest:
            return _LINE.match(first), " ".join(rest)
    return found, ""


def _long_references(parts: dict[str, str], behind: str) -> None:
    """Take references longer than 16 characters whole: `//` says where the bank's begins, the line where it ends."""
    first, _, details = behind.partition("\n")
    customer, mark, bank = first.partition("//")
    if mark and max(len(customer), len(bank)) > 16 and not re.search(r"\s", first.strip()):
        parts.update(customer_reference=customer, bank_reference=bank, extra_details=details)


def _reference(text: str) -> str:
    text = text.strip()
    return "" if text.upper() in _NO_REFERENCE else text


def read_balance(item: SwiftField) -> tuple[int, str, str]:
    """Read a :60: or :62:: signed units of 10^-5, day, currency (empty if the bank left it out)."""
    found = _BALANCE.match(item.value)
    if found is None or item.too_long or not _AMOUNT.fullmatch(found[4]):
        raise FieldError("balance", f":{item.tag}: is no balance", f":{item.tag}: 不是余额")
    try:
        units = scaled(found[4], 5, decimal_mark=",")
    except AmountError as error:
        raise FieldError("balance", error.english, error.chinese) from None
    return (units if found[1] == "C" else -units), swift_day(found[2]), found[3] or ""


def read_sum(item: SwiftField) -> tuple[int, str, str]:
    """Read a :90C: or :90D:: number of entries, currency, amount as written."""
    found = _SUM.match(item.value)
    number = "" if found is None else found["number"] or "0"
    if (
        found is None
        or len(number) > 15
        or not _AMOUNT.fullmatch(found["amount"])
        or found.end() != len(item.value)
    ):
        raise FieldError("totals", f":{item.tag}: is no number and sum", f":{item.tag}: 不是笔数和金额")
    return int(number), found["currency"].upper(), found["amount"]


def minor(text: str, currency: str) -> int:
    """Give an amount with its decimal comma in minor units. Raises FieldError."""
    if not _AMOUNT.fullmatch(text):
        raise FieldError("amount", f"{text[:24]!r} is no amount", f"{text[:24]!r} 不是金额")
    try:
        return scaled(text, decimals_of(currency), decimal_mark=",")
    except AmountError as error:
        raise FieldError("amount", error.english, error.chinese) from None


def swift_day(yymmdd: str) -> str:
    """Give YYYYMMDD; banks that count every month as 30 days write 30 February: the month's last day is meant."""
    century = "19" if yymmdd[:2] >= "80" else "20"
    year, month, day = int(century + yymmdd[:2]), int(yymmdd[2:4]), int(yymmdd[4:6])
    if month == 2 and day in (29, 30):
        day = min(day, monthrange(year, 2)[1])
    try:
        return plain_day(f"{year:04d}{month:02d}{day:02d}")
    except WhenError as error:
        raise FieldError("date", error.english, error.chinese) from None


def _near(mmdd: str, value_day: str) -> str:
    """Give the booking day's year: the one that puts it nearest to the value day."""
    if len(mmdd) != 4:
        raise FieldError("date", f"entry date {mmdd!r} is no MMDD", f"记账日期 {mmdd!r} 不是 MMDD")
    year = int(value_day[:4])
    gap = int(mmdd[:2]) - int(value_day[4:6])
    year += 1 if gap < -6 else -1 if gap > 6 else 0
    return swift_day(f"{year % 100:02d}{mmdd}")


def details_text(lines: list[str]) -> tuple[str, str, str]:
    """Read a :86:: business code, end-to-end or customer reference, text as it stands: not masked yet."""
    joined = "".join(lines)
    found = _STRUCTURED.match(joined)
    if found is None:
        text = "".join(line + ("" if len(line) >= 65 else " ") for line in lines)
        slashed = re.search(r"/EREF/+([^/]+)", text)
        return "", slashed[1].strip()[:35] if slashed else "", text
    parts = re.split(re.escape(found[2]) + r"(?=\d\d)", joined[found.end(1) :].strip())
    fields: dict[str, str] = {}
    for part in parts[1:]:
        fields[part[:2]] = fields.get(part[:2], "") + part[2:]
    purpose = "".join(fields[key] for key in sorted(fields) if "20" <= key <= "29" or "60" <= key <= "63")
    codes = _PLUS_CODES.split(purpose)
    named = dict(zip(codes[1::2], codes[2::2], strict=False))
    order = (named.get("EREF", "") or named.get("KREF", "")).strip()
    purpose = _PLUS_CODES.sub(r" \1+", purpose)
    words = [fields.get("00", ""), purpose, fields.get("32", "") + fields.get("33", ""), fields.get("31", "")]
    return found[1], _reference(order)[:35], " ".join(filter(None, words))
