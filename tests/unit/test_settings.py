"""storno.toml: what it may say, what it must not, who wins, and pages that say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storno.app.setting_table import TABLES, settings
from storno.app.settings import NAMES, SettingsError, from_tables, load
from storno.cli.configdoc import FLAGS, default_of, toml
from storno.cli.gateway import gateway
from storno.cli.host import _told as host_told
from storno.cli.host import host
from storno.cli.main import run
from storno.cli.terminal import terminal
from storno.gateway.options import Unkeyed
from storno.gateway.serve import Address
from storno.iso8583.dialects import DIALECTS
from storno.iso8583.profile import MacScope, Profile, Reason, WhenExhausted

ROOT = Path(__file__).resolve().parents[2]
ONE_RUN = {
    "gateway": {"--config", "--home", "--check", "--json"},
    "host": {"--config", "--home", "--json", "--books", "--magic-table"},
    "terminal": {"--config", "--home", "--json"},
}
"""Options that belong to one run: where the file is, what is printed, what is done instead."""


def read(text: str):
    return from_tables(tomllib.loads(text), "storno.toml")


# ------------------------------------------------------------------ what is said


def test_every_setting_is_described_once_and_nothing_else_is():
    described = [(one.table, one.name) for one in settings()]
    assert len(set(described)) == len(described)
    assert set(described) == {(table, name) for table, names in NAMES.items() for name in names}
    assert set(TABLES) == set(NAMES)
    assert all((one.en and one.zh and one.en != one.zh) or one.name == "tpdu" for one in settings())


def test_defaults_are_the_defaults_of_the_parts():
    told = read("")
    assert told.dialect is DIALECTS["cup_pos"]
    assert told.host.dialect is told.terminal.dialect is told.dialect
    assert (str(told.serve.listen), str(told.terminal.host)) == ("127.0.0.1:7000", "127.0.0.1:7000")
    assert str(told.host.listen) == str(told.serve.hosts[0]) == "127.0.0.1:7001"
    assert told.test_terminals
    assert told.host_tls is None


def test_dialect_and_profile_hold_for_all_three():
    told = read('[gateway]\ndialect = "cups"\n[profile]\nattempts_max = 7\nmac = "cbc_3des/pad2"')
    for spoken in (told.dialect, told.host.dialect, told.terminal.dialect):
        assert spoken.name == "cups"
        assert (spoken.profile.attempts_max, spoken.profile.mac) == (7, "cbc_3des/pad2")
        assert spoken.profile.mac_scope is MacScope.LINK


def test_a_part_may_speak_another_dialect_with_the_same_profile_entries():
    told = read('[host]\ndialect = "iso87_ascii"\n[profile]\nattempts_max = 7')
    assert (told.dialect.name, told.host.dialect.name, told.terminal.dialect.name) == (
        "cup_pos", "iso87_ascii", "cup_pos",
    )  # fmt: skip
    assert told.host.dialect.profile.attempts_max == 7
    assert told.host.dialect.profile.mac == "none"


def test_host_and_terminal_find_the_gateway_of_the_same_file():
    told = read('[gateway]\nlisten = "0.0.0.0:7100"\nhosts = ["127.0.0.1:7200", "192.0.2.1:7201"]')
    assert told.terminal.host == Address("127.0.0.1", 7100)
    assert told.host.listen == Address("127.0.0.1", 7200)
    assert not told.test_terminals
    assert read('[gateway]\nhosts = ["192.0.2.1:7201"]').host.listen == Address("127.0.0.1", 7001)
    assert read('[gateway]\nlisten = "[::]:7100"').terminal.host == Address("::1", 7100)


def test_values_of_every_kind_arrive():
    told = read("""
        [gateway]
        unkeyed = "forward"
        utc_offset_min = -300
        links_per_host = 2
        idle_s = 60
        host_tpdu = "6000990000"
        [profile]
        approved = ["00"]
        partial = []
        when_exhausted = "block"
        reason_field = 0
        reversal_copies = [3, 4, 11]
        reason_codes = { timeout = "06" }
        [host]
        faults = ["answer_lost=0.1"]
        seed = 42
        magic = false
        [terminal]
        tid = "12345678"
        answer_ms = 5000
        [host_tls]
        authority = "/etc/ca.pem"
    """)
    assert told.node.unkeyed is Unkeyed.FORWARD
    assert told.node.utc_offset_min == -300
    assert (told.serve.links_per_host, told.serve.idle_s) == (2, 60.0)
    profile = told.dialect.profile
    assert profile.when_exhausted is WhenExhausted.BLOCK
    assert profile.reason_field is None
    assert profile.reversal_copies == (3, 4, 11)
    assert profile.reason_code(Reason.TIMEOUT) == "06"
    assert profile.reason_code(Reason.MAC_ERROR) == "A0"
    assert (told.host.faults, told.host.seed, told.host.magic) == (("answer_lost=0.1",), 42, False)
    assert (told.terminal.tid, told.terminal.answer_ms) == ("12345678", 5000)
    assert told.host_tls is not None
    assert told.host_tls.authority == "/etc/ca.pem"


# ------------------------------------------------------------------ what is refused

REFUSED = {
    "[gatway]": ("gatway", "'gateway'"),
    "[gateway]\nlisten_to = 'x'": ("[gateway]", "listen_to"),
    "[profile]\nanswer_timeout = 5": ("[profile]", "'answer_timeout_ms'"),
    "[host]\nfault = []": ("[host]", "'faults'"),
    "[terminal]\ntdi = '1'": ("[terminal]", "'tid'"),
    "[tls]\ncert = 'x'": ("[tls]", "certificate"),
    "[profile.reason_codes]\ntime_out = '98'": ("[profile] reason_codes", "'timeout'"),
    "host = 7": ("host", "[host]"),
    "[gateway]\nlisten = 7000": ("[gateway] listen", "text"),
    "[gateway]\nlisten = 'localhost'": ("[gateway] listen", "HOST:PORT"),
    "[gateway]\nlisten = ':7000'": ("[gateway] listen", "HOST:PORT"),
    "[gateway]\nlisten = 'x:65536'": ("[gateway] listen", "HOST:PORT"),
    "[gateway]\nhosts = []": ("[gateway] hosts", "HOST:PORT"),
    "[gateway]\nhosts = 'x:1'": ("[gateway] hosts", "HOST:PORT"),
    "[gateway]\nhosts = ['x:0']": ("[gateway] hosts", "HOST:PORT"),
    "[gateway]\ndialect = 'klingon'": ("[gateway] dialect", "cups"),
    "[gateway]\nunkeyed = 'accept'": ("[gateway] unkeyed", "refuse, forward"),
    "[gateway]\nsign_on = 1": ("[gateway] sign_on", "true, false"),
    "[gateway]\nin_flight_max = 0": ("[gateway] in_flight_max", "from 1 to"),
    "[gateway]\nin_flight_max = true": ("[gateway] in_flight_max", "true cannot"),
    "[gateway]\nin_flight_max = 1.5": ("[gateway] in_flight_max", "whole number"),
    "[gateway]\nutc_offset_min = 900": ("[gateway] utc_offset_min", "-840 to 840"),
    "[gateway]\nidle_s = nan": ("[gateway] idle_s", "number from"),
    "[gateway]\nlink_tid = '1'": ("[gateway] link_tid", "8 ASCII"),
    "[gateway]\nhost_tpdu = '60'": ("[gateway] host_tpdu", "10 digits"),
    "[gateway]\ndialect = 'cups'\nhost_tpdu = '6000990000'": ("host_tpdu", "no TPDU"),
    "[gateway]\nhost_header = 'ABCD'": ("host_header", "12 hex"),
    "[profile]\nmac = 'rot13'": ("[profile] mac", "cup_ecb"),
    "[profile]\napproved = []": ("[profile] approved", "list of codes"),
    "[profile]\napproved = ['0']": ("[profile] approved", "2 digits or capitals"),
    "[profile]\nreason_field = 61": ("[profile] reason_field", "0, 39, 60"),
    "[profile]\nreason_field = 60": ("reason_codes timeout", "4 digits"),
    "[profile]\nreversal_mti = '0800'": ("[profile] reversal_mti", "0400, 0420"),
    "[profile]\nreversal_copies = [1]": ("[profile] reversal_copies", "2 to 128"),
    "[profile]\nreversal_icc_tags = ['9F1']": ("[profile] reversal_icc_tags", "hex"),
    "[profile]\nattempts_max = 0": ("[profile] attempts_max", "from 1"),
    "[profile]\napproved = ['00', '10', '91']": ("91", "doubtful"),
    "[profile]\napproved = ['00']": ("partial", "10"),
    "[profile]\nreversal_retry = ['25']": ("25", "reversal_accepted"),
    "[profile]\nreason_codes = { timeout = 98 }": ("reason_codes timeout", "text"),
    "[host]\nseed = -1": ("[host] seed", "from 0"),
    "[host]\nunknown_reversal = '12'": ("[host] unknown_reversal", "25, 00"),
    "[host]\nscript = ''": ("[host] script", "path"),
    "[terminal]\nsign_in_code = '002'": ("[terminal] sign_in_code", "001, 003"),
    "[terminal]\ncurrency = 'CNY'": ("[terminal] currency", "156"),
    "[terminal]\nheader = '60'": ("[terminal] header", "12 hex"),
    "[terminal]\ntls = 'yes'": ("[terminal] tls", "true, false"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_used_is_refused_by_file_table_and_name_in_both_languages(text):
    with pytest.raises(SettingsError) as caught:
        read(text)
    for word in ("storno.toml", *REFUSED[text]):
        assert word in caught.value.en
    assert "storno.toml" in caught.value.zh
    assert re.search(r"[一-鿿]", caught.value.zh)


@given(
    table=st.sampled_from([table for table in TABLES if table != "gateway"]),
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
        st.lists(st.one_of(st.integers(), st.text(max_size=4), st.lists(st.none())), max_size=3),
        st.dictionaries(st.text(max_size=8), st.integers(), max_size=2),
    ),
    data=st.data(),
)  # fmt: skip
def test_any_value_is_taken_or_refused_by_name(table, value, data):
    name = data.draw(st.sampled_from(NAMES[table]))
    told: Exception | None = None
    try:
        from_tables({table: {name: value}}, "f")
    except SettingsError as error:
        told = error
    assert told is None or name in told.en or "[profile]" in told.en


# ------------------------------------------------------------------ where it comes from


def test_the_file_named_wins_over_the_environment_and_that_over_the_home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    assert load(None, home).source == "defaults"
    for number, place in enumerate((home / "storno.toml", tmp_path / "env.toml", tmp_path / "named.toml"), 1):
        place.write_text(f"[profile]\nattempts_max = {number}\n")
    assert load(None, home).dialect.profile.attempts_max == 1
    monkeypatch.setenv("STORNO_CONFIG", str(tmp_path / "env.toml"))
    assert load(None, home).dialect.profile.attempts_max == 2
    assert load(tmp_path / "named.toml", home).dialect.profile.attempts_max == 3


def test_files_that_are_none(tmp_path, monkeypatch):
    for text, words in ((b"[gateway", "not TOML"), (b"\xff\xfe", "not TOML")):
        (tmp_path / "bad.toml").write_bytes(text)
        with pytest.raises(SettingsError, match=words):
            load(tmp_path / "bad.toml", tmp_path)
    with pytest.raises(SettingsError, match="does not exist"):
        load(tmp_path / "none.toml", tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, tmp_path)
    monkeypatch.setenv("STORNO_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(SettingsError, match="does not exist"):
        load(None, tmp_path)


def test_paths_start_from_the_folder_of_the_file(tmp_path):
    file = tmp_path / "storno.toml"
    file.write_text(
        '[tls]\ncertificate = "a.pem"\n[host]\nscript = "/b.toml"\n[terminal]\ntmk_file = "keys/c"\n'
    )
    told = load(file, tmp_path / "home")
    assert told.tls.certificate == str(tmp_path / "a.pem")
    assert told.host.script == "/b.toml"
    assert told.terminal.tmk_file == str(tmp_path / "keys" / "c")


def test_the_gateways_options_win_and_test_keys_follow_the_address(tmp_path):
    told = load(None, tmp_path, listen="0.0.0.0:1", hosts=("h:2", "[::1]:3"))
    assert told.serve.listen == Address("0.0.0.0", 1)
    assert told.serve.hosts == (Address("h", 2), Address("::1", 3))
    assert not told.test_terminals
    with pytest.raises(SettingsError, match="--listen"):
        load(None, tmp_path, listen="nowhere")
    with pytest.raises(SettingsError, match="--host"):
        load(None, tmp_path, hosts=("nowhere",))


def test_a_dialect_of_the_command_line_holds_everywhere(tmp_path):
    file = tmp_path / "storno.toml"
    file.write_text('[host]\ndialect = "cups"\n[profile]\nattempts_max = 3\n')
    told = load(file, tmp_path, dialect="iso87_ascii")
    assert {told.dialect.name, told.host.dialect.name, told.terminal.dialect.name} == {"iso87_ascii"}
    assert told.host.dialect.profile.attempts_max == 3


# ------------------------------------------------------------------ the commands


def options(command: click.Command) -> set[str]:
    found = {one.opts[0] for one in command.params if isinstance(one, click.Option)}
    return {name for name in found if name != "--help"}


@pytest.mark.parametrize(("name", "command"), [("gateway", gateway), ("host", host), ("terminal", terminal)])
def test_every_option_has_a_setting_of_the_same_meaning(name, command):
    if isinstance(command, click.Group):
        found = set.intersection(*(options(one) for one in command.commands.values()))
    else:
        found = options(command)
    assert found == set(FLAGS[name]) | ONE_RUN[name]
    described = {(one.table, one.name) for one in settings()}
    for target in FLAGS[name].values():
        table, _, names = target.partition(" ")
        assert all((table.strip("[]"), each) in described for each in names.split(", "))


def parsed(command: click.Command, words: list[str]) -> dict:
    return command.make_context("storno", words).params


def test_the_hosts_options_win_one_by_one(tmp_path):
    file = tmp_path / "storno.toml"
    file.write_text("""
        [host]
        listen = "127.0.0.1:1"
        faults = ["late=1:5"]
        magic = false
        tombstones = false
        memory_only = true
        quiet = true
        seed = 1
        unknown_reversal = "00"
    """)
    base = ["--config", str(file), "--home", str(tmp_path)]
    told = host_told(parsed(host, base))
    assert (told.listen.port, told.faults, told.magic, told.tombstones, told.seed) == (
        1,
        ("late=1:5",),
        False,
        False,
        1,
    )
    assert told.memory_only
    assert told.unknown_reversal == "00"
    words = [
        "--listen",
        "[::1]:2",
        "--fault",
        "decline=1:51",
        "--magic",
        "--tombstones",
        "--no-memory-only",
        "--no-quiet",
        "--seed",
        "2",
    ]
    told = host_told(parsed(host, [*base, *words, "--unknown-reversal", "25", "--dialect", "cups"]))
    assert (told.listen, told.faults, told.magic, told.tombstones) == (
        Address("::1", 2),
        ("decline=1:51",),
        True,
        True,
    )
    assert (told.memory_only, told.quiet, told.seed, told.unknown_reversal) == (False, False, 2, "25")
    assert told.dialect.name == "cups"


def test_the_terminals_settings_and_options(tmp_path, capsys):
    (tmp_path / "storno.toml").write_text(
        '[terminal]\ntid = "T0000007"\nhost = "127.0.0.1:1"\nconnect_ms = 200\n'
    )
    assert run(["terminal", "status", "--home", str(tmp_path), "--json"]) == 0
    assert '"T0000007"' in capsys.readouterr().out
    assert run(["terminal", "status", "--home", str(tmp_path), "--json", "--tid", "T0000008"]) == 0
    assert '"T0000008"' in capsys.readouterr().out
    assert run(["terminal", "sale", "--amount", "1", "--home", str(tmp_path)]) == 4
    assert run(["terminal", "sale", "--amount", "1", "--home", str(tmp_path), "--dialect", "cups"]) == 2
    assert "cup_pos" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["gateway", "--check"], ["host", "--memory-only"], ["terminal", "status"]])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_command_refuses_a_misspelt_file(words, lang, tmp_path, capsys):
    file = tmp_path / "storno.toml"
    file.write_text("[profile]\nanswer_timeout = 5\n")
    assert run([*words, "--config", str(file), "--home", str(tmp_path), "--lang", lang]) == 2
    told = capsys.readouterr().err
    assert all(word in told for word in (str(file), "[profile]", "answer_timeout_ms"))


# ------------------------------------------------------------------ the pages


def blocks(name: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```", (ROOT / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)


PAGES = ["README.md", "README.zh-CN.md", "docs/configuration.md", "docs/configuration.zh-CN.md"]


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_tells_to_write_can_be_used(name):
    found = blocks(name)
    assert found
    for text in found:
        read(text)


def test_both_languages_show_the_same_settings():
    for one, other in zip(PAGES[::2], PAGES[1::2], strict=True):
        assert [tomllib.loads(text) for text in blocks(one)] == [
            tomllib.loads(text) for text in blocks(other)
        ]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--lang", "en"], "docs/configuration.md"),
        (["--lang", "zh"], "docs/configuration.zh-CN.md"),
        (["--lang", "en", "--example"], "examples/storno.toml"),
    ],
)
def test_the_pages_are_what_the_code_says(words, name):
    told = subprocess.run(
        [sys.executable, "-m", "storno.cli.configdoc", *words], capture_output=True, encoding="utf-8", check=True,
    ).stdout  # fmt: skip
    assert (ROOT / name).read_text("utf-8") == told, "run `make docs`"


def test_the_example_uncommented_is_the_defaults():
    text = (ROOT / "examples/storno.toml").read_text("utf-8")
    whole = re.sub(r"^# (\w+ = |\[)", r"\1", text, flags=re.MULTILINE)
    told, plain = read(whole), read("")
    assert read(text) == plain
    assert sum(len(table) for table in tomllib.loads(whole).values()) == len(settings())
    assert (told.node, told.serve, told.dialect) == (plain.node, plain.serve, plain.dialect)
    profile_says = tomllib.loads(whole)["profile"]
    for one in fields(Profile):
        assert (
            tomllib.loads(f"x = {toml(getattr(plain.dialect.profile, one.name))}")["x"]
            == profile_says[one.name]
        )


def test_each_default_can_be_written_down_and_read_back():
    plain = from_tables({}, "x")
    for one in settings():
        value = default_of(plain, one)
        if value is None or value == "":
            continue
        again = tomllib.loads(f"[{one.table}]\n{one.name} = {toml(value)}")
        assert default_of(from_tables(again, "x"), one) == value
