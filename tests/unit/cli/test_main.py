"""The door of the command line: languages, exit codes, and errors a person can act on."""

import errno
import subprocess
import sys

import click
import pytest

from storno.cli import main as door
from storno.cli.text import Language, UnknownLanguageError, speak, split_language, t
from storno.cli.trouble import ExitCode, Trouble


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


def storno(*argv, **environ):
    return subprocess.run(
        [sys.executable, "-m", "storno", *argv], capture_output=True, encoding="utf-8", check=False,
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), "PYTHONUTF8": "1", **environ},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "environ", "language", "rest"),
    [
        (["explain", "7", "--lang", "zh"], {}, Language.ZH, ["explain", "7"]),
        (["--lang=zh-CN", "ledger"], {"STORNO_LANG": "en"}, Language.ZH, ["ledger"]),
        (["ledger"], {"STORNO_LANG": "zh", "LANG": "en_GB.UTF-8"}, Language.ZH, ["ledger"]),
        (["ledger"], {"LC_ALL": "zh_CN.UTF-8", "LANG": "en_GB.UTF-8"}, Language.ZH, ["ledger"]),
        (["ledger"], {"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, Language.EN, ["ledger"]),
        (["ledger"], {"LANG": "de_DE.UTF-8"}, Language.EN, ["ledger"]),
        (["decode", "--", "--lang", "zh"], {}, Language.EN, ["decode", "--", "--lang", "zh"]),
    ],
)
def test_the_language_is_chosen_by_argument_then_environment(argv, environ, language, rest):
    assert split_language(argv, environ) == (language, rest)


@pytest.mark.parametrize(
    ("argv", "environ"), [(["--lang", "fr"], {}), (["--lang"], {}), ([], {"STORNO_LANG": "xx"})]
)
def test_a_language_we_lack_is_refused(argv, environ):
    with pytest.raises(UnknownLanguageError):
        split_language(argv, environ)


def test_every_command_of_the_table_loads_under_its_own_name():
    group = door.build()
    context = click.Context(group)
    for entry in door.COMMANDS:
        command = group.get_command(context, entry.name)
        assert command is not None
        assert command.name == entry.name


def test_help_lists_every_command_and_exit_code_in_both_languages():
    english, chinese = storno("--help"), storno("--help", "--lang", "zh")
    assert english.returncode == chinese.returncode == ExitCode.DONE
    for entry in door.COMMANDS:
        assert entry.en in english.stdout
        assert entry.zh in chinese.stdout
    for code in ExitCode:
        assert f"{code.value} " in english.stdout
    assert "用法" in chinese.stdout
    assert "显示本帮助并退出" in chinese.stdout


def test_help_loads_no_command():
    code = (
        "import sys; from storno.cli.main import run; run(['--help']); "
        "slow = {'storno.cli.demo', 'apsw', 'rich', 'cryptography', 'asyncio'}; "
        "sys.exit(bool(slow & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_no_argument_shows_the_help():
    bare = storno()
    assert bare.returncode == ExitCode.DONE
    assert "storno demo" in bare.stdout


def test_an_unknown_command_says_what_where_and_what_to_do():
    answer = storno("nonsense")
    assert answer.returncode == ExitCode.BAD_INPUT
    assert answer.stderr.splitlines() == [
        "error: No such command 'nonsense'.", "where: storno", "to do: see storno --help",
    ]  # fmt: skip


def test_an_unknown_language_is_bad_input():
    assert storno("--lang", "fr").returncode == ExitCode.BAD_INPUT


class Group(click.Group):
    def __init__(self, body):
        super().__init__("storno")
        self.add_command(click.Command("go", callback=body))


@pytest.fixture
def going(monkeypatch):
    def run(body, argv=("go",)):
        monkeypatch.setattr(door, "build", lambda: Group(body))
        return door.run(list(argv))

    return run


def raising(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (
            Trouble("bad length", where="F35, byte 4", todo="send at most 37"),
            ExitCode.BAD_INPUT,
            "where: F35, byte 4",
        ),
        (Trouble("books differ", code=ExitCode.DISAGREES), ExitCode.DISAGREES, "error: books differ"),
        (OSError(errno.EADDRINUSE, "in use"), ExitCode.OUTSIDE, "choose another port"),
        (OSError(errno.ENOSPC, "full", "j.db"), ExitCode.OUTSIDE, "where: j.db"),
        (click.BadParameter("not a number"), ExitCode.BAD_INPUT, "not a number"),
        (click.Abort(), ExitCode.INTERRUPTED, "stopped"),
        (KeyError("6222020000000000006"), ExitCode.OUR_FAULT, "a fault in Storno: KeyError"),
        (AssertionError("broken"), ExitCode.OUR_FAULT, "STORNO_DEBUG=1"),
    ],
)
def test_an_error_becomes_a_sentence_and_a_code(going, capsys, error, code, said):
    assert going(raising(error)) == code
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert "6222020000000000006" not in told


def test_debug_shows_the_traceback(going, capsys, monkeypatch):
    monkeypatch.setenv("STORNO_DEBUG", "1")
    assert going(raising(ValueError("deep inside"))) == ExitCode.OUR_FAULT
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_no_fault(going):
    assert going(raising(KeyboardInterrupt())) == ExitCode.INTERRUPTED


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (ExitCode.DISAGREES, 1), (0, 0)])
def test_a_command_returns_its_exit_code(going, returned, code):
    assert going(lambda: returned) == code


def test_trouble_is_told_in_the_chosen_language():
    speak(Language.ZH)
    assert Trouble("x", where="y", todo="z").lines() == ["错误：x", "位置：y", "处理：z"]
    assert t("yes", "是") == "是"
