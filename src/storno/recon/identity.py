"""The identity of a run: the same files, rules and options give the same id, and so the same folder.

Rule: what can change a result is in the id, what cannot is not: no clock, no engine, no memory, no path.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storno.recon.rules import RULES_VERSION

if TYPE_CHECKING:
    from storno.recon.sides import Options, Sides


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(sides: Sides) -> Sides:
    """Fill in the digests of files that have none yet."""
    return replace(
        sides,
        books=tuple(replace(one, sha256=one.sha256 or digest_of(one.path)) for one in sides.books),
        lines=tuple(replace(one, sha256=one.sha256 or digest_of(one.path)) for one in sides.lines),
    )


def inputs(sides: Sides) -> list[dict[str, Any]]:
    """List what is compared, by content and in an order of its own."""
    found: list[dict[str, Any]] = [{"side": "books", "sha256": one.sha256} for one in sides.books]
    found += [
        {
            "side": one.role.value, "file_id": one.file_id, "sha256": one.sha256, "lines": one.lines,
            "rejects": one.rejects, "totals_met": one.totals_met, "complete": one.complete,
            "without": sorted(map(list, one.without)), "read_as": one.read_as,
        }
        for one in sides.lines
    ]  # fmt: skip
    found += [
        {
            "side": one.role.value, "file_id": one.file_id, "sha256": one.sha256, "lines": 0, "rejects": one.rejects,
            "totals_met": one.totals_met, "first": one.first, "last": one.last, "source": one.source,
        }
        for one in sides.empty
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one["side"], one.get("file_id", ""), one["sha256"]))


def settings(options: Options) -> dict[str, Any]:
    """Write the options as data."""
    calendar = options.calendar
    return {
        "first": options.first, "last": options.last, "as_of": options.as_of, "hold_days": options.hold_days,
        "weekend": sorted(calendar.weekend), "holidays": sorted(map(str, calendar.holidays)),
        "workdays": sorted(map(str, calendar.workdays)),
        "fees": sorted([one.mid, one.basis_points] for one in options.fees),
        "all_in": sorted(options.all_in),
        "utc_offset_min": options.utc_offset_min, "need": sorted(one.value for one in options.need),
    }  # fmt: skip


def run_id(sides: Sides, options: Options) -> str:
    """Give the id of comparing these sides: 16 hex digits."""
    body = {"rules": RULES_VERSION, "inputs": inputs(sealed(sides)), "options": settings(options)}
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
