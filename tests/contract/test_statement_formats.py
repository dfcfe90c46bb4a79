"""Every statement format, on its own samples and on hostile bytes: one suite over the folder."""

import io
import random
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.statements.base import ReadOptions
from storno.statements.encoding import make_head, open_text
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, Frame, Reject, StatementLine, Total
from storno.statements.lines import raw_lines
from storno.statements.mask import is_card
from storno.statements.total_words import name_of

GOLDEN = Path(__file__).parents[1] / "golden" / "data" / "statements"
OPTIONS = ReadOptions(name="IND26112301", year=2026)


def mapping_of(path):
    beside = path.with_name(f"{path.name}.toml")
    return str(beside) if beside.exists() else ""


SAMPLES = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in sorted(FORMATS)
    for path in sorted((GOLDEN / name).glob("*"))
    if path.suffix != ".toml" and path.name not in ("LICENSE", "SOURCES.md")
]
CUTS = 120


def read(name, data, mapping=""):
    options = ReadOptions(name=OPTIONS.name, year=OPTIONS.year, mapping=mapping)
    return list(FORMATS[name].read(io.BytesIO(data), options))


def tolerant(name, data, mapping=""):
    """Read what may be broken: the parts, or None for a refusal; any other error is the test's failure."""
    try:
        return read(name, data, mapping)
    except FileRefused as error:
        refused = error
    assert refused.english
    assert refused.chinese
    return None


def lines_of(parts):
    return [part for part in parts if isinstance(part, StatementLine)]


def silent(parts):
    return not any(isinstance(part, Reject) or (isinstance(part, Total) and not part.met) for part in parts)


def test_every_format_is_described():
    for one in FORMATS.values():
        assert one.english
        assert one.chinese
        assert one.source
        assert one.name == one.name.lower().replace("-", "_")


@pytest.mark.parametrize("name", sorted(name for name in FORMATS if not name.startswith("mapped_")))
def test_every_format_has_a_sample(name):
    assert any(param.values[0] == name for param in SAMPLES)


@pytest.mark.parametrize(("name", "path"), [param for param in SAMPLES if not mapping_of(param.values[1])])
def test_a_sample_is_recognised_as_its_own(name, path):
    head = make_head(path.name, path.read_bytes())
    scores = {one.name: one.recognise(head) for one in FORMATS.values()}
    best = max(scores.values())
    assert [each for each, score in scores.items() if score == best] == [name]
    assert all(0 <= score <= 100 for score in scores.values())


@pytest.mark.parametrize(
    ("name", "path"), [param for param in SAMPLES if FORMATS[param.values[0]].line_based]
)
def test_every_physical_line_is_in_exactly_one_part(name, path):
    data = path.read_bytes()
    counted = [part.line_no for part in read(name, data, mapping_of(path)) if not isinstance(part, Total)]
    assert counted == [line.no for line in raw_lines(open_text(io.BytesIO(data))[0])]


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_what_a_sample_gives_is_well_formed(name, path):
    parts = read(name, path.read_bytes(), mapping_of(path))
    assert parts
    for part in parts:
        assert isinstance(part, StatementLine | Reject | Frame | Total)
        if isinstance(part, StatementLine):
            assert all(type(n) is int for n in (part.amount_minor, part.fee_minor))
            assert len(part.currency) == 3
            assert part.settled_on == "" or (len(part.settled_on) == 8 and part.settled_on.isdigit())
            assert part.at == "" or (len(part.at) == 14 and part.at.isdigit())
            assert not any(is_card(word) for word in f"{part.card} {part.text}".split())
        if isinstance(part, Reject):
            assert part.code
            assert part.english
            assert part.chinese


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_every_total_has_a_name_in_both_languages(name, path):
    for part in read(name, path.read_bytes(), mapping_of(path)):
        if isinstance(part, Total):
            assert not name_of(part)[1].isascii(), part.name


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_cut_file_is_never_silently_wrong(name, path):
    data = path.read_bytes()
    mapping = mapping_of(path)
    whole = read(name, data, mapping)
    lines = lines_of(whole)
    totals = [part.where for part in whole if isinstance(part, Total)]
    closed = FORMATS[name].line_based and totals and lines and max(totals) > lines[-1].line_no
    for size in sorted({*range(0, len(data), max(1, len(data) // CUTS)), len(data) - 1}):
        parts = tolerant(name, data[:size], mapping)
        if parts is None or not silent(parts):
            continue
        found = lines_of(parts)
        assert found[:-1] == lines[: max(0, len(found) - 1)], size
        if closed and silent(whole):
            assert found == lines, size


def spoil(data, seed):
    """Damage a file in one of the ways transfers and people do."""
    chance = random.Random(seed)
    spoilt = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(spoilt) + 1)
        way = chance.randrange(6)
        if way == 0 and at < len(spoilt):
            spoilt[at] ^= 1 << chance.randrange(8)
        elif way == 1:
            del spoilt[at : at + chance.randint(1, 200)]
        elif way == 2:
            spoilt[at:at] = spoilt[at : at + chance.randint(1, 300)]
        elif way == 3:
            spoilt[at:at] = chance.randbytes(chance.randint(1, 40))
        elif way == 4:
            spoilt[at:at] = chance.choice(
                [b"\n", b"\x00", b",", b'"', b"`", b"\xff\xfe", b"9" * 40, b"-", b"\r"]
            )
        elif len(spoilt) > 2:
            other = chance.randrange(len(spoilt))
            spoilt[at : at + 8], spoilt[other : other + 8] = spoilt[other : other + 8], spoilt[at : at + 8]
    return bytes(spoilt)


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_spoilt_sample_raises_nothing_but_a_refusal(name, path):
    data, mapping = path.read_bytes(), mapping_of(path)
    for seed in range(25):
        parts = tolerant(name, spoil(data, seed), mapping)
        for part in parts or ():
            assert isinstance(part, StatementLine | Reject | Frame | Total)


@cache
def presets():
    from storno.statements.mapping_load import presets as known

    return ["", *known()]


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=600), st.text(max_size=300).map(str.encode)), st.data())
def test_arbitrary_bytes_raise_nothing_but_a_refusal(data, draw):
    head = make_head("any.csv", data)
    mapping = draw.draw(st.sampled_from(presets()))
    for one in FORMATS.values():
        assert 0 <= one.recognise(head) <= 100
        tolerant(one.name, data, mapping if one.name.startswith("mapped_") else "")
