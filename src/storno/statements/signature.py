"""Which preset a file is of, by its header row: exactly the names the preset lists, in their order.

Only tables that name their header can be known so; anything less than the whole header is no match.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from storno.statements.base import Head, Traits
from storno.statements.line import FileRefused, Role
from storno.statements.mapping_load import load_mapping, presets
from storno.statements.split import DELIMITERS, split
from storno.statements.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storno.statements.mapping import Mapping

ROWS_LOOKED_AT = 60
RANK = 10


@cache
def _signatures() -> dict[tuple[str, ...], Mapping]:
    found: dict[tuple[str, ...], Mapping] = {}
    for mapping in presets().values():
        for header in mapping.table.header:
            key = tuple(plain(name) for name in header)
            assert found.setdefault(key, mapping) is mapping, f"two presets have the header {header}"
    return found


def preset_of(rows: Iterable[Sequence[str]]) -> Mapping | None:
    """Give the preset whose whole header one of the rows is; None if none is."""
    known = _signatures()
    for row in rows:
        names = [plain(cell) for cell in row]
        while names and not names[-1]:
            names.pop()
        if (found := known.get(tuple(names))) is not None:
            return found
    return None


def preset_of_text(text: str) -> Mapping | None:
    """Give the preset of a delimited text by its first rows; None if none is."""
    lines = text.splitlines()[:ROWS_LOOKED_AT]
    cut = (split(line, one) for line in lines for one in DELIMITERS if one in line)
    return preset_of(cells for cells in cut if cells is not None)


def traits_of(mapping_name: str, head: Head, otherwise: Role) -> Traits:
    """Give role and name of the mapping a file is read with: the one named, or the preset its head shows.

    `otherwise` is the role of a file that will be refused for want of a mapping. Raises FileRefused for a mapping
    that cannot be used.
    """
    found = load_mapping(mapping_name) if mapping_name else preset_of_text(head.text or "")
    return Traits(otherwise, RANK) if found is None else Traits(found.role, RANK, found.name)


def no_mapping() -> FileRefused:
    """Give the refusal of a file that needs a mapping and has none."""
    return FileRefused(
        "mapping",
        "this file needs a mapping: `storno statement map FILE --out my.toml` proposes one, then import it with "
        f"--mapping my.toml; presets: {', '.join(presets())}",
        "该文件需要映射：先用 `storno statement map 文件 --out my.toml` 生成，再以 --mapping my.toml 导入；"
        f"预设：{'、'.join(presets())}",
    )
