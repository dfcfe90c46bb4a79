"""The sides of a home folder: our journal, and every imported file that counts in the period.

Rule: a superseded file never counts, a file that somebody accepted against its own totals counts and is named. Reads
only; the books go into a work file that the caller removes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.recon.days import MARGIN_DAYS, shifted
from storno.recon.sides import FeeRate, LineFile, Options
from storno.statements.catalogue import ANY_ACCOUNT, Catalogue
from storno.statements.stored import checked

if TYPE_CHECKING:
    from pathlib import Path

    from storno.statements.catalogue import StoredFile


class FeesError(ValueError):
    """A table of fees that cannot be used; says which line and why in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


def line_files(home: Path, options: Options) -> tuple[LineFile, ...]:
    """List the imported files that count around the period.

    Raises:
        FileRefused: a manifest or stored lines are damaged.

    """
    catalogue = Catalogue(home)
    first = shifted(options.first, -MARGIN_DAYS) if options.first else ""
    last = shifted(options.last, MARGIN_DAYS) if options.last else ""
    found = []
    active = catalogue.active(first, last)
    many = {_kind(one) for one in active if len(one.accounts) != 1 or one.accounts == (ANY_ACCOUNT,)}
    for one in active:
        path = catalogue.path(one)
        if path is None:
            continue
        met = all(total.met for total in one.totals)
        found.append(
            LineFile(
                one.file_id,
                one.role,
                path,
                one.sha256,
                one.lines,
                one.rejects,
                met,
                without=one.shadowed,
                source=_kind(one) if _kind(one) in many else f"{_kind(one)} {one.accounts[0]}",
                first=one.first_day,
                last=one.last_day,
                read_as=checked(catalogue, one),
            )
        )
    return tuple(found)


def _kind(one: StoredFile) -> str:
    """Say what kind of file it is; where each is of one account, the files of every account are a source."""
    return f"{one.format}/{one.variant}" if one.variant and one.variant != one.format else one.format


def read_fees(path: Path) -> tuple[FeeRate, ...]:
    """Read agreed fees: CSV, merchant number and 1/100 % in each line; a first line without a number is a header.

    Raises:
        FeesError: with the line.

    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FeesError(f"{path} cannot be read as text", f"{path} 无法按文本读取") from error
    found: dict[str, FeeRate] = {}
    for number, line in enumerate(lines, 1):
        mid, _, rate = (part.strip() for part in line.partition(","))
        if not line.strip() or (number == 1 and not any(sign.isdigit() for sign in mid)):
            continue
        if not mid or not (rate.isascii() and rate.isdigit()) or int(rate) > 10_000:
            raise FeesError(
                f"{path}, line {number}: expected a merchant number and 1/100 % from 0 to 10000",
                f"{path} 第 {number} 行：应为商户号和 0 到 10000 的费率（万分之几）",
            )
        if mid in found:
            raise FeesError(
                f"{path}, line {number}: {mid} is there twice", f"{path} 第 {number} 行：{mid} 重复"
            )
        found[mid] = FeeRate(mid, int(rate))
    return tuple(found.values())
