"""The sides of a home folder: our journal, and every imported file that counts in the period.

Rule: a superseded file never counts, a file that somebody accepted against its own totals counts and is named. Reads
only; the books go into a work file that the caller removes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from storno.recon.days import MARGIN_DAYS, shifted
from storno.recon.sides import EmptyFile, FeeRate, LineFile, Options
from storno.statements.catalogue import ANY_ACCOUNT, Catalogue
from storno.statements.formats import FORMATS
from storno.statements.mapping_load import presets
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


def imported(home: Path, options: Options) -> tuple[tuple[LineFile, ...], tuple[EmptyFile, ...]]:
    """List the imported files that count around the period: those with lines, and those without.

    Raises:
        FileRefused: a manifest or stored lines are damaged.

    """
    catalogue = Catalogue(home)
    first = shifted(options.first, -MARGIN_DAYS) if options.first else ""
    last = shifted(options.last, MARGIN_DAYS) if options.last else ""
    active = catalogue.active(first, last)
    many, accounts = _many(active), defaultdict[str, set[str]](set)
    lines = []
    for one in active:
        path, kind = catalogue.path(one), _kind(one)
        if path is None:
            continue
        account = "" if kind in many else one.accounts[0]
        accounts[kind].add(account)
        lines.append(
            LineFile(
                one.file_id, one.role, path, one.sha256, one.lines, one.rejects, _met(one), without=one.shadowed,
                source=f"{kind} {account}".rstrip(), first=one.first_day, last=one.last_day,
                read_as=checked(catalogue, one), titles=_titles(one, account),
            )
        )  # fmt: skip
    return tuple(lines), tuple(_empty(one, accounts[_kind(one)]) for one in active if not one.parquet)


def _empty(one: StoredFile, accounts: set[str]) -> EmptyFile:
    """Describe a file without a line: whose bill it is shows only where there is but one account of its kind."""
    account = next(iter(accounts)) if len(accounts) == 1 else ""
    return EmptyFile(
        one.file_id, one.role, one.sha256, one.rejects, _met(one), f"{_kind(one)} {account}".rstrip(),
        one.first_day, one.last_day,
    )  # fmt: skip


def _many(files: tuple[StoredFile, ...]) -> frozenset[str]:
    """Give the kinds of file that are not each of one account; one without a line does not show whose it is."""
    return frozenset(
        _kind(one)
        for one in files
        if one.parquet and (len(one.accounts) != 1 or one.accounts == (ANY_ACCOUNT,))
    )


def _met(one: StoredFile) -> bool:
    return all(total.met for total in one.totals)


def _titles(one: StoredFile, account: str) -> tuple[str, str]:
    """Say in English and in Chinese what kind of file it is, without the particulars behind it, and of whom."""
    form, preset = FORMATS.get(one.format), presets().get(one.variant)
    titles = (preset.title, preset.title_zh) if preset else ("", "")
    if form and not all(titles):
        titles = (re.split(r"[:,]", form.english)[0], re.split("[，,]", form.chinese)[0])
        if one.variant and one.variant != one.format:
            titles = (f"{titles[0]} ({one.variant})", f"{titles[1]}（{one.variant}）")
    english, chinese = (title or _kind(one) for title in titles)
    return f"{english} {account}".rstrip(), f"{chinese} {account}".rstrip()


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
