"""The header of one file: which column a mapping's names are, and which are missing or doubtful.

A column that is there twice, or a needed one that is not there, refuses the file with what to do. Must not know rows.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NoReturn

from storno.statements.line import FileRefused
from storno.statements.mask import mask_text
from storno.statements.words import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storno.statements.mapping import Columns, Mapping


class Header:
    """The columns of one file, by compared name and by position."""

    def __init__(self, names: Sequence[str], mapping: Mapping) -> None:
        self.names = tuple(names)
        self._mapping = mapping
        self._at: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            self._at.setdefault(plain(name), []).append(place)

    def find(self, columns: Columns) -> int | None:
        """Give the index of the first of the alternatives that is there. FileRefused where it is there twice."""
        for one in columns:
            if isinstance(one, int):
                if not self.names or one <= len(self.names):
                    return one - 1
                continue
            places = self._at.get(plain(one), [])
            if len(places) > 1:
                raise FileRefused(
                    "header",
                    f"the header has {one!r} {len(places)} times: name the column by its position in mapping "
                    f"{self._mapping.name!r}",
                    f"表头中有 {len(places)} 个 {one!r}：请在映射 {self._mapping.name!r} 中改用列序号",
                )
            if places:
                return places[0]
        return None

    def need(self, columns: Columns, where: str) -> int:
        """Give the index, or refuse the file with the nearest names."""
        found = self.find(columns)
        if found is None:
            self._missing(columns, where)
        return found

    def _missing(self, columns: Columns, where: str) -> NoReturn:
        wanted = " / ".join(str(one) for one in columns)
        close = get_close_matches(plain(str(columns[0])), list(self._at), n=2, cutoff=0.5)
        close = [mask_text(one) for one in close]
        hint, hint_zh = (f"; near: {', '.join(close)}", f"；相近：{'、'.join(close)}") if close else ("", "")
        raise FileRefused(
            "header",
            f"the header has no column {wanted} ({where} of mapping {self._mapping.name!r}){hint}",
            f"表头没有 {wanted} 列（映射 {self._mapping.name!r} 的 {where}）{hint_zh}",
        )

    def holds_all(self) -> bool:
        """Say whether every column the mapping must have is here."""
        m = self._mapping
        needed: list[Columns] = [
            m.amount.column,
            m.amount.debit,
            m.amount.credit,
            m.amount.sign_column,
            m.kind.column,
        ]
        needed += [rule.column for _, rule in m.whens if not rule.optional]
        needed += [rule.column for _, rule in m.texts if not rule.optional]
        needed += [
            rule.column
            for rule in (m.fee, m.net, m.mark, m.balance)
            if rule is not None and not getattr(rule, "optional", False)
        ]
        return all(self.find(columns) is not None for columns in needed if columns)
