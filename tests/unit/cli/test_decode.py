"""`storno decode`: any dump in, masked fields out, an exit code that tells."""

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.cli.main import run
from storno.iso8583.codec import codec_for
from storno.iso8583.dialects import DIALECTS, dialect
from storno.iso8583.message import Message

PAN = "6225880000001234"
HEAD = ("6000030000", "603100310100")
SALE = Message(
    "0200",
    {
        2: PAN,
        3: "000000",
        4: "000000000100",
        11: "000016",
        35: f"{PAN}D3012201",
        41: "90361748",
        52: "A1" * 8,
        63: "CUP\x1b[2J",
    },
    *HEAD,
)
BODY = codec_for(dialect("cup_pos")).encode(SALE)
WHOLE = codec_for(dialect("cup_pos")).frame(BODY)


@pytest.fixture
def storno(capsys, monkeypatch):
    monkeypatch.setenv("STORNO_LANG", "en")

    def call(*words, stdin=b""):
        class Input:
            buffer = io.BytesIO(stdin)

        monkeypatch.setattr("sys.stdin", Input)
        code = run(["decode", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def test_the_json_object(storno):
    code, out, err = storno(WHOLE.hex(), "--json")
    (one,) = objects(out)
    assert (code, err) == (0, "")
    assert list(one) == ["dialect", "mti", "tpdu", "header", "bitmap", "fields", "problems", "assumed"]
    assert (one["dialect"], one["mti"], one["tpdu"], one["header"]) == ("cup_pos", "0200", *HEAD)
    assert one["bitmap"] == "7020000020801002"
    assert one["fields"]["2"] == "622588******1234"
    assert one["fields"]["35"] == "622588******1234D*******"
    assert one["fields"]["52"] == "*" * 16
    assert one["fields"]["41"] == "90361748"
    assert one["problems"] == []
    assert one["assumed"] == ["dialect", "length_prefix"]


def test_unmask_shows_all_and_warns(storno):
    code, out, err = storno(WHOLE.hex(), "--json", "--unmask")
    assert objects(out)[0]["fields"] == {str(n): text for n, text in SALE.fields.items()}
    assert code == 0
    assert "in clear" in err


@pytest.mark.parametrize(
    "text",
    [
        WHOLE.hex(),
        WHOLE.hex(" "),
        "0x" + WHOLE.hex().upper(),
        " ".join(f"0x{byte:02x}" for byte in WHOLE),
        WHOLE.hex("\n", 16),
        BODY.hex(),
        BODY[11:].hex(),
    ],
    ids=["plain", "blanks", "0x", "0x each", "lines", "no prefix", "no head"],
)
def test_ways_to_write_a_message(storno, tmp_path, text):
    dump = tmp_path / "dump.txt"
    dump.write_text("# a dump\n" + text + "\n")
    for words, stdin in (((text,), b""), ((str(dump),), b""), (("-",), text.encode())):
        code, out, _ = storno(*words, "--json", stdin=stdin)
        assert code == 0
        (one,) = objects(out)
        assert one["fields"]["11"] == "000016"
        assert (one["tpdu"] is None) == (text == BODY[11:].hex())


def test_several_messages(storno, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text(f"{WHOLE.hex()}\n\n{BODY.hex()}\n")
    binary = tmp_path / "stream.bin"
    binary.write_bytes(WHOLE * 3)
    for path, count in ((lines, 2), (binary, 3)):
        code, out, _ = storno(str(path), "--json")
        assert code == 0
        assert [one["mti"] for one in objects(out)] == ["0200"] * count
    code, out, _ = storno(str(lines))
    assert code == 0
    assert out.count("0200  financial request") == 2


def test_a_text_message_is_taken_as_it_is(storno, tmp_path):
    text = "08008020000000000000" + "0400000000000000" + "000016" + "301"
    code, out, _ = storno(text, "--json")
    assert code == 0
    assert objects(out)[0]["fields"] == {"11": "000016", "70": "301"}
    path = tmp_path / "text.dat"
    path.write_text(text + "\n")
    assert storno(str(path), "--json")[1] == out


def test_problems_are_named_and_the_code_says_so(storno):
    code, out, _ = storno(WHOLE[:40].hex(), "--json")
    (one,) = objects(out)
    assert code == 1
    assert [(p["code"], p["field"], p["offset"]) for p in one["problems"]] == [
        ("length_prefix", None, 0),
        ("truncated", 4, 35),
    ]
    assert one["fields"]["3"] == "000000"
    code, out, _ = storno(WHOLE[:40].hex(), "--lang", "zh")
    assert code == 1
    assert "长度前缀与实际字节数不符" in out
    assert "第 35 字节" in out


@pytest.mark.parametrize(
    "words", [("zz",), ("123",), ("",), ("/no/such/file",), (WHOLE.hex(), "--dialect", "visa")]
)
def test_unusable_input(storno, words):
    code, out, err = storno(*words)
    assert code == 2
    assert out == ""
    assert err


def test_bytes_too_few_for_a_message(storno):
    code, out, _ = storno("6000", "--json")
    assert code == 2
    assert objects(out)[0]["problems"]


def test_the_table_is_masked_and_harmless_to_the_terminal(storno):
    code, out, _ = storno(WHOLE.hex())
    assert code == 0
    assert "622588******1234" in out
    assert "amount, transaction" in out
    assert "\x1b" not in out
    assert "\\x1b" in out
    assert "assumed: dialect not given" in out


@pytest.mark.parametrize("name", DIALECTS)
def test_no_reading_of_a_card_message_shows_its_card(storno, name):
    """Even where the dialect is the wrong one and the bytes fall into the wrong fields."""
    for way in (WHOLE, BODY, WHOLE[3:], BODY[:60]):
        for flags in ((), ("--json",)):
            code, out, err = storno(way.hex(), "--dialect", name, *flags)
            assert code in (0, 1, 2)
            assert PAN not in out + err


@settings(max_examples=60, deadline=None)
@given(data=st.binary(min_size=1, max_size=80))
def test_no_bytes_end_in_a_traceback(data):
    assert run(["decode", data.hex(), "--json"]) in (0, 1, 2)
