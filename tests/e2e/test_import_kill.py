"""A real import killed at many moments: afterwards the file is there whole or not at all, and a new import ends it."""

import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq

from statement_rig import Sale, acom
from storno.statements.catalogue import Catalogue
from storno.statements.importing import import_file

LINES = 1_500
SCRIPT = """
import sys
from pathlib import Path
from storno.statements.importing import import_file
print("ready", flush=True)
for one in import_file(Path(sys.argv[1]), Path(sys.argv[2])):
    assert one.stored is not None, one.refused
print("done", flush=True)
"""


def started(path, home):
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path), str(home)], stdout=subprocess.PIPE, env=dict(os.environ)
    )
    assert child.stdout.readline() == b"ready\n"
    return child


def test_a_killed_import_leaves_all_or_nothing(tmp_path):
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(
        b"".join(acom(Sale(stan=f"{n:06d}", rrn=f"{n:012d}")) + b"\n" for n in range(1, LINES + 1))
    )
    home = tmp_path / "whole"
    begun = time.monotonic()
    child = started(path, home)
    child.wait(60)
    child.stdout.close()
    whole_s = time.monotonic() - begun
    outcomes = set()
    for turn in range(8):
        home = tmp_path / f"home{turn}"
        child = started(path, home)
        time.sleep(whole_s * turn / 8)
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
        files = Catalogue(home).files()
        outcomes.add(len(files))
        if files:
            assert pq.read_table(Catalogue(home).path(files[0])).num_rows == LINES
        (after,) = import_file(path, home)
        assert after.already == bool(files)
        assert pq.read_table(Catalogue(home).path(after.stored)).num_rows == LINES
        left = [one for one in (home / "statements").rglob("*") if one.is_file()]
        assert len(left) == 3  # the lock, the lines, the manifest
    assert 0 in outcomes


def test_a_kill_at_each_step_of_the_commit_leaves_all_or_nothing(tmp_path):
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(acom(Sale()) + b"\n" + b"broken\n")
    for step in range(1, 12):
        home = tmp_path / f"home{step}"
        script = f"""
import os, signal, sys
from storno.statements import store
count = 0
real = store.sync
def sync(path):
    global count
    count += 1
    if count == {step}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(path)
store.sync = sync
{SCRIPT}"""
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), str(home)], check=False, capture_output=True, timeout=60
        )
        files = Catalogue(home).files()
        if done.returncode == 0:
            assert step > 1
            assert len(files) == 1
            return
        assert done.returncode == -signal.SIGKILL
        assert not files or (home / files[0].parquet).is_file()
        (after,) = import_file(path, home)
        assert after.already == bool(files)
        assert (home / after.stored.rejects_file).is_file()
    raise AssertionError("the commit has more steps than were tried")
