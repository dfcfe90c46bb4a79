"""Bytes kept in a Parquet file between its last row and its footer, where readers of rows do not look.

Rule: the footer says where each part is, and its checksum; one file, so that what was worked out of rows cannot be left
behind by them. Who writes the rows anew may copy what the footer said: then nothing is there.
"""

from __future__ import annotations

import json
import zlib
from typing import IO, TYPE_CHECKING

import pyarrow.parquet as pq  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PLACES = "storno.attached"


def written(out: IO[bytes], parts: Mapping[str, bytes]) -> str:
    """Write parts where a file stands, and give what its footer has to say of them under `PLACES`."""
    places = {}
    for name, part in parts.items():
        places[name] = (out.tell(), len(part), zlib.crc32(part))
        out.write(part)
    return json.dumps(places)


def read(path: Path, name: str) -> bytes | None:
    """Give a part of a Parquet file; None: it has none of that name, or not as it was written."""
    said = (pq.read_metadata(path).metadata or {}).get(PLACES.encode())
    place, length, checksum = json.loads(said).get(name, (0, 0, 0)) if said else (0, 0, 0)
    if not place:
        return None
    with path.open("rb") as file:
        file.seek(place)
        part = file.read(length)
    return part if zlib.crc32(part) == checksum else None
