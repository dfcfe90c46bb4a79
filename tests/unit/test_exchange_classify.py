"""What a message means: kinds by the published transaction tables, identities, originals, fingerprints."""

import json
from pathlib import Path

import pytest

from storno.exchange import classify
from storno.exchange.classify import BadRequest, Family, family, identity, kind_of, original_keys, wire_key
from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import dialect
from storno.iso8583.message import Message
from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind

GOLDEN = Path(__file__).parents[1] / "golden" / "data"


def terminal(mti, f3, f25, type60, **more):
    fields = {
        3: f3,
        4: "000000000100",
        11: "000042",
        25: f25,
        41: "00000001",
        42: "898440153110001",
        60: f"{type60}000007000",
    }
    fields |= {int(key[1:]): value for key, value in more.items()}
    return Message(mti, fields)


# unionpay notes 1.4: the 2002 transaction table with its column "does it cause a reversal"
TERMINAL_TABLE = [
    ("0100", "030000", "06", "10", Kind.PREAUTH, True),
    ("0100", "200000", "06", "11", Kind.PREAUTH_VOID, True),
    ("0200", "000000", "06", "20", Kind.COMPLETION, True),
    ("0200", "200000", "06", "21", Kind.COMPLETION_VOID, True),
    ("0200", "000000", "00", "22", Kind.SALE, True),
    ("0200", "200000", "00", "23", Kind.VOID, True),
    ("0220", "000000", "06", "24", Kind.COMPLETION_ADVICE, False),
    ("0220", "200000", "00", "25", Kind.REFUND, False),
    ("0220", "000000", "00", "30", Kind.COMPLETION_ADVICE, False),
    ("0220", "000000", "00", "32", Kind.COMPLETION_ADVICE, False),
    ("0220", "000000", "00", "34", Kind.COMPLETION_ADVICE, False),
    ("0200", "600000", "91", "45", Kind.SALE, True),
]


@pytest.mark.parametrize(("mti", "f3", "f25", "type60", "kind", "reversible"), TERMINAL_TABLE)
def test_a_terminal_s_request_has_its_kind(mti, f3, f25, type60, kind, reversible):
    msg = terminal(mti, f3, f25, type60)
    assert (family(msg), kind_of(msg)) == (Family.MONEY, kind)
    assert kind.reversible is reversible


@pytest.mark.parametrize(("mti", "f3", "f25", "type60", "kind", "reversible"), TERMINAL_TABLE)
def test_its_reversal_has_the_same_kind(mti, f3, f25, type60, kind, reversible):
    msg = terminal("0400", f3, f25, type60, f39="98")
    assert (family(msg), kind_of(msg)) == (Family.REVERSAL, kind)


@pytest.mark.parametrize(
    ("mti", "f3", "code60", "wanted"),
    [
        ("0200", "310000", "000", Family.OTHER),
        ("0500", "", "201", Family.OTHER),
        ("0320", "", "201", Family.OTHER),
        ("0800", "", "003", Family.SIGN_IN),
        ("0820", "", "301", Family.OTHER),
        ("0620", "", "951", Family.OTHER),
        ("0920", "", "800", Family.OTHER),
        ("0210", "000000", "000", Family.ANSWER),
        ("0230", "000000", "000", Family.ANSWER),
        ("0410", "000000", "000", Family.ANSWER),
        ("0810", "", "003", Family.ANSWER),
        ("0240", "000000", "000", Family.NOTICE),
    ],
)
def test_what_moves_no_money_goes_its_own_way(mti, f3, code60, wanted):
    fields = {60: f"00000007{code60}"} | ({3: f3} if f3 else {})
    assert family(Message(mti, fields)) is wanted


# unionpay notes 2.11: the network's table; F60 is the network's own there and says nothing
@pytest.mark.parametrize(
    ("first", "f3", "f25", "kind"),
    [
        ("0200", "003000", "00", Kind.SALE),
        ("0200", "203000", "00", Kind.VOID),
        ("0100", "033000", "06", Kind.PREAUTH),
        ("0100", "203000", "06", Kind.PREAUTH_VOID),
        ("0200", "003000", "06", Kind.COMPLETION),
        ("0200", "203000", "06", Kind.COMPLETION_VOID),
        ("0220", "203000", "00", Kind.REFUND),
    ],
)
def test_a_network_message_and_its_reversal_have_the_kind_of_the_table(first, f3, f25, kind):
    fields = {3: f3, 25: f25, 60: "000000000030000000000000000000"}
    assert kind_of(Message(first, fields)) is kind
    if kind is not Kind.REFUND:
        ninety = first + "000042" + "0101080000" + "00048020000" * 2
        assert kind_of(Message("0420", fields | {90: ninety})) is kind


def published_reversals():
    with (GOLDEN / "cup_pos_messages.json").open(encoding="utf-8") as file:
        found = json.load(file)
    vectors = found["vectors"] if isinstance(found, dict) else found
    for one in vectors:
        if one.get("mti") == "0400":
            yield one["id"], bytes.fromhex(one["hex"])
    x919 = json.loads((GOLDEN / "crypto_x919_0400.json").read_text(encoding="utf-8"))
    yield "x919", bytes.fromhex(x919["message_hex"])


@pytest.mark.parametrize(
    ("name", "wire"), list(published_reversals()), ids=[n for n, _ in published_reversals()]
)
def test_a_published_0400_is_the_reversal_of_a_sale(name, wire):
    size = int.from_bytes(wire[:2], "big")
    msg = codec_for(dialect("cup_pos")).decode(wire[2:] if size == len(wire) - 2 else wire)
    assert (family(msg), kind_of(msg)) == (Family.REVERSAL, Kind.SALE)
    assert (wire_key(msg).klass, wire_key(msg).stan, msg.fields[39]) == ("4", "681186", "98")
    assert classify.check_money(msg) == (500, "CNY")
    assert classify.original_of_reversal(msg).stan == "681186"
    assert original_keys(msg)[0].stan == "681186"


def test_the_class_keeps_a_late_0210_from_answering_a_0400():
    request, reversal = terminal("0200", "000000", "00", "22"), terminal("0400", "000000", "00", "22")
    assert wire_key(request) == wire_key(Message("0210", request.fields))
    assert wire_key(reversal) == wire_key(Message("0410", reversal.fields))
    assert wire_key(request) != wire_key(reversal)
    assert wire_key(reversal) == wire_key(Message("0401", reversal.fields))


def test_identity_is_terminal_merchant_batch_and_number():
    assert identity(terminal("0200", "000000", "00", "22")) == TxKey(
        "00000001", "898440153110001", "000007", "000042"
    )
    assert identity(Message("0200", {11: "000042", 41: "1", 42: "2", 60: "22"})).batch == ""
    assert identity(Message("0200", {11: "000042", 41: "1", 42: "2", 60: "network text"})).batch == ""


@pytest.mark.parametrize(
    ("fields", "stan", "rrn", "auth"),
    [
        ({61: "0000070000410101"}, "000041", "", ""),
        ({61: "000007000041"}, "000041", "", ""),
        ({61: "0000000000000101", 37: "240101000041"}, None, "240101000041", ""),
        ({38: "123456"}, None, "", "123456"),
        ({90: "0200000041010108000000048020000" + "00048020000"}, "000041", "", ""),
        ({90: "0" * 42}, None, "", ""),
        ({61: "7"}, None, "", ""),
    ],
)
def test_what_a_void_says_of_its_original(fields, stan, rrn, auth):
    key, given_rrn, given_auth = original_keys(
        terminal("0200", "200000", "00", "23", **{f"f{n}": t for n, t in fields.items()})
    )
    assert ((key and key.stan), given_rrn, given_auth) == (stan, rrn, auth)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (4, None),
        (4, "12"),
        (11, None),
        (41, " "),
        (42, None),
        (49, "999"),
        (2, "123456789"),
        (2, "6214830000000000000000"),
    ],
)
def test_a_request_that_cannot_be_undone_is_refused_by_field(field, text):
    msg = terminal("0200", "000000", "00", "22", f49="156", f2="6214830012345678")
    if text is None:
        del msg.fields[field]
    else:
        msg.fields[field] = text
    found = classify.check_money(msg)
    assert isinstance(found, BadRequest)
    assert found.field == field
    assert "6214830" not in found.text


def test_the_card_number_comes_from_f2_or_a_readable_track():
    for track in ("6214830012345678D2512201", "6214830012345678=2512201"):
        assert classify.pan_of(Message("0200", {35: track})) == "6214830012345678"
    assert classify.pan_of(Message("0200", {2: "1234", 35: "6214830012345678D2512201"})) == "1234"
    assert classify.pan_of(Message("0200", {35: "A1B2C3"})) == ""
    assert classify.pan_of(Message("0200", {})) == ""


def test_a_repeat_has_the_same_fingerprint_and_another_body_has_not():
    def show(data):
        return data.decode()

    msg = terminal("0200", "000000", "00", "22", f12="101112")
    same = classify.fingerprint(msg, "token", show)
    assert classify.fingerprint(Message("0201", dict(msg.fields)), "token", show) == same
    assert classify.fingerprint(terminal("0200", "000000", "00", "22", f12="111213"), "token", show) == same
    assert classify.fingerprint(msg, "other card", show) != same
    assert (
        classify.fingerprint(terminal("0200", "000000", "00", "22", f4="000000000101"), "token", show) != same
    )


def test_the_business_day_turns_at_local_midnight():
    before = 1_767_225_600_000 - 8 * 3_600_000 - 1  # 2026-01-01 00:00 in China, less one
    assert classify.settlement_day(before, 480) == "20251231"
    assert classify.settlement_day(before + 1, 480) == "20260101"
    assert f"{classify.local_time(before + 1, 480):%m%d%H%M%S}" == "0101000000"
