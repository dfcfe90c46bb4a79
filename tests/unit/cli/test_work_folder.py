"""The work folder of a run: gone with it, cleared after a kill, left alone while its run lives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storno.cli.main import run
from storno.cli.work_folder import work_folder

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


@pytest.mark.parametrize("option", ["--from", "--to", "--as-of"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_that_cannot_be_meant_is_refused(storno_home, capsys, option, day):
    storno_home.mkdir()
    assert run(["reconcile", option, day]) == 2
    said = capsys.readouterr().err
    assert option in said
    assert "fault" not in said
