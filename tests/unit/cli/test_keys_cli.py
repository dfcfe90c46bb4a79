"""`storno keys`: what goes in, what is shown, and what never is."""

import contextlib
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.iso8583.keys import check_value
from storno.journal.lock import WriterLock
from storno.vault import FileKeyStore, WrongMaster, load_master
from storno.vault.testkeys import TEST_TMK

TID = "10000001"
ONE, TWO = "00112233445566778899AABBCCDDEEFF", "FEDCBA98765432100123456789ABCDEF"
WHOLE = bytes(a ^ b for a, b in zip(bytes.fromhex(ONE), bytes.fromhex(TWO), strict=True))
VALUE = check_value(WHOLE, "3des").hex().upper()


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("STORNO_MASTER_KEY", raising=False)
    yield
    speak(Language.EN)


@pytest.fixture
def files(tmp_path):
    paths = []
    for name, text in (("one", ONE), ("two", TWO), ("whole", WHOLE.hex())):
        path = tmp_path / name
        path.write_text(f"# held by {name}\n{text}\n")
        path.chmod(0o600)
        paths.append(str(path))
    return paths


def storno(capsys, *argv):
    code = run(["keys", *argv])
    said = capsys.readouterr()
    for secret in (ONE, TWO, WHOLE.hex().upper()):
        for text in (said.out.upper(), said.err.upper()):
            assert secret not in text.replace(" ", "")
    return code, said.out, said.err


def store(home):
    return FileKeyStore(home / "keys.db", load_master({}, home / "master.key", create=False))


def tmk_of(home):
    with_open = store(home)
    try:
        return with_open.master_check_value(TID)
    finally:
        with_open.close()


# -------------------------------------------------------------------- add
def test_components_from_files_make_the_key_and_show_their_check_values(storno_home, files, capsys):
    argv = ["add", TID, "--component-file", files[0], "--component-file", files[1], "--json"]
    code, out, _ = storno(capsys, *argv)
    told = json.loads(out)
    assert code == 0
    assert told["check_value"] == VALUE == tmk_of(storno_home)
    assert told["component_check_values"] == [
        check_value(bytes.fromhex(part), "3des").hex().upper() for part in (ONE, TWO)
    ]
    assert (told["replaced"], told["restart_needed"]) == (False, False)


def test_a_whole_key_from_a_file(storno_home, files, capsys):
    assert storno(capsys, "add", TID, "--key-file", files[2], "--check-value", VALUE[:6])[0] == 0
    assert tmk_of(storno_home) == VALUE


def test_components_from_standard_input(storno_home, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{ONE}\n\n{TWO}\n"))
    assert storno(capsys, "add", TID, "--stdin")[0] == 0
    assert tmk_of(storno_home) == VALUE


def test_an_sm4_key_has_an_sm4_check_value(storno_home, files, capsys):
    _, out, _ = storno(capsys, "add", TID, "--kind", "sm4", "--key-file", files[2], "--json")
    assert json.loads(out)["check_value"] == check_value(WHOLE, "sm4").hex().upper()


def test_a_wrong_check_value_stores_nothing(storno_home, files, capsys):
    argv = [
        "add",
        TID,
        "--component-file",
        files[0],
        "--component-file",
        files[1],
        "--check-value",
        "00000000",
    ]
    code, _, err = storno(capsys, *argv)
    assert code == 2
    assert VALUE in err
    assert not (storno_home / "keys.db").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["add", TID, ONE],
        ["add", TID, f"--key={ONE}"],
        ["add", TID, "--key", ONE],
        ["add", TID, *[ONE[at : at + 4] for at in range(0, 32, 4)]],
        ["add", ONE],
        ["check", TID, ONE],
        ["link", "add", "host", ONE],
    ],
)
def test_a_key_on_the_command_line_is_refused_and_not_repeated(storno_home, capsys, argv):
    code, _, err = storno(capsys, *argv)
    assert code == 2
    assert "process list" in err
    assert not (storno_home / "keys.db").exists()


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["add", TID], "no terminal to type"),
        (["add", TID, "--component-file", "{one}"], "two or three components"),
        (["add", TID, "--component-file", "{one}", "--component-file", "{one}"], "cancel out"),
        (["add", TID, "--key-file", "{one}", "--stdin"], "one source"),
        (["add", TID, "--key-file", "{missing}"], "cannot be opened"),
        (["add", TID, "--key-file", "{short}"], "needs 32/48"),
        (["add", TID, "--key-file", "{text}"], "not hex"),
        (["add", TID, "--key-file", "{open}"], "chmod 600"),
        (["add", "a b", "--key-file", "{one}"], "TID has 1 to 16"),
        (["add", TID, "surplus"], "too many"),
        (["add", TID, "--kind", "sm4", "--key-file", "{long}"], "needs 32"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_reason(
    storno_home, tmp_path, capsys, monkeypatch, argv, said
):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    contents = {
        "one": ONE,
        "short": ONE[:16],
        "text": "not a key at all",
        "open": ONE,
        "long": ONE + TWO[:16],
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644 if name == "open" else 0o600)
    places = {name: str(tmp_path / name) for name in (*contents, "missing")}
    code, _, err = storno(capsys, *[word.format(**places) for word in argv])
    assert (code, said in err) == (2, True), err
    assert not (storno_home / "keys.db").exists()


def test_typed_components_are_not_echoed(storno_home):
    """At a real terminal: a session of its own opens a pseudo terminal, where both components are typed."""
    master, slave = pty.openpty()
    line = 'exec "$0" -m storno keys add "$2" <"$1" >"$1" 2>&1'
    child = subprocess.Popen(
        ["sh", "-c", line, sys.executable, os.ttyname(slave), TID],
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    heard = b""
    for wanted, typed in ((b"Component 1", ONE), (b"Component 2", TWO), (b"Store it?", "y")):
        while wanted not in heard:
            heard += os.read(master, 4096)
        os.write(master, typed.encode() + b"\n")
    os.close(slave)
    with contextlib.suppress(OSError):  # the terminal goes with the child
        while data := os.read(master, 4096):
            heard += data
    code = child.wait()
    os.close(master)
    said = heard.decode()
    assert code == 0, said
    assert ONE not in said
    assert TWO not in said
    assert VALUE in said
    assert check_value(bytes.fromhex(ONE), "3des").hex().upper() in said
    assert tmk_of(storno_home) == VALUE


# -------------------------------------------------------------------- list, check, remove
def test_list_shows_check_values_and_marks_the_test_key(storno_home, files, capsys):
    storno(capsys, "add", TID, "--key-file", files[2])
    open_ = store(storno_home)
    open_.add_master_key("10000002", TEST_TMK)
    open_.close()
    code, out, _ = storno(capsys, "list", "--json")
    listed = json.loads(out)
    assert code == 0
    assert [(one["tid"], one["test_key"]) for one in listed["terminals"]] == [
        (TID, False),
        ("10000002", True),
    ]
    assert listed["terminals"][0]["check_value"] == VALUE
    assert "测试密钥" in storno(capsys, "list", "--lang", "zh")[1]
    code, out, _ = storno(capsys, "check")
    assert code == 1
    assert "10000002" in out


def test_check_compares_with_the_paper(storno_home, files, capsys):
    storno(capsys, "add", TID, "--key-file", files[2])
    assert storno(capsys, "check")[0] == 0
    assert storno(capsys, "check", TID, "--check-value", VALUE)[0] == 0
    assert storno(capsys, "check", TID, "--check-value", "12345678")[0] == 1
    assert storno(capsys, "check", "19999999")[0] == 2


def test_remove_forgets_after_a_question(storno_home, files, capsys):
    storno(capsys, "add", TID, "--key-file", files[2])
    assert storno(capsys, "remove", TID, "--yes")[0] == 0
    assert storno(capsys, "remove", TID, "--yes")[0] == 1
    assert json.loads(storno(capsys, "list", "--json")[1]) == {"terminals": [], "links": []}


def test_a_home_without_keys_stays_without(storno_home, capsys):
    code, _, err = storno(capsys, "list")
    assert code == 1
    assert "storno keys add" in err
    assert not (storno_home / "master.key").exists()


def test_a_link_key_is_stored_and_listed(storno_home, files, capsys):
    code, out, _ = storno(
        capsys, "link", "add", "--component-file", files[0], "--component-file", files[1], "--json"
    )
    assert (code, json.loads(out)["check_value"]) == (0, VALUE)
    assert json.loads(storno(capsys, "list", "--json")[1])["links"] == ["host"]


# -------------------------------------------------------------------- the master key
def test_the_key_file_is_rotated_and_everything_still_opens(storno_home, files, capsys):
    storno(capsys, "add", TID, "--key-file", files[2])
    before = (storno_home / "master.key").read_text()
    code, out, _ = storno(capsys, "rotate-master", "--json")
    assert (code, json.loads(out)["changed"]) == (0, 1)
    assert (storno_home / "master.key").read_text() != before
    assert tmk_of(storno_home) == VALUE


def test_a_variable_is_rotated_into_a_new_file(storno_home, files, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("STORNO_MASTER_KEY", "11" * 32)
    storno(capsys, "add", TID, "--key-file", files[2])
    assert storno(capsys, "rotate-master")[0] == 2
    new = tmp_path / "new.key"
    code, out, err = storno(capsys, "rotate-master", "--new-key-file", str(new))
    assert code == 0
    assert new.read_text().strip() not in out + err
    with pytest.raises(WrongMaster):
        FileKeyStore(storno_home / "keys.db", bytes([0x11] * 32))
    monkeypatch.setenv("STORNO_MASTER_KEY", new.read_text().strip())
    assert storno(capsys, "check", TID, "--check-value", VALUE)[0] == 0
    assert oct(Path(new).stat().st_mode & 0o777) == "0o600"


def test_rotation_waits_until_the_gateway_is_stopped(storno_home, files, capsys):
    storno(capsys, "add", TID, "--key-file", files[2])
    lock = WriterLock(storno_home / "journal.db")
    try:
        code, _, err = storno(capsys, "rotate-master")
    finally:
        lock.release()
    assert (code, "stop it" in err) == (3, True)
    assert tmk_of(storno_home) == VALUE
