"""The bank's statement of a booked day: CSV (preset `storno_bank`), CAMT.053 or MT940, with balances that close.

Rule: one entry for each deposit, in the order of merchants; the closing balance is the next day's opening one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from storno.sim.days.deposits import Deposit

CSV_NAMES = ("booked_on", "value_on", "mid", "reference", "amount_yuan", "kind", "text")
_ACCOUNT = "CN00STORNO0000000001"
SUFFIXES = {"bank_csv": ".csv", "camt": ".xml", "mt940": ".sta"}


def yuan(minor: int, point: str = ".") -> str:
    """Write minor units as yuan."""
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}{point}{abs(minor) % 100:02d}"


def write_bank(path: Path, paid: Sequence[Deposit], booked: str, opening_minor: int, how: str) -> int:
    """Write a day's statement; give the closing balance."""
    writer = {"bank_csv": _csv, "camt": _camt, "mt940": _mt940}[how]
    closing = opening_minor + sum(one.paid_minor for one in paid)
    path.write_bytes(writer(paid, booked, opening_minor, closing).encode("utf-8"))
    return closing


def _dashed(day: str) -> str:
    return f"{day[:4]}-{day[4:6]}-{day[6:]}"


def _csv(paid: Sequence[Deposit], booked: str, opening: int, closing: int) -> str:  # noqa: ARG001 - one shape
    rows = [
        ",".join((booked, booked, one.mid, one.reference, yuan(one.paid_minor), "deposit", one.text))
        for one in paid
    ]
    return "\n".join([",".join(CSV_NAMES), *rows, ""])


def _balance(code: str, minor: int, day: str) -> str:
    side = "CRDT" if minor >= 0 else "DBIT"
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">{yuan(abs(minor))}</Amt>'
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{_dashed(day)}</Dt></Dt></Bal>\n"
    )


def _camt(paid: Sequence[Deposit], booked: str, opening: int, closing: int) -> str:
    entries = "".join(
        f'<Ntry><Amt Ccy="CNY">{yuan(abs(one.paid_minor))}</Amt>'
        f"<CdtDbtInd>{'CRDT' if one.paid_minor >= 0 else 'DBIT'}</CdtDbtInd><Sts>BOOK</Sts>"
        f"<BookgDt><Dt>{_dashed(booked)}</Dt></BookgDt><ValDt><Dt>{_dashed(booked)}</Dt></ValDt>"
        f"<AcctSvcrRef>{one.reference}</AcctSvcrRef>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>MCRD</Cd><SubFmlyCd>POSP</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{one.reference}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{escape(one.text)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        for one in paid
    )
    stamp = f"{_dashed(booked)}T23:59:00"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
        f"<BkToCstmrStmt><GrpHdr><MsgId>STORNO{booked}</MsgId><CreDtTm>{stamp}</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>STORNO-{booked}</Id><CreDtTm>{stamp}</CreDtTm>"
        f"<Acct><Id><Othr><Id>{_ACCOUNT}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n"
        f"{_balance('OPBD', opening, booked)}{_balance('CLBD', closing, booked)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>\n"
    )


def _mt940_balance(tag: str, minor: int, day: str) -> str:
    return f":{tag}:{'C' if minor >= 0 else 'D'}{day[2:]}CNY{yuan(abs(minor), ',')}\r\n"


def _mt940(paid: Sequence[Deposit], booked: str, opening: int, closing: int) -> str:
    """Write MT940; the reference of 16 characters at most is the MID, the rest is in :86:."""
    entries = "".join(
        f":61:{booked[2:]}{booked[4:]}{'C' if one.paid_minor >= 0 else 'D'}{yuan(abs(one.paid_minor), ',')}"
        f"NMSC{one.mid}\r\n:86:{one.reference} {one.text}\r\n"
        for one in paid
    )
    return (
        f":20:STORNO{booked}\r\n:25:{_ACCOUNT}\r\n:28C:{booked[4:]}/1\r\n{_mt940_balance('60F', opening, booked)}"
        f"{entries}{_mt940_balance('62F', closing, booked)}-\r\n"
    )
