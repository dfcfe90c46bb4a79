"""Many lines at once: blocks, pieces of a file, and the shortcuts by column say what is said one by one."""

import io
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statement_rig import CARD, VISA
from storno.statements import mask, pieces
from storno.statements.block import Block
from storno.statements.encoding import LineDecoder
from storno.statements.formats._cut import Layout
from storno.statements.formats._cut_block import Uneven, cut_all
from storno.statements.identity import keys_of, numbered, prints_of
from storno.statements.line import LineKind, Mark, Reject, Role, StatementLine
from storno.statements.lines import LINE_BYTES_MAX, raw_lines
from storno.statements.memo import MEMO_MAX, Memo
from storno.statements.pieces import Pieces
from storno.statements.reading import masked
from storno.statements.split import split, split_all
from storno.statements.when import WhenError, moment

SALE = StatementLine(
    1, LineKind.PAYMENT, 12_345, "CNY", -74, None, "20261102", "20261102093015", tid="10000001",
    mid="898310054990001", batch="000001", stan="000101", rrn="630608025632", reference="R-1", account="48023100",
    text="消费",
)  # fmt: skip
BOOKING = StatementLine(
    2, LineKind.DEPOSIT, -500, "CNY", settled_on="20261103", mark=Mark.REVERSED, reference="NONREF",
    account="62001", code="NTRF", text="POS 清算",
)  # fmt: skip


def test_a_block_says_what_its_lines_say():
    assert list(Block.gathered([SALE, BOOKING]).lines()) == [SALE, BOOKING]


def test_what_a_block_is_not_told_is_as_in_a_line():
    columns = {"line_no": [7], "kind": ["fee"], "amount_minor": [-3], "currency": ["CNY"]}
    assert list(Block.of(1, columns).lines()) == [StatementLine(7, LineKind.FEE, -3, "CNY")]


@pytest.mark.parametrize(
    ("role", "keys"),
    [
        (Role.TERMINAL, [-2008829088688933764, -2747576860467870397]),
        (Role.NETWORK, [-2008829088688933764, -2747576860467870397]),
        (Role.BANK, [-775088747165429132, -2747576860467870397]),
    ],
)
def test_keys_are_those_of_files_imported_earlier(role, keys):
    block = Block.gathered([SALE, BOOKING])
    assert keys_of(block, role, numbered(block)).tolist() == keys
    for line, key in zip((SALE, BOOKING), keys, strict=True):
        alone = Block.gathered([line])
        assert keys_of(alone, role, numbered(alone)).tolist() == [key]


def test_only_numbered_lines_have_a_print_and_it_leaves_out_the_place():
    block = Block.gathered([SALE, BOOKING])
    (first,) = prints_of(block, numbered(block))
    moved = Block.gathered([replace(SALE, line_no=99)])
    assert list(prints_of(moved, [True])) == [first]
    other = Block.gathered([replace(SALE, auth_code="1")])
    assert list(prints_of(other, [True])) != [first]


words = st.text(st.sampled_from("0123456789 -\n４１*\u3000aE"), max_size=24) | st.sampled_from(
    [
        CARD,
        VISA,
        f"卡号{VISA}消费",
        f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]}",
        f"{VISA}{CARD}",
        "４" + VISA[1:],
    ]
)


@given(st.lists(words, max_size=6))
def test_many_texts_are_masked_as_each_is(texts):
    assert list(mask.mask_texts(texts)) == list(map(mask.mask_text, texts))
    assert list(mask.mask_ids(texts)) == list(map(mask.mask_id, texts))


def test_a_card_in_any_member_is_masked_at_the_door():
    line = StatementLine(
        1, LineKind.PAYMENT, 1, "CNY", reference=VISA, card=VISA, text=f"card {VISA}", mid="1" * 15
    )
    shown = masked(line)
    assert VISA not in repr(shown)
    assert shown.mid == line.mid


@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 90), st.booleans())
def test_pieces_hold_the_lines_of_the_file(lines, size, mark):
    data = (b"\xef\xbb\xbf" if mark else b"") + b"\n".join(lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE_BYTES", size)
        patch.setattr(pieces, "FIRST_BYTES", size)
        patch.setattr(pieces, "LINES_MIN", 1)
        source, found, bare = Pieces(io.BytesIO(data)), [], []
        while (piece := source.next()) is not None:
            if len(piece.data) > 60 and (halves := piece.halves()):
                source.back(halves)
                continue
            found += [(line.no, line.data, line.ended) for line in piece.raw()]
            bare += piece.bare().split(b"\n")
    wanted = [(line.no, line.data, line.ended) for line in raw_lines(io.BytesIO(data))]
    assert found == wanted
    assert bare == [data for _, data, _ in wanted]


@pytest.mark.parametrize("size", [LINE_BYTES_MAX, LINE_BYTES_MAX + 1, LINE_BYTES_MAX + 2, 1_000_000])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nnext", b"\r\nnext\n"])
def test_a_line_that_is_too_long_is_so_in_its_piece_too(size, end):
    data = b"first\n" + b"x" * size + end
    source, found = Pieces(io.BytesIO(data)), []
    while (piece := source.next()) is not None:
        assert len(piece.data) < pieces.PIECE_BYTES + LINE_BYTES_MAX + 8
        found += [(line.no, line.data, line.too_long, line.ended) for line in piece.raw()]
    assert found == [(one.no, one.data, one.too_long, one.ended) for one in raw_lines(io.BytesIO(data))]


cells = st.text(st.sampled_from('ab ,";\r'), max_size=8)


@given(st.lists(cells, min_size=1, max_size=5), st.sampled_from([",", ";"]), st.sampled_from(['"', "'", ""]))
def test_many_lines_are_cut_as_each_is(lines, delimiter, quote):
    at_once = split_all("\n".join(lines), delimiter, quote)
    one_by_one = [split(line, delimiter, quote) for line in lines]
    assert at_once is None or [row or [""] for row in at_once] == one_by_one


def test_plainly_quoted_lines_are_cut_at_once():
    assert split_all('"a","b,c"\n"d""e",f', ",", '"') == [["a", "b,c"], ['d"e', "f"]]


@given(
    st.lists(st.sampled_from(["消费".encode(), "消费".encode("gb18030"), b"sale", b"\xff\xff\n"]), max_size=6)
)
def test_many_lines_are_decoded_as_each_is(lines):
    one, many = LineDecoder(None), LineDecoder(None)
    data = b"\n".join(lines)
    wanted = [one.decode(line) for line in data.split(b"\n")]
    text = many.decode_all(data)
    if text is not None:
        assert text.split("\n") == [each for each, _ in wanted]
        assert many.encoding is one.encoding
    assert (text is None) == any(bad for _, bad in wanted)


def test_a_memo_asks_once_and_stays_bounded():
    asked = []
    memo = Memo(lambda text: asked.append(text) or text.upper())
    assert memo.all(["a", "b", "a"]) == ["A", "B", "A"]
    assert asked == ["a", "b"]
    memo.all(str(n) for n in range(MEMO_MAX))
    memo.all(["z"])
    assert len(memo) == 1


def test_a_memo_does_not_keep_an_error():
    memo = Memo(int)
    with suppress(ValueError):
        memo.all(["x"])
    assert not memo


@pytest.mark.parametrize("text", ["2026-02-30 10:00:00", "0000-01-01 10:00:00"])
def test_a_plain_time_of_a_day_that_is_not_there_says_the_whole_time(text):
    with pytest.raises(WhenError, match=text):
        moment(text)


LAYOUT = Layout((4, 19, 3), needed=3, complete=3)
fields = st.tuples(
    st.sampled_from(["ab", "  c ", "1234", "消", "\x1f1"]),
    st.sampled_from(
        [CARD, VISA, VISA[:13], VISA[:12], "", "4111 1111 1111 1111", "x" + VISA, " " + VISA, "卡"]
    ),
    st.sampled_from(["1", "12\r", "\r", "123"]),
)


@given(
    st.lists(fields, min_size=1, max_size=6), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans()
)
def test_many_fixed_lines_are_cut_as_each_is(rows, end, mark, trimmed):
    codec = "utf-8" if mark else "gb18030"
    lines = [
        b" ".join(text.encode(codec).ljust(width) for text, width in zip(row, LAYOUT.widths, strict=True))
        for row in rows
    ]
    lines = [line.rstrip(b" ") if trimmed else line for line in lines]
    data = (b"\xef\xbb\xbf" if mark else b"") + end.join(lines) + end
    one, many = LineDecoder(None), LineDecoder(None)
    wanted = [LAYOUT.cut(raw, one) for raw in raw_lines(io.BytesIO(data))]
    piece = Pieces(io.BytesIO(data)).next()
    try:
        cut = cut_all(LAYOUT, piece, many)
    except Uneven:
        assert trimmed or any(isinstance(each, Reject) for each in wanted)
        return
    assert list(zip(*(cut[field] for field in range(3)), strict=True)) == wanted
    assert many.encoding is one.encoding
    for field in range(3):
        assert cut.stripped(field) == [each[field].strip() for each in wanted]
    assert cut.cards(1) == [mask.card(each[1]) for each in wanted]
