"""UnionPay's ACOM, COMA and ZM: columns, directions, years, flags, broken lines."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from statement_rig import CARD, VISA, Order, Sale, acom, acomn, coma, zm
from storno.statements.base import ReadOptions
from storno.statements.encoding import make_head
from storno.statements.formats import FORMATS
from storno.statements.line import FileRefused, Frame, LineKind, Mark, Reject, StatementLine

GOLDEN = Path(__file__).parents[1] / "golden" / "data" / "statements"
K = LineKind


def read(name, data, file_name="IND26112301X", **options):
    return list(FORMATS[name].read(io.BytesIO(data), ReadOptions(name=file_name, **options)))


def one(name, data, **options):
    (part,) = read(name, data, **options)
    return part


# ------------------------------------------------------------------ ACOM


@pytest.mark.parametrize("longer", [False, True])
def test_an_acom_sale_in_every_column(longer):
    line = one("unionpay_acom", acom(Sale(received="000000000012"), longer=longer) + b"\r\n")
    assert line == StatementLine(
        1, K.PAYMENT, 10_000, "CNY", fee_minor=12 - 35 - 4, settled_on="20261123", at="20261123093015",
        tid="12345678", mid="898310148160001", stan="000101", rrn="112309300101", auth_code="123456",
        reference="1123093015-000101-48021000-00010000", card="622202*********0128", account="48021000",
        code="0200/000000/00/00", text="消费",
    )  # fmt: skip


@pytest.mark.parametrize("tail", [b"", b" " * 131, b"\r"])
def test_an_acomn_sale_tells_its_order_too(tail):
    sale = Sale(network=" 00000000003", instalment=" 00000000000")
    line = one("unionpay_acom", acomn(sale).rstrip(b" ") + tail + b"\n")
    assert line == replace(one("unionpay_acom", acom(sale) + b"\n"), order="SZUP0320261123215228025551")
    assert line.fee_minor == -35 - 3


def test_an_acomn_file_is_known_with_and_without_its_name_and_acoma_is_the_longer_one():
    data = b"".join(acomn(Sale(stan=f"{n:06d}")) + b"\r\n" for n in range(1, 4))
    for name in ("IND26112301ACOMN", "a.txt"):
        scores = {each.name: each.recognise(make_head(name, data)) for each in FORMATS.values()}
        assert [each for each, score in scores.items() if score == max(scores.values())] == ["unionpay_acom"]
    empty = {each.name: each.recognise(make_head("IND26112301ACOMA", b"")) for each in FORMATS.values()}
    assert max(empty, key=lambda each: empty[each]) == "unionpay_coma"
    assert list(empty.values()).count(max(empty.values())) == 1


def test_a_coma_sale_tells_its_order_where_it_has_one():
    sale = Sale()
    line = one("unionpay_coma", coma(sale, order="SZUP0320261123215228025551") + b"\n")
    assert line == replace(one("unionpay_coma", coma(sale) + b"\n"), order="SZUP0320261123215228025551")
    many = FORMATS["unionpay_coma"].blocks(
        io.BytesIO(coma(sale, order=VISA) + b"\n"), ReadOptions(name="IND26112301X")
    )
    assert [each.order for block in many for each in block.lines()] == ["411111******1111"]


def test_an_acomn_line_cut_inside_its_order_is_no_line_at_the_end_of_a_file():
    part = one("unionpay_acom", acomn(Sale())[:340])
    assert isinstance(part, Reject)
    assert part.code == "length"


@pytest.mark.parametrize(
    ("mti", "f3", "f25", "kind", "amount"),
    [
        ("0200", "000000", "00", K.PAYMENT, 100), ("0220", "000000", "00", K.PAYMENT, 100),
        ("0200", "000000", "06", K.PAYMENT, 100), ("0200", "200000", "00", K.VOID, -100),
        ("0200", "200000", "06", K.VOID, -100), ("0220", "200000", "00", K.REFUND, -100),
        ("0220", "200000", "69", K.REFUND, -100), ("0420", "000000", "00", K.REVERSAL, -100),
        ("0400", "000000", "00", K.REVERSAL, -100), ("0420", "200000", "00", K.REVERSAL, 100),
        ("0422", "220000", "00", K.ADJUSTMENT, -100), ("0220", "221000", "00", K.ADJUSTMENT, -100),
        ("0422", "020000", "00", K.ADJUSTMENT, 100), ("0422", "020000", "13", K.ADJUSTMENT, 100),
        ("0422", "020000", "17", K.CHARGEBACK, -100), ("0422", "020000", "41", K.CHARGEBACK, -100),
        ("0422", "220000", "82", K.ADJUSTMENT, -100),
    ],
)  # fmt: skip
def test_the_direction_of_money_by_message(mti, f3, f25, kind, amount):
    line = one("unionpay_acom", acom(Sale(mti=mti, f3=f3, f25=f25, amount=100)) + b"\n")
    assert (line.kind, line.amount_minor) == (kind, amount)


def test_what_moves_no_money_is_a_frame_and_the_unknown_a_reject():
    frames = [Sale(amount=0), Sale(mti="0100", f3="030000", f25="06"), Sale(f3="310000")]
    assert all(isinstance(one("unionpay_acom", acom(s) + b"\n"), Frame) for s in frames)
    reject = one("unionpay_acom", acom(Sale(mti="0999")) + b"\n")
    assert isinstance(reject, Reject)
    assert reject.code == "code"
    assert CARD not in reject.raw


def test_a_reversal_names_its_original():
    line = one("unionpay_acom", acom(Sale(mti="0420", original="000099", original_at="1122235959")) + b"\n")
    assert (line.original, line.original_at) == ("000099", "20261122235959")


def test_a_partial_approval_counts_what_was_approved():
    assert one("unionpay_acom", acom(Sale(code="10", partial=4_000)) + b"\n").amount_minor == 4_000
    assert one("unionpay_acom", acom(Sale(code="00", partial=4_000)) + b"\n").amount_minor == 10_000


def test_the_year_turns_within_a_file():
    parts = read(
        "unionpay_acom", (GOLDEN / "unionpay_acom/IND26010101ACOM_newyear").read_bytes(), "IND26010101ACOM"
    )
    assert [line.at[:8] for line in parts] == ["20251231", "20260101", "20260101"]
    assert {line.settled_on for line in parts} == {"20260101"}


def test_the_day_comes_from_the_option_the_name_or_nowhere():
    data = acom(Sale()) + b"\n"
    assert one("unionpay_acom", data, file_name="x", day="20271124").at == "20271123093015"
    assert one("unionpay_acom", data, file_name="x", year=2025).at == "20251123093015"
    with pytest.raises(FileRefused) as refused:
        read("unionpay_acom", data, "x")
    assert refused.value.code == "year"
    assert "--day" in refused.value.english


def test_a_cut_line_is_rejected_wherever_it_is_cut():
    line = acom(Sale())
    for size in range(1, len(line)):
        part = one("unionpay_acom", line[:size])
        assert isinstance(part, Reject | Frame), size
    assert isinstance(one("unionpay_acom", line), StatementLine)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda raw: raw[:62] + b"0000000A0000" + raw[74:], "amount"),
        (lambda raw: raw[:31] + b"1331093015" + raw[41:], "date"),
        (lambda raw: raw[:31] + b"1123253015" + raw[41:], "date"),
        (lambda raw: raw[:192] + b"X00000000000" + raw[204:], "amount"),
        (lambda raw: raw[:40] + raw[41:] + b" ", "columns"),
        (lambda raw: raw[:200], "length"),
        (lambda raw: raw + b" too much behind the last field", "columns"),
        (lambda raw: raw[:127] + b"\xff\xff" + raw[129:], "encoding"),
    ],
)
def test_a_broken_line_says_what_is_wrong_and_shows_no_card(spoil, code):
    good = acom(Sale()) + b"\n"
    first, second, third = read("unionpay_acom", good + spoil(acom(Sale())) + b"\n" + good)
    assert isinstance(first, StatementLine)
    assert isinstance(third, StatementLine)
    assert (second.code, second.line_no) == (code, 2)
    assert CARD not in second.raw + second.english + second.chinese
    assert second.chinese


# ------------------------------------------------------------------ COMA


def test_coma_carries_flags_merchant_and_clearing_day():
    line = one("unionpay_coma", coma(Sale(flags="R ")) + b"\n")
    assert (line.mark, line.settled_on, line.text) == (Mark.REVERSED, "20261123", "消费 测试商户")
    assert one("unionpay_coma", coma(Sale(flags=" C")) + b"\n").mark is Mark.VOIDED
    undo = one("unionpay_coma", coma(Sale(mti="0420", flags="R ")) + b"\n")
    assert (undo.kind, undo.mark) == (K.REVERSAL, Mark.NONE)
    assert one("unionpay_coma", coma(Sale(flags="X ")) + b"\n").code == "flag"
    assert len(coma(Sale())) == 951


def test_coma_is_cut_the_same_in_gbk_and_in_utf_8():
    gbk = (GOLDEN / "unionpay_coma/IND26112301COMA").read_bytes()
    assert read("unionpay_coma", gbk) == read("unionpay_coma", gbk.decode("gb18030").encode())
    padded = "".join(
        text + " " * (951 - len(text)) + "\n" for text in gbk.decode("gb18030").splitlines()
    )  # somebody padded by characters
    assert len(read("unionpay_coma", padded.encode())) == 7


def test_a_cleared_day_wins_over_the_name():
    line = one("unionpay_coma", coma(Sale(), cleared="1122") + b"\n")
    assert line.settled_on == "20261122"


# ------------------------------------------------------------------ ZM


@pytest.mark.parametrize("codec", ["gb18030", "utf-8"])
@pytest.mark.parametrize("split", [False, True])
def test_a_zm_refund_in_every_column(split, codec):
    order = Order(
        kind="04", code="S30", amount=4_000, fee="C000000000024", net="D000000003976",
        original="782011231015000002011", original_order="ORDER1", original_at="1122101500", shop="二级商户甲",
    )  # fmt: skip
    line = one("unionpay_zm", zm(order, split=split, codec=codec) + b"\n")
    assert line == StatementLine(
        1, K.REFUND, -4_000, "CNY", fee_minor=24, net_minor=-3_976, settled_on="20261123", at="20261123101500",
        tid="87654321", mid="777290058110097", stan="000201", reference="782011231015000002011",
        order="ORDER20261123000001", original="782011231015000002011", original_at="20261122101500",
        card="411111******1111", account="777290058110097", code="S30/04/01", text="退货 二级商户甲",
    )  # fmt: skip


def test_zm_says_when_direction_and_sign_disagree_or_are_unknown():
    assert one("unionpay_zm", zm(Order(net="D000000009940")) + b"\n").code == "sign"
    assert one("unionpay_zm", zm(Order(kind="88", net="")) + b"\n").code == "code"
    unknown = one("unionpay_zm", zm(Order(kind="88")) + b"\n")
    assert (unknown.kind, unknown.amount_minor) == (K.OTHER, 10_000)
    assert isinstance(one("unionpay_zm", zm(Order(kind="02", net="", fee="")) + b"\n"), Frame)


def test_a_zm_order_that_is_a_card_number_is_masked():
    assert one("unionpay_zm", zm(replace(Order(), order=VISA)) + b"\n").order == "411111******1111"


# ------------------------------------------------------------------ recognition


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("unionpay_*/*")), ids=lambda path: path.name)
def test_a_file_is_known_by_what_is_in_it(path):
    name = path.name if path.stat().st_size < 10 else "export.txt"
    head = make_head(name, path.read_bytes())
    scores = {one.name: one.recognise(head) for one in FORMATS.values()}
    assert max(scores, key=lambda each: scores[each]) == path.parent.name
    assert sorted(scores.values())[-2] < scores[path.parent.name]
