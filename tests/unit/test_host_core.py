"""The host core: messages in, actions and books out, for every dialect and every fault on both sides of the money."""

import json

import pytest

from host_rig import CARD, NOW, TID, Pos, Talk, make_core, talk
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.keys import KeyKind, encrypt_pin, unwrap_working_keys
from storno.iso8583.message import Message
from storno.iso8583.subfields import SettlementTotals, SideTotals, parse_f54
from storno.sim.actions import Drop, Send
from storno.sim.books import BooksOptions
from storno.sim.books_view import as_json, lines, summary
from storno.sim.cards import NORMAL_BALANCE_MINOR, card_named
from storno.sim.entry import Standing
from storno.sim.host_keys import SIGN_IN_CODES, TEST_TMK
from storno.sim.note import Moved
from storno.sim.shelf import SqliteShelf

NAMES = tuple(DIALECTS)


@pytest.fixture(params=NAMES)
def line(request) -> Talk:
    return talk(request.param)


@pytest.fixture
def pos_line() -> Talk:
    return talk()


# -- every dialect


def test_a_sale_is_approved_with_what_identifies_it(line):
    sale = line.pos.sale(1234)
    answer = line(sale)
    assert (answer.mti, answer.fields[39]) == ("0210", "00")
    assert all(answer.fields[n] == sale.fields[n] for n in (2, 3, 4, 11, 41, 42, 49))
    assert all(len(answer.fields[n]) == size for n, size in ((12, 6), (13, 4), (15, 4), (37, 12), (38, 6)))
    assert not {35, 36, 52} & answer.fields.keys()
    assert line.effect(sale).net_minor == 1234


def test_void_and_its_reversal(line):
    sale = line.pos.sale()
    approved = line(sale)
    void = line.pos.void(sale)
    voided = line(void)
    assert (voided.fields[39], voided.fields[38]) == ("00", approved.fields[38])
    assert line.effect(sale).net_minor == 0
    assert line.code(line.pos.reversal(void)) == "00"
    assert line.effect(sale).net_minor == 1000


def test_reversal_repeats_and_unknown_originals(line):
    sale = line.pos.sale()
    line(sale)
    undo = line.pos.reversal(sale)
    first, second = line(undo), line(undo)
    assert first.mti == {"0400": "0410", "0420": "0430"}[undo.mti]
    assert (first.fields[39], second.fields[39]) == ("00", "00")
    assert 38 not in first.fields
    assert line.effect(sale).undone == 1
    late = line.pos.sale()
    assert [line.code(line.pos.reversal(late)), line.code(late)] == ["25", "22"]
    assert line.effect(late).standing is Standing.TOMBSTONE


def test_repeat_types_are_answered_like_the_first():
    for name, repeat, answer in (("cups", "0421", "0430"), ("iso87_ascii", "0401", "0410")):
        line = talk(name)
        sale = line.pos.sale()
        line(sale)
        assert line(line.pos.reversal(sale, mti=repeat)).mti == answer
        assert line.effect(sale).net_minor == 0


def test_preauth_completion_refund(line):
    hold = line.pos.preauth(2000)
    code = line(hold).fields[38]
    assert line.effect(hold).held_minor == 2000
    done = line.pos.completion(1500, code)
    answer = line(done)
    assert (answer.fields[39], answer.fields[38]) == ("00", code)
    assert (line.effect(hold).held_minor, line.effect(done).net_minor) == (0, 1500)
    assert line.code(line.pos.completion(1500, code)) == "22"
    assert line.code(line.pos.refund(500, answer.fields[37])) == "00"
    other = line.pos.preauth(700)
    other_code = line(other).fields[38]
    advice = line(line.pos.completion(700, other_code, "0220"))
    assert (advice.mti, advice.fields[39]) == ("0230", "00")


def test_preauth_void_and_completion_void(pos_line):
    hold = pos_line.pos.preauth()
    code = pos_line(hold).fields[38]
    done = pos_line.pos.completion(1000, code)
    pos_line(done)
    assert pos_line.code(pos_line.pos.completion_void(done)) == "00"
    assert pos_line.effect(hold).held_minor == 1000
    assert pos_line.code(pos_line.pos.preauth_void(hold, code)) == "00"
    assert pos_line.effect(hold).held_minor == 0


def test_the_same_request_again_gets_the_same_answer(line):
    sale = line.pos.sale()
    assert line(sale).fields == line(sale).fields
    assert line.core.note.repeat
    assert line.effect(sale).applied == 1


def test_host_reversal_is_made_in_the_dialect(line):
    sale = line.pos.sale()
    line(sale)
    data = line.core.initiate_reversal(line.pos.identity(sale), NOW)
    (advice,) = line.pos.read(data)
    assert (advice.mti, advice.fields[4]) == ("0420", "000000001000")
    if line.pos.pos:
        assert advice.fields[11] == sale.fields[11]
    else:
        assert advice.fields[90] == line.pos.f90(sale)
    assert line.effect(sale).net_minor == 0
    assert line.code(line.pos.reversal(sale)) == "00"
    assert line.effect(sale).undone == 1
    with pytest.raises(KeyError):
        line.core.initiate_reversal(line.pos.identity(line.pos.sale()), NOW)


def test_a_message_the_host_does_not_serve_is_answered_40(line):
    assert line.code(line.pos.message("0600", {3: "000000"})) == "40"
    assert line.core.receive(line.pos.frame(line.pos.message("0210", {39: "00"})), NOW) == [Drop()]


# -- security


def test_a_wrong_mac_moves_nothing_and_is_answered_a0():
    for name in ("cup_pos", "cups"):
        line = talk(name)
        sale = line.pos.sale()
        frame = bytearray(line.pos.frame(sale))
        frame[-1] ^= 1
        (action,) = line.core.receive(bytes(frame), NOW)
        assert line.pos.read(action.data)[0].fields[39] == "A0"
        assert line.effect(sale) is None
        assert line.code(sale) == "00"


def test_no_mac_and_no_sign_in_are_answered_a0():
    line = Talk(make_core(), Pos())
    sale = line.pos.sale()
    assert line.code(sale) == "A0"
    assert line.effect(sale) is None


def test_a_host_that_wants_no_mac_takes_none():
    line = Talk(make_core(mac="none"), Pos(mac_profile="none"))
    assert line.code(line.pos.sale()) == "00"


@pytest.mark.parametrize("code", SIGN_IN_CODES)
def test_sign_in_gives_keys_that_open_under_the_master_key_and_work(code):
    line = talk(sign_in=code)
    sale = line.pos.sale()
    assert line.code(sale) == "00"
    assert line.pos.genuine(line.actions[0].data)


@pytest.mark.parametrize("profile", ["cup_ecb", "x919", "cbc_3des"])
def test_mac_profiles(profile):
    line = talk(mac=profile)
    assert line.code(line.pos.sale()) == "00"
    assert line.pos.genuine(line.actions[0].data)


def test_each_sign_in_brings_new_keys_and_ends_the_old_ones(pos_line):
    old = pos_line.pos.mac
    answer = pos_line(pos_line.pos.sign_in())
    assert 64 not in answer.fields
    assert pos_line.code(pos_line.pos.sale()) == "A0"
    pos_line.pos.learn(answer)
    assert pos_line.code(pos_line.pos.sale()) == "00"
    assert pos_line.pos.mac is not old


def test_keys_and_card_numbers_stay_out_of_the_books_file(tmp_path):
    path = tmp_path / "books.db"
    core = make_core(shelf=SqliteShelf(path))
    line = Talk(core, Pos())
    answer = line(line.pos.sign_in())
    line.pos.learn(answer)
    line(line.pos.sale(f35=CARD.track2))
    line(line.pos.sale(95_51))
    keys = unwrap_working_keys(TEST_TMK, bytes.fromhex(answer.fields[62]), "003")
    everything = b"".join(one.read_bytes() for one in tmp_path.iterdir()).upper()
    for secret in (keys.mak, keys.pik):
        assert secret not in everything
        assert secret.hex().upper().encode() not in everything
    assert CARD.pan.encode() not in everything
    told = json.dumps(as_json(core.books)) + "".join(lines(core.books, "zh")) + core.note.line("en")
    assert CARD.pan not in told + repr(core.note)


def test_a_pin_block_that_does_not_open_is_answered_99(pos_line):
    answer = pos_line(pos_line.pos.sign_in())
    pos_line.pos.learn(answer)
    keys = unwrap_working_keys(TEST_TMK, bytes.fromhex(answer.fields[62]), "003")
    good = encrypt_pin(keys.pik, "123456", CARD.pan, KeyKind.TRIPLE_DES).hex().upper()
    assert pos_line.code(pos_line.pos.sale(f26="12", f52=good, f53="2600000000000000")) == "00"
    assert pos_line.code(pos_line.pos.sale(f26="12", f52="0123456789ABCDEF", f53="2600000000000000")) == "99"


@pytest.mark.parametrize(
    ("name", "code"), [("low", "51"), ("expired", "54"), ("wrongpin", "55"), ("lost", "41")]
)
def test_cards_with_a_role(pos_line, name, code):
    pos_line.pos.pan = card_named(name).pan
    sale = pos_line.pos.sale()
    assert pos_line.code(sale) == code
    assert pos_line.effect(sale).net_minor == 0


# -- the rest of the day


def test_balance_enquiry(line):
    line(line.pos.sale(5000))
    answer = line(line.pos.money("0200", "310000", 0, "00", "01"))
    (balance,) = parse_f54(answer.fields[54])
    assert (answer.fields[39], balance.signed_minor) == ("00", NORMAL_BALANCE_MINOR - 5000)


@pytest.mark.parametrize(("off", "verdict"), [(0, "1"), (1, "2")])
def test_settlement_and_upload(pos_line, off, verdict):
    pos = pos_line.pos
    sale = pos.sale(1000)
    pos_line(sale)
    pos_line(pos.sale(500))
    pos_line(pos.void(sale))
    ours = SideTotals(1500 + off, 2, 1000, 1)
    totals = SettlementTotals(ours, SideTotals(0, 0, 0, 0))
    answer = pos_line(pos.message("0500", {48: totals.build(), 49: "156", 63: "01 "}, "00", "201"))
    read = SettlementTotals.parse(answer.fields[48])
    assert (answer.mti, answer.fields[39]) == ("0510", "00")
    assert (read.domestic.result, read.foreign.result) == (verdict, verdict)
    assert read.domestic.debit_minor == 1500
    assert pos_line.code(pos.message("0320", {48: "02"}, "00", "201")) == "00"
    assert pos_line.code(pos.message("0320", {48: "0002"}, "00", "207")) == "00"
    batch = pos_line.core.books.batch(pos.tid, pos.mid, pos.batch)
    assert (batch.settled, batch.uploaded) == (not off, 2)


def test_a_settlement_that_cannot_be_read_is_answered_30(pos_line):
    assert pos_line.code(pos_line.pos.message("0500", {48: "12"}, "00", "201")) == "30"


@pytest.mark.parametrize(
    ("mti", "code60", "answer"),
    [
        ("0820", "002", "0830"),
        ("0820", "301", "0830"),
        ("0800", "370", "0810"),
        ("0620", "951", "0630"),
        ("0920", "800", "0930"),
    ],
)
def test_network_messages_and_notices(pos_line, mti, code60, answer):
    got = pos_line(pos_line.pos.message(mti, {}, "00", code60))
    assert (got.mti, got.fields[39]) == (answer, "00")


@pytest.mark.parametrize("name", ["cups", "iso87_ascii"])
@pytest.mark.parametrize("code", ["001", "002", "101", "301"])
def test_network_management_by_f70(name, code):
    line = talk(name)
    answer = line(line.pos.message("0800", {70: code}))
    assert (answer.mti, answer.fields[39], answer.fields[70]) == ("0810", "00", code)


def test_tpdu_is_swapped_and_the_header_kept(pos_line):
    answer = pos_line(pos_line.pos.sale())
    assert (answer.tpdu, answer.header) == ("6000000001", "603100000000")


def test_a_network_header_is_turned_round_with_its_own_length():
    line = talk("cups")
    station = {"to": b"00010000   ".hex(), "from": b"48020000   ".hex()}
    sale = line.pos.sale()
    sale.header = f"2E02{b'0000'.hex()}{station['to']}{station['from']}{'30' * 18}".upper()
    answer = line(sale)
    head = bytes.fromhex(answer.header)
    assert (head[6:17], head[17:28]) == (b"48020000   ", b"00010000   ")
    assert int(head[2:6]) == len(line.actions[0].data) - 2


def test_fields_that_are_missing_are_named_by_their_code(pos_line):
    pos = pos_line.pos
    for drop, code in ((4, "30"), (2, "14"), (41, "97"), (42, "30")):
        sale = pos.sale()
        del sale.fields[drop]
        assert pos_line.code(sale) == code
    assert pos_line.code(pos.sale(0)) == "13"
    assert pos_line.code(pos.sale(f49="999")) == "30"


def test_malformed_frames_are_answered_30_when_somebody_can_be_told(pos_line):
    whole = pos_line.pos.frame(pos_line.pos.sale())
    (action,) = pos_line.core.receive(whole[:-3], NOW)
    answer = pos_line.pos.read(action.data)[0]
    assert (answer.mti, answer.fields[39], answer.fields[11]) == ("0210", "30", "000002")
    assert pos_line.core.note.problem
    assert CARD.pan not in pos_line.core.note.problem


@pytest.mark.parametrize("name", NAMES)
def test_cut_frames_never_raise_and_never_move_money(name):
    line = talk(name)
    whole = line.pos.frame(line.pos.sale())
    for end in range(len(whole)):
        assert all(isinstance(one, Send | Drop) for one in line.core.receive(whole[:end], NOW))
    assert summary(line.core.books).approved == 0


# -- restart


@pytest.mark.parametrize("with_memory", [True, False])
def test_restart_with_and_without_memory(line, with_memory):
    sale = line.pos.sale()
    line(sale)
    line.core.restart(with_memory=with_memory)
    if with_memory:
        assert line.code(line.pos.reversal(sale)) == "00"
        assert line.effect(sale).undone == 1
        return
    assert line.effect(sale) is None
    if line.pos.pos:
        assert line.code(line.pos.reversal(sale)) == "A0"
        line.pos.learn(line(line.pos.sign_in()))
    assert line.code(line.pos.reversal(sale)) == "25"


def test_options_of_the_books_reach_the_wire():
    line = talk(rules=BooksOptions(tombstones=False, unknown_reversal="00", duplicate_code="94"))
    sale = line.pos.sale()
    assert line.code(line.pos.reversal(sale)) == "00"
    assert [line.code(sale), line.code(sale)] == ["00", "94"]


def test_notes_say_what_happened_in_both_languages(pos_line):
    sale = pos_line.pos.sale(1050)
    pos_line(sale)
    assert pos_line.core.note.effect is Moved.MOVED
    english, chinese = pos_line.core.note.line("en"), pos_line.core.note.line("zh")
    assert f"0200  sale  {TID}/{sale.fields[11]}  ¥10.50  620000******0013  → 00  posted" == english
    assert "消费" in chinese
    assert "已入账" in chinese
    pos_line(pos_line.pos.reversal(sale))
    assert "undone" in pos_line.core.note.line("en")
    assert json.dumps(pos_line.core.note.as_json())


def test_a_reversal_in_the_way_of_ccb_with_f61_of_its_own_is_understood(pos_line):
    sale = pos_line.pos.sale()
    pos_line(sale)
    undo = pos_line.pos.reversal(sale)
    del undo.fields[39]
    undo.fields[61] = f"{pos_line.pos.batch}{sale.fields[11]}0101"
    assert pos_line.code(Message("0400", dict(sorted(undo.fields.items())), undo.tpdu, undo.header)) == "00"
    assert pos_line.effect(sale).net_minor == 0
