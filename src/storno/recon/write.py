"""What a run leaves behind: the differences as Parquet, CSV and XLSX, and a manifest with inputs, proof and verdict.

Rule: written beside its place and moved there whole; the folder's name is the run's identity, so the same run again
finds its folder and changes nothing. No clock and no path goes in: the same inputs give the same bytes.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from storno.recon.earlier import Earlier
from storno.recon.identity import inputs, settings
from storno.recon.rules import RULES_VERSION
from storno.recon.sheet import row_of, write_csv, write_xlsx

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.recon.result import Result
    from storno.recon.sides import Options, Sides

FOLDER = "reconciliations"
MANIFEST = "manifest.json"
_MANIFEST_FORMAT = 2
_DRAFT = re.compile(r"\.[0-9]{1,8}-[0-9]{1,8}-[0-9a-f]{16}\.([1-9][0-9]{0,9})", re.ASCII)
"""The name of a folder under way: that of the run, and the number of its process."""


def folder_of(base: Path, result: Result) -> Path:
    """Give the folder of a run."""
    return base / f"{result.first or '0'}-{result.last or '0'}-{result.run_id}"


def write(base: Path, result: Result, sides: Sides, options: Options) -> Path:
    """Write a run's folder below `base`; give it. A run that is there already stays as it is."""
    folder = folder_of(base, result)
    _clear(base)
    if (folder / MANIFEST).exists():
        return folder
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _draft(base / f".{folder.name}.{os.getpid()}") as draft:
        pq.write_table(result.table, draft / "differences.parquet", compression="zstd")
        rows = [row_of(row) for row in result.table.to_pylist()]
        write_csv(draft / "differences.csv", rows)
        write_xlsx(draft / "differences.xlsx", rows, result)
        body = json.dumps(manifest(result, sides, options), ensure_ascii=False, indent=1) + "\n"
        (draft / MANIFEST).write_text(body, encoding="utf-8")
        for one in sorted(draft.iterdir()):
            with one.open("rb+") as file:
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)  # one without a manifest was never finished
        draft.rename(folder)
    return folder


@contextmanager
def _draft(draft: Path) -> Iterator[Path]:
    """Make a folder that is under way, hold it as long, and remove it if it did not get its name."""
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    held = os.open(draft, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(
            OSError
        ):  # a network disk may have no such lock; then the number of the process must do
            fcntl.flock(held, fcntl.LOCK_EX)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(held)


def _clear(base: Path) -> None:
    """Remove what killed runs left: folders of ours whose process is gone and which nobody holds, in no container."""
    for left in base.glob(".*"):
        named = _DRAFT.fullmatch(left.name)
        if named is None or _lives(int(named[1])):
            continue
        try:
            there = left.lstat()
            if not stat.S_ISDIR(there.st_mode) or there.st_uid != os.geteuid():
                continue
            held = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # just being removed by another run
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue  # somebody writes it, or this disk cannot say
        else:
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(held)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def manifest(result: Result, sides: Sides, options: Options) -> dict[str, Any]:
    """Give what is written of a run: all that its verdict rests on."""
    return {
        "what": "storno reconciliation", "format": _MANIFEST_FORMAT, "run_id": result.run_id,
        "rules_version": RULES_VERSION, "first": result.first, "last": result.last, "as_of": result.as_of,
        "verdict": result.verdict.value,
        "reasons": [{"code": one.code, "en": one.english, "zh": one.chinese} for one in result.reasons],
        "findings": [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary()
        ],
        "notes": [{"code": one.code, "en": one.english, "zh": one.chinese} for one in result.notes],
        "provisional": [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary("provisional")
        ],
        "held": [
            {"leg": leg, "rule": rule, "currency": currency, "count": count, "amount_minor": minor}
            for leg, rule, currency, count, minor in result.summary("held")
        ],
        "rows": [
            {"leg": one.leg.value, "side": one.side, "rows": one.rows, "counted": one.counted, "parts": dict(one.parts)}
            for one in result.accounts
        ],
        "bridges": [
            {"leg": one.leg.value, "currency": one.currency, "books_minor": one.books_minor,
             "outside_minor": one.outside_minor, "parts": dict(one.parts), "residual_minor": one.residual_minor}
            for one in result.bridges
        ],
        "in_period": [{"leg": one.leg.value, "side": one.side, "rows": one.rows, "sums_minor": dict(one.sums)}
                      for one in result.within],
        "passes": [{"leg": leg.value, "pass": name, "lines": count} for leg, name, count in result.passes],
        "compared": [one.value for one in result.compared],
        "as_of_by_leg": {leg.value: day for leg, day in result.as_of_by_leg},
        "inputs": inputs(sides), "options": settings(options),
    }  # fmt: skip


def runs(base: Path) -> list[dict[str, Any]]:
    """List the manifests of finished runs, the newest folder last."""
    found = [one for one in base.glob("*/" + MANIFEST) if not one.parent.name.startswith(".")]
    found.sort(key=lambda one: (one.stat().st_mtime_ns, one.parent.name))
    return [json.loads(one.read_text(encoding="utf-8")) | {"folder": str(one.parent)} for one in found]


def last_findings(base: Path) -> Iterator[Earlier]:
    """Give the differences of the run that was finished last."""
    done = runs(base)
    if done:
        table = pq.read_table(Path(done[-1]["folder"]) / "differences.parquet")
        for row in table.to_pylist():
            if row["what"] == "finding":
                yield Earlier(
                    row["finding_id"], row["leg"], row["key"], row["date"] or row["settled_on"], row["rrn"], row["tid"],
                    row["currency"],
                )  # fmt: skip
