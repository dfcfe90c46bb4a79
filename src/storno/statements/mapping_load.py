"""Find a mapping: a preset that comes with Storno, or somebody's own TOML file.

A mapping is refused as a whole before a byte of the statement is read. Presets are the files of the folder `presets`;
a name that starts with an underscore is other data.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path

from storno.statements.line import FileRefused
from storno.statements.mapping import Mapping, MappingError
from storno.statements.mapping_parse import parse_mapping

MAPPING_BYTES_MAX = 1 << 20


@cache
def presets() -> dict[str, Mapping]:
    """Give every mapping that comes with Storno, by name."""
    folder = resources.files("storno.statements") / "presets"
    names = sorted(
        one.name for one in folder.iterdir() if one.name.endswith(".toml") and not one.name.startswith("_")
    )
    found = {}
    for name in names:
        stem = name.removesuffix(".toml")
        found[stem] = parse_mapping((folder / name).read_text(encoding="utf-8"), stem)
        assert found[stem].name == stem, f"preset {name} calls itself {found[stem].name}"
    return found


def load_mapping(name_or_path: str) -> Mapping:
    """Give the preset of that name, or the mapping in that file.

    Raises:
        FileRefused: code `mapping`; there is none, or it cannot be used: says where and what to do.

    """
    known = presets()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    try:
        with path.open("rb") as file:
            data = file.read(MAPPING_BYTES_MAX + 1)
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefused(
            "mapping",
            f"{path.name} is not UTF-8: save it as UTF-8",
            f"{path.name} 不是 UTF-8 编码，请另存为 UTF-8",
        ) from None
    except (OSError, ValueError):
        close = get_close_matches(name_or_path, known, n=1, cutoff=0.4)
        hint, hint_zh = (f"; did you mean {close[0]}?", f"；是否为 {close[0]}？") if close else ("", "")
        raise FileRefused(
            "mapping",
            f"no preset and no readable file {name_or_path!r}{hint}; presets: {', '.join(known)}",
            f"没有名为 {name_or_path!r} 的预设，也不是可读文件{hint_zh}；预设：{'、'.join(known)}",
        ) from None
    if len(data) > MAPPING_BYTES_MAX:
        raise FileRefused(
            "mapping",
            f"{path.name} is larger than 1 MiB: no mapping",
            f"{path.name} 超过 1 MiB，不是映射文件",
        )
    try:
        return parse_mapping(text, path.stem)
    except MappingError as error:
        raise FileRefused(
            "mapping", f"mapping {path.name}: {error.english}", f"映射 {path.name}：{error.chinese}"
        ) from None
