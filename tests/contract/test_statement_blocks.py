"""Formats that read many lines at once say exactly what they say line by line: samples, long files, damaged ones."""

import io
import random

import pytest

from contract.test_statement_formats import GOLDEN, mapping_of
from storno.statements import pieces
from storno.statements.base import ReadOptions
from storno.statements.block import Block
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, Reject, StatementLine, Total

BLOCKED = sorted(name for name, one in FORMATS.items() if one.blocks is not None)
SAMPLES = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in BLOCKED
    for path in sorted((GOLDEN / name).glob("*"))
    if path.suffix != ".toml"
]
DAMAGE = b"0,\"\n\r `='\x80\xff-.DCE\x00\xa1"


def said(reader, data, mapping=""):
    """Give lines, rejects and totals of a file, and its refusal, with how many blocks came."""
    options = ReadOptions(name="IND26112301", year=2026, mapping=mapping)
    parts, blocks, refused = [], 0, None
    try:
        for part in reader(io.BytesIO(data), options):
            blocks += isinstance(part, Block)
            parts += list(part.lines()) if isinstance(part, Block) else [part]
    except FileRefused as error:
        refused = (error.code, error.english, error.chinese, error.line_no)
    kinds = (StatementLine, Reject, Total)
    return [[part for part in parts if isinstance(part, kind)] for kind in kinds], refused, blocks


def same(name, data, mapping=""):
    """Compare both ways of reading; give the number of lines and of blocks."""
    one = FORMATS[name]
    by_line, why, _ = said(one.read, data, mapping)
    at_once, why_at_once, blocks = said(one.blocks, data, mapping)
    assert at_once == by_line
    assert why_at_once == why
    return len(by_line[0]), blocks


def long_file(data, shuffle, damaged):
    """Repeat the lines of a sample many times, some of them damaged."""
    lines = data.split(b"\n")
    body = lines[:-1]
    out = list(lines[: len(lines) // 2])
    for _ in range(400):
        line = bytearray(shuffle.choice(body))
        if line and shuffle.random() < damaged:
            line[shuffle.randrange(len(line))] = shuffle.choice(DAMAGE)
        out.append(bytes(line))
    return b"\n".join([*out, *lines[len(lines) // 2 :]])


def test_the_formats_with_long_files_read_blocks():
    assert {"mapped_csv", "unionpay_acom", "unionpay_coma", "unionpay_zm"} <= set(BLOCKED)


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_sample_is_the_same_in_blocks(name, path):
    same(name, path.read_bytes(), mapping_of(path))


@pytest.mark.parametrize("damaged", [0, 0.01, 0.2])
@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_long_file_is_the_same_in_blocks_whatever_is_damaged(name, path, damaged, monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_BYTES", 6_000)
    monkeypatch.setattr(pieces, "FIRST_BYTES", 300)
    monkeypatch.setattr(pieces, "LINES_MIN", 3)
    shuffle = random.Random(f"{path.name} {damaged}")
    data = long_file(path.read_bytes(), shuffle, damaged)
    for each in (data, data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), data[: len(data) * 3 // 4]):
        same(name, each, mapping_of(path))


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_whole_lines_do_come_in_blocks(name, path):
    data, mapping = path.read_bytes(), mapping_of(path)
    lines = data.split(b"\n")
    good, _, _ = said(FORMATS[name].read, data, mapping)
    places = [line.line_no - 1 for line in good[0] if lines[line.line_no - 1].count(b'"') % 2 == 0]
    if not places:  # an empty day has frames only
        return
    header = [] if name.startswith("unionpay") else lines[: places[0]]
    count, blocks = same(name, b"\n".join([*header, *[lines[places[0]]] * 1_000, b""]), mapping)
    assert count >= 1_000
    assert 0 < blocks < 20
