"""Foreign peers around gateways of their own: flapping links, other acquirers, killed processes, card data."""

import base64
import collections
import os
import resource
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from foreign_rig import HEADER, MAK, PIK, TMK, Bank, Box, frame, pack, undo, wait_for
from foreign_ways import answering, flap, signed_in, silent_then

# ------------------------------------------------------------------ links


def test_two_links_that_flap_under_load_and_answer_for_each_other(tmp_path):
    with Bank() as one, Bank() as two:
        two.books, two.stones, two.lock = one.books, one.stones, one.lock

        def crossed(bank, sock, asked):
            other = two if bank is one else one
            bank.say(other.links[-1] if other.links else sock, asked, bank.book(asked))
            return True

        more = "reconnect_first_s = 0.05"
        with Box(tmp_path / "home", (one.port, two.port), gateway=more) as box:
            tills = [signed_in(box) for _ in range(4)]
            one.script = two.script = lambda b, s, m: m.mti in ("0200", "0400") and crossed(b, s, m)
            ended = threading.Event()
            told = collections.Counter()

            def work(till):
                while not ended.is_set():
                    told[till.ask(till.sale())] += 1

            workers = [threading.Thread(target=work, args=(till,)) for till in tills]
            for worker in workers:
                worker.start()
            flap((one, two), 2.0)
            ended.set()
            for worker, till in zip(workers, tills, strict=True):
                worker.join()
                till.sock.close()
            wait_for(lambda: not any(row["pending"] for row in box.rows()))
            assert box.one_sided(one) == []
            assert told["00"] > 50
            assert box.run("journal", "verify")["proved"]


def test_a_flapping_link_does_not_use_up_the_attempts(tmp_path):
    profile = "attempts_max = 5\nbackoff_first_ms = 1000\nbackoff_max_ms = 60000"
    with (
        Bank() as bank,
        Box(tmp_path / "home", (bank.port,), "reconnect_first_s = 0.05", profile) as box,
        signed_in(box) as till,
    ):
        bank.script = lambda b, _, m: m.mti in ("0200", "0400") and (b.book(m), True)[1]
        asked = till.sale()
        assert till.ask(asked) == "98"
        flap((bank,), 2.0)
        assert box.row(till.tid, asked[11])["attempts"] <= 3
        bank.script = None
        box.settled(till.tid, asked[11], "reversed")
        assert box.one_sided(bank) == []


# ------------------------------------------------------------------ acquirers of other kinds


@pytest.mark.parametrize(
    ("mac", "gateway", "profile", "reversal"),
    [
        pytest.param("none", "", 'mac = "none"', {39: "98", 64: None}, id="no-mac"),
        pytest.param("x919", "", 'mac = "x919"', {39: "98"}, id="x919"),
        pytest.param("cup_ecb", "", 'original_data = "own"\nreason_field = 0', {39: None}, id="own-data"),
        pytest.param("cup_ecb", "", 'cross_day = "case"\nreverse_on = ["68"]', {39: "98"}, id="case"),
        pytest.param("cup_ecb", 'unkeyed = "forward"', "key_reuse_after_ms = 300", {39: "98"}, id="forward"),
    ],
)
def test_an_acquirer_of_another_kind(tmp_path, mac, gateway, profile, reversal):
    with (
        Bank(mac=mac) as bank,
        Box(tmp_path / "home", (bank.port,), gateway, profile) as box,
        signed_in(box, mac) as till,
    ):
        first, second, third = till.sale(), till.sale(), till.sale()
        assert till.ask(first) == "00"
        bank.script = answering("68") if "68" in profile else silent_then()
        assert till.ask(second) in ("98", "68")
        assert till.ask(undo(first), "0400") == "00"
        for asked in (first, second):
            box.settled(till.tid, asked[11], "reversed")
        sent = bank.got("0400", till.tid)[0]
        assert {n: sent[n] for n in reversal if n != 39 or "68" not in profile} == {
            n: value for n, value in reversal.items() if n != 39 or "68" not in profile
        }
        if "own" in profile:
            assert sent[61][:12] == "000001" + sent[11]
        bank.script = None
        if (
            "forward" in gateway
        ):  # a till without keys here: its sale passes, its reversal waits for the sign-in
            with box.till("G0000001") as other:
                asked = other.sale()
                assert [other.ask(asked), other.ask(undo(asked), "0400")] == ["00", "00"]
                assert box.row("G0000001", asked[11])["state"] == "reversing"
                assert other.sign_in() == "00"
                box.settled("G0000001", asked[11], "reversed")
            assert till.ask(third) == "00"
            time.sleep(0.4)  # older than key_reuse_after_ms: a till that was off for days
            assert till.ask(undo(third), "0400") == "00"
            box.settled(till.tid, third[11], "reversed")
        assert box.one_sided(bank) == []
        assert box.run("journal", "verify")["proved"]


def test_more_idle_terminals_than_the_usual_limit_of_files_keep_nobody_out(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with Bank() as bank, Box(tmp_path / "home", (bank.port,)) as box:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
            idle = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(600)]
            with signed_in(box) as till:
                assert till.ask(till.sale()) == "00"
            for one in idle:
                one.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ------------------------------------------------------------------ stopped, killed, searched


def test_stopped_for_longer_than_the_time_outs_and_the_writer_killed_alone(tmp_path):
    with Bank() as bank, Box(tmp_path / "home", (bank.port,)) as box, signed_in(box) as till:
        bank.script = lambda b, s, m: m.mti == "0200" and (time.sleep(0.1), b.say(s, m, b.book(m)), True)[2]
        till.send(till.sale())
        time.sleep(0.05)
        os.kill(box.process.pid, signal.SIGSTOP)
        time.sleep(0.8)
        os.kill(box.process.pid, signal.SIGCONT)
        assert till.hear()[39] in ("00", "98")
        bank.script = None
        pid = box.process.pid
        (writer,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())
        os.kill(writer, signal.SIGSTOP)
        before = len(bank.got("0200"))
        till.send(till.sale())
        assert till.silent(0.8)
        assert len(bank.got("0200")) == before
        os.kill(writer, signal.SIGCONT)
        assert till.hear()[39] in ("00", "98")
        for _ in range(5):
            till.send(till.sale())
        os.kill(writer, signal.SIGKILL)
        assert box.process.wait(10) == 3
        assert "Traceback" not in box.said()
        box.start()
        wait_for(lambda: not any(row["pending"] for row in box.rows()))
        assert box.one_sided(bank) == []
        assert box.run("journal", "verify")["proved"]


CARD = "6228481234567890128"
TRACK = CARD + "D30125201230000009"
PIN = bytes.fromhex("A1B2C3D4E5F60718")
MASTER = "5C1E" * 16


def forms(text: str) -> set[bytes]:
    """Give the ways in which digits could lie in a file."""
    raw = text.encode()
    found = {raw, raw[::-1], text.encode("utf-16-le"), text.encode("utf-16-be"), raw.hex().encode()}
    found |= {base64.b64encode(raw[shift:])[: len(raw) // 3 * 4 - 8] for shift in range(3)}
    even, odd = text + "0" * (len(text) % 2), "0" * (len(text) % 2) + text
    return found | {bytes.fromhex(even)[:-1], bytes.fromhex(odd)[1:], raw[4:16]}


def test_no_card_pin_or_key_is_in_anything_the_gateway_wrote(tmp_path):
    debug = {"STORNO_DEBUG": "1", "STORNO_MASTER_KEY": MASTER}
    with Bank() as bank, Box(tmp_path / "home", (bank.port,), environ=debug) as box, signed_in(box) as till:
        secret = {"f2": CARD, "f35": TRACK, "f26": "06", "f52": PIN, "f53": "2600000000000000", "f14": "3012"}
        chip = "9F2608AABBCCDDEEFF00115A0A6228481234567890128F9505008004E800"
        asked = till.sale(**secret)
        assert [till.ask(asked), till.ask(undo(asked), "0400")] == ["00", "00"]
        assert till.ask(till.sale(**secret, f55=bytes.fromhex(chip))) == "00"
        assert till.ask(till.sale(**secret, f55=bytes.fromhex(chip[:40]))) == "30"
        assert till.ask(till.sale(**secret | {"f4": None})) == "30"
        bank.script = silent_then("58")
        refused = till.sale(**secret)
        assert till.ask(refused) == "98"
        box.settled(till.tid, refused[11], "refused")
        bank.script = answering(f2=CARD, f35=TRACK, f14="3012")
        assert till.ask(till.sale(**secret)) == "00"
        bank.links[-1].sendall(frame(pack("0210", {2: CARD, 35: TRACK, 39: "00"})[:-3]))
        bank.links[-1].sendall(frame(pack("0420", undo(till.sale(**secret)) | {35: TRACK})))
        for cut in (25, 40, 60, -9):
            till.sock.sendall(frame(till.wire(till.sale(**secret))[2:cut]))
            till.hear()
            till.sock.close()
            till.dial()
        said = [repr(box.run("explain", "--all", f"{till.tid}/{refused[11]}")).encode()]
        said += [repr(box.run(*words)).encode() for words in (("cases", "list"), ("status",))]
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(box.home / "gateway.sock"))
            order = f'{{"ask":"order","tx_id":"{CARD}","input":"retry_ordered","operator":"x"}}\n'
            control.sendall(order.encode())
            said.append(control.recv(65536))
        pid = box.process.pid
        (writer,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split())
        said += [
            Path(f"/proc/{pid}/cmdline").read_bytes()
        ]  # its own environment holds the master key: it must
        said += [Path(f"/proc/{writer}/{what}").read_bytes() for what in ("cmdline", "environ")]
        said += [one.read_bytes() for one in box.home.rglob("*") if one.is_file()]
        said.append(box.log.read_bytes())
        needles = forms(CARD) | forms(TRACK) | forms(PIN.hex().upper()) | {PIN}
        for key in (MAK, PIK, TMK, bytes.fromhex(MASTER)):
            needles |= {key, key.hex().encode(), key.hex().upper().encode()}
        assert [needle for needle in needles for text in said if needle in text] == []
        assert len(said) > 12
        assert all(one.stat().st_mode & 0o077 == 0 for one in box.home.iterdir() if one.name != "storno.toml")
        assert HEADER not in box.said()
