"""A short crash proof over spoilt lines and failing disks: the long one is `make crash`."""

import asyncio
import os
import signal
import subprocess
import sys

import apsw
import pytest

from storno.sim import bad_disk
from storno.sim.bad_disk import DiskFault
from storno.sim.compare import Class
from storno.sim.crash import CrashPlan, CrashRun

KILLS, DISKS = 3, 2


def test_nothing_is_lost_doubled_or_silent_over_spoilt_lines_and_failing_disks(tmp_path):
    plan = CrashPlan(
        tmp_path / "home", kills=KILLS, seed=5, workers=2, per_worker=3, up_s=0.8, network=True, disks=DISKS
    )
    plan.home.mkdir()
    report = asyncio.run(CrashRun(plan).run())
    bad = [finding for finding in report.comparison.findings if finding.kind is not Class.NAMED]
    assert (bad, report.comparison.broken, report.left) == ([], (), 0)
    assert sum(report.kills.values()) == KILLS
    assert sum(report.disks.failures.values()) == DISKS
    assert set(report.network) == {"pos", "host"}
    assert sum(report.network["pos"].values()) > 5
    assert report.comparison.originals > 20


WRITES = """
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.execute("PRAGMA journal_mode = WAL").fetchall()
db.execute("CREATE TABLE t (a)")
print("open", flush=True)
for line in sys.stdin:
    try:
        db.execute("INSERT INTO t VALUES (randomblob(5000))")
        print("stored", flush=True)
    except apsw.Error as error:
        print(type(error).__name__, flush=True)
"""


class Storing:
    """A process that stores a row for each line it gets, over the bad disk."""

    def __init__(self, home, limit_bytes=0):
        (home / "storing.py").write_text(WRITES)
        self.file = home / "some.db"
        command = bad_disk.command(home, ["-m", "storing", str(self.file)], limit_bytes)
        paths = os.pathsep.join(filter(None, [str(home), *sys.path]))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
        )
        assert self.process.stdout.readline() == b"open\n"

    def store(self) -> str:
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def end(self) -> int:
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(10)

    def rows(self) -> int:
        db = apsw.Connection(str(self.file))
        try:
            return db.execute("SELECT count(*) FROM t").fetchall()[0][0]
        finally:
            db.close()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (DiskFault.FULL, "FullError"),
        (DiskFault.FULL_PART, "FullError"),
        (DiskFault.WRITE_ERROR, "IOError"),
        (DiskFault.SYNC_ERROR, "IOError"),
    ],
)
def test_a_bad_disk_fails_on_order_and_is_healed(tmp_path, fault, named):
    storing = Storing(tmp_path)
    assert storing.store() == "stored"
    bad_disk.order(tmp_path, fault, 0.4)
    assert storing.store() == named
    bad_disk.heal(tmp_path)
    assert storing.store() == "stored"
    assert storing.end() == 0
    assert storing.rows() >= 2


def test_a_torn_write_kills_the_writer_and_the_rest_stands(tmp_path):
    storing = Storing(tmp_path)
    assert storing.store() == "stored"
    bad_disk.order(tmp_path, DiskFault.TORN, 0.5)
    assert storing.store() == ""
    assert storing.end() == -signal.SIGKILL
    assert storing.rows() == 1


def test_a_file_limit_is_the_kernels_own(tmp_path):
    storing = Storing(tmp_path, limit_bytes=60_000)
    said = [storing.store() for _ in range(20)]
    assert said[0] == "stored"
    assert said[-1] == "IOError"
    assert storing.end() == 0
    assert storing.rows() == said.count("stored")


LEFT_BEHIND = """
import os, pathlib, sys
from storno.journal.sqlite import SqliteJournal
SqliteJournal(pathlib.Path(sys.argv[1])).next_incarnation()
os._exit(9)  # as a kill: what is committed lies in the log, not yet in the file
"""


@pytest.mark.parametrize("left_behind", [False, True])
def test_a_disk_that_is_full_at_the_start_is_a_clear_refusal(tmp_path, left_behind):
    """Found by the crash proof: closing after the failure failed too, and that hid the refusal behind a traceback."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "storno.toml").write_text('[gateway]\nlisten = "127.0.0.1:0"\nhosts = ["127.0.0.1:1"]\n')
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    if left_behind:
        subprocess.run([sys.executable, "-c", LEFT_BEHIND, home / "journal.db"], check=False, env=env)
        assert (home / "journal.db-wal").stat().st_size > 0
    bad_disk.order(home, DiskFault.FULL, 0.0)
    done = subprocess.run(
        bad_disk.command(home, ["gateway", "--home", str(home)]),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=env,
    )
    assert done.returncode == 3
    assert "free disk space or repair the disk" in done.stderr
    assert "Traceback" not in done.stderr
