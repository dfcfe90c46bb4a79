"""Two files that say the same: which predecessor a file takes the place of, or why it is refused.

Rule: no line ever counts twice without somebody having said so. Files of one format, account and day that have no line
in common are parts of one day and stand beside each other; one that shares lines is a correction only when so called.
"""

from __future__ import annotations

from array import array

import numpy as np
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.statements.catalogue import ANY_ACCOUNT, Catalogue, StoredFile
from storno.statements.line import FileRefused
from storno.statements.stored import checked

NAMES_SHOWN = 3


def superseded(
    catalogue: Catalogue,
    fresh: StoredFile,
    keys: array[int],
    named: tuple[str, ...],
    *,
    correct: bool,
    beside: bool,
) -> tuple[str, ...]:
    """Give the ids of the files that a new one takes the place of.

    Raises:
        FileRefused: codes `overlap` (it shares lines and nobody said what it is), `supersedes` (no such file, or one
            that this file cannot replace).

    """
    current = [one for one in catalogue.files() if one.counts]
    chosen = [_named(current, start) for start in named]
    others = [one for one in current if one not in chosen and _meet(fresh, one)]
    shared = {one.file_id: _shared(catalogue, one, keys) for one in others}
    same = [one for one in others if shared[one.file_id]]
    if correct:
        covered = [one for one in others if _within(one, fresh)]
        meant = [one for one in covered if shared[one.file_id]] or (covered if len(covered) == 1 else [])
        if not meant and not chosen:
            raise _nothing_to_correct(same or covered)
        chosen += meant
        same = [one for one in same if one not in meant]
    if same and not beside:
        raise _which(fresh, same, sum(shared[one.file_id] for one in same))
    return tuple(sorted(one.file_id for one in chosen))


def _named(current: list[StoredFile], start: str) -> StoredFile:
    found = [one for one in current if one.file_id.startswith(start.lower())]
    if len(found) == 1 and len(start) >= 4:
        return found[0]
    raise FileRefused(
        "supersedes",
        f"no single file with id {start!r} counts now; see `storno import --list`",
        f"没有唯一的在用文件编号为 {start!r}；请用 `storno import --list` 查看",
    )


def _meet(fresh: StoredFile, one: StoredFile) -> bool:
    """Say whether two files of one format are about one account and day."""
    if (fresh.format, fresh.variant, fresh.role) != (one.format, one.variant, one.role):
        return False
    mine, theirs = set(fresh.coverage), set(one.coverage)
    wide = any(account == ANY_ACCOUNT for account, _ in mine | theirs)
    if wide:
        return bool({day for _, day in mine} & {day for _, day in theirs})
    return bool(mine & theirs)


def _within(one: StoredFile, fresh: StoredFile) -> bool:
    """Say whether a file reports nothing that the new one leaves out: no day of an account, and not more lines."""
    if one.lines > fresh.lines:
        return False  # cut short, as likely as not; who means it names the file
    wide = any(account == ANY_ACCOUNT for account, _ in fresh.coverage)
    if wide:
        return {day for _, day in one.coverage} <= {day for _, day in fresh.coverage}
    return set(one.coverage) <= set(fresh.coverage)


def _shared(catalogue: Catalogue, one: StoredFile, keys: array[int]) -> int:
    """Count the lines that both files have."""
    path = catalogue.path(one)
    if path is None or not keys:
        return 0
    checked(catalogue, one)
    theirs = pq.read_table(path, columns=["line_key"])["line_key"].to_numpy()
    return len(np.intersect1d(np.frombuffer(keys, dtype=np.int64), theirs))


def _list(files: list[StoredFile]) -> str:
    shown = [f"{one.file_id} {one.name} ({one.first_day or '-'})" for one in files[:NAMES_SHOWN]]
    return ", ".join(shown) + (f" +{len(files) - NAMES_SHOWN}" if len(files) > NAMES_SHOWN else "")


def _which(fresh: StoredFile, same: list[StoredFile], count: int) -> FileRefused:
    names = _list(same)
    first = same[0].file_id
    return FileRefused(
        "overlap",
        f"{count} of its {fresh.lines} lines are in {names} already; if this is the corrected file, say --correct (or "
        f"--supersedes {first}); if both are to count, say --beside; else leave it",
        f"其 {fresh.lines} 行中有 {count} 行已在 {names} 中；如为更正文件，请加 --correct（或 --supersedes {first}）；"
        "如两份都应计入，请加 --beside；否则不必导入",
    )


def _nothing_to_correct(near: list[StoredFile]) -> FileRefused:
    if not near:
        return FileRefused(
            "supersedes",
            "--correct: no imported file of this format, account and day is there to correct; leave the option out",
            "--correct：没有同格式、同账户、同日期的已导入文件可更正；请去掉该选项",
        )
    names = _list(near)
    return FileRefused(
        "supersedes",
        f"--correct: {names}: more than one may be meant, or it has more lines or days than this file, which may be "
        "cut short; if it is to be replaced all the same, say --supersedes ID",
        f"--correct：{names}：可能不止一份，或其行数、日期多于本文件（本文件可能不完整）；"
        "如确要替换，请用 --supersedes 编号",
    )
