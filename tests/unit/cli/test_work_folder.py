"""The work folder of a run: gone with it, cleared after a kill, left alone while its run lives."""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak
from storno.cli.work_folder import work_folder


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


HOLD = (
    "import sys, time; from pathlib import Path; from storno.cli.work_folder import work_folder\n"
    "with work_folder(Path(sys.argv[1])) as one:\n (one / 'big').touch(); print(one, flush=True); time.sleep(600)"
)


def test_it_goes_with_its_run(tmp_path):
    with work_folder(tmp_path) as one:
        assert one.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_and_what_lives_is_not(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        left = Path(other.stdout.readline().strip())
        with work_folder(tmp_path):
            assert left.is_dir()
        os.kill(other.pid, signal.SIGKILL)
    assert left.is_dir()
    with work_folder(tmp_path) as mine:
        assert [one.name for one in tmp_path.iterdir()] == [mine.name]


def cannot_be_written(monkeypatch, *places):
    """Make folders refuse new ones, as a read-only disk does: the tests may run as root."""
    real = tempfile.mkdtemp

    def make(*, prefix, dir):  # noqa: A002 - its name
        if dir in places:
            raise OSError(errno.EROFS, "Read-only file system", str(dir))
        return real(prefix=prefix, dir=dir)

    monkeypatch.setattr(tempfile, "mkdtemp", make)


def test_beside_a_read_only_home_it_lies_where_the_results_go_else_in_the_temporary_folder(
    tmp_path, monkeypatch
):
    home, out, temporary = (tmp_path / name for name in ("home", "out", "tmp"))
    for one in (home, out, temporary):
        one.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    cannot_be_written(monkeypatch, home)
    with work_folder(home, out) as one:
        assert one.parent == out
    with work_folder(home, tmp_path / "none") as one:
        assert one.parent == temporary
        assert one.name.startswith("storno-")
    cannot_be_written(monkeypatch, home, out, temporary)
    with pytest.raises(OSError, match=f"Read-only.*{home}"), work_folder(home, out):
        pass
    assert [list(one.iterdir()) for one in (home, out, temporary)] == [[], [], []]


def test_in_a_folder_of_everybody_only_our_own_is_cleared(tmp_path, monkeypatch):
    for name in ("reconcile-theirs", "storno-reconcile-left"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
    (tmp_path / "storno-reconcile-link").symlink_to(tmp_path / "reconcile-theirs")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with work_folder(tmp_path / "none") as one:
        left = {name.name for name in tmp_path.iterdir()}
    assert left == {"reconcile-theirs", "storno-reconcile-link", one.name}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("option", ["--from", "--to", "--as-of", "--all-in"])
@pytest.mark.parametrize("day", ["1.2.2026", "2026111", "2026-02-30", "202611010", "二〇二六"])
def test_what_is_no_day_is_refused_in_the_language_of_the_rest(storno_home, capsys, option, day, language):
    storno_home.mkdir()
    assert run(["reconcile", option, day, "--lang", language]) == 2
    said = capsys.readouterr().err
    assert option in said
    assert "2026-11-30" in said
    assert "%Y" not in said
    if language is Language.ZH:
        assert f"{day!r} 不是日期" in said
        assert not re.search("[a-z]{4,}", re.sub(f"storno reconcile|--help|{option}", "", said))


@pytest.mark.parametrize("option", ["--from", "--to", "--as-of"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_meant_is_refused(storno_home, capsys, option, day):
    storno_home.mkdir()
    assert run(["reconcile", option, day]) == 2
    said = capsys.readouterr().err
    assert option in said
    assert "fault" not in said
