"""What `storno why`, `storno explain` and `storno codes` read beside the journal: own codes, releases, signals.

Turns each file's refusal into `Trouble`, and brings a transaction's sides together for one verdict. Must not print.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from storno.app import home_dir
from storno.cli.signal_file import NO_RELEASES, Releases, read_signals
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.why_clearing import cleared
from storno.cli.why_signals import Asked, attempt_of, gather
from storno.diagnosis import counsel
from storno.diagnosis.codebook import (
    NO_OVERRIDES,
    Codebook,
    OverrideError,
    Overrides,
    codebook,
    read_overrides,
)
from storno.diagnosis.path import replay
from storno.diagnosis.verdict import diagnose
from storno.diagnosis.whereabouts import NOT_SHOWN
from storno.journal.base import JournalError
from storno.reversal.machine import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storno.diagnosis.path import Path as TxPath
    from storno.diagnosis.signals import Signals
    from storno.journal.sqlite_reader import SqliteReader

CODES_FILE, RELEASES_FILE, SIGNALS_FOLDER = "codes.toml", "releases.toml", "signals"


def why_line(journal: SqliteReader, tx_id: str, home: str | None) -> str:
    """Say why in one line, as `storno explain` ends with; the same verdict as `storno why` gives.

    Raises:
        Trouble: the transaction or a file of the home folder cannot be read.

    """
    folder = home_dir(home)
    asked = ask(journal, tx_id, folder, None)
    return counsel.why_line(
        diagnose(asked.me, asked.around, book_of(folder, "")), language(), asked.path.record.state
    )


def ask(journal: SqliteReader, tx_id: str, folder: Path, signals: Path | None) -> Asked:
    """Bring together all that is known of a transaction.

    Raises:
        Trouble: its facts or a file of the home folder cannot be read.

    """
    path = _path(journal, tx_id)
    where, releases = signals or folder / SIGNALS_FOLDER, read_releases(folder)

    def more(ids: frozenset[str]) -> Mapping[str, Signals]:
        return _signals(where, path.record.opening.date, releases, ids)

    asked = gather(journal, path, tuple(journal.exceptions(tx_id=tx_id)), more)
    if asked.shown is NOT_SHOWN and (shown := cleared(folder, path.record)) is not NOT_SHOWN:
        return replace(asked, shown=shown, attempt=attempt_of(path, shown))
    return asked


def _path(journal: SqliteReader, tx_id: str) -> TxPath:
    try:
        return replay(journal.facts(tx_id))
    except (ContractBroken, JournalError, ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(
            t(f"the facts of {tx_id} do not follow from each other", f"{tx_id} 的流水前后不符"),
            todo=t("run `storno journal verify`", "请运行 `storno journal verify`"),
            code=ExitCode.DISAGREES,
        ) from None


# -------------------------------------------------------------------- what a home folder may add
def overrides_of(folder: Path) -> Overrides:
    """Read the acquirer's own codes from a home folder; none when there is no file.

    Raises:
        Trouble: the file cannot be used; it says where and what to do.

    """
    path = folder / CODES_FILE
    if not path.exists():
        return NO_OVERRIDES
    try:
        return read_overrides(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise Trouble(t("not UTF-8 text", "不是 UTF-8 文本"), where=str(path)) from None
    except OverrideError as error:
        raise override_trouble(error) from None


def override_trouble(error: OverrideError) -> Trouble:
    """Say what is wrong with an override, an acquirer's or an edition's name."""
    return Trouble(t(error.english, error.chinese), where=error.where)


def book_of(folder: Path, acquirer: str) -> Codebook:
    """Give the table of codes as an acquirer reads it.

    Raises:
        Trouble: the overrides' file cannot be used, or there is no such acquirer.

    """
    try:
        return codebook(acquirer=acquirer, overrides=overrides_of(folder))
    except OverrideError as error:
        raise override_trouble(error) from None


def read_releases(folder: Path) -> Releases:
    """Read which software is allowed (`releases.toml`: current = […], old = […]); nothing when there is no file.

    Raises:
        Trouble: it is not such a file.

    """
    path = folder / RELEASES_FILE
    if not path.exists():
        return NO_RELEASES
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Trouble(t(f"not TOML: {error}", f"不是 TOML：{error}"), where=str(path)) from None
    listed = [data.get(name, []) for name in ("current", "old")]
    wrong = set(data) - {"current", "old"}
    if wrong or not all(isinstance(one, list) and all(isinstance(v, str) for v in one) for one in listed):
        raise Trouble(
            t("it has the lists `current` and `old` of version texts, nothing else",
              "只应有版本文本的列表 `current` 与 `old`"),
            where=str(path),
        )  # fmt: skip
    return Releases(frozenset(listed[0]), frozenset(listed[1]))


def _signals(where: Path, date: str, releases: Releases, ids: frozenset[str]) -> Mapping[str, Signals]:
    """Read the signals of some transactions of a day; of a folder the files that bear its date, or all of them."""
    if not where.exists():
        return {}
    if where.is_file():
        files = [where]
    else:
        every = sorted(one for one in where.iterdir() if one.suffix.lower() in (".parquet", ".csv"))
        files = [one for one in every if date in one.name] or every
    return {one.tx_id: one for path in files for one in read_signals(path, releases, ids)}
