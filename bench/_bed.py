"""A bed for one run: host, what is measured, and load generator as processes of their own, and what they cost.

Processor time is read from the kernel between the load generator's marks, so that a busy machine blurs the clock
figures but not these.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import _wire

HERE = Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")
VARIANTS = ("relay", "unjournalled", "durable")
CONFIG = """[gateway]
listen = "127.0.0.1:{port}"
hosts = ["127.0.0.1:{host}"]
test_terminals = false
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_s(pid: int) -> float:
    """Processor seconds of a process so far."""
    spent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / TICKS


def machine_busy_s() -> float:
    """Processor seconds of everything on this machine so far, all cores together."""
    spent = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(spent[:3]) + sum(spent[5:8])) / TICKS


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_open(port: int, process: subprocess.Popen, timeout_s: float = 60.0) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"{process.args} did not open its port: exit {process.poll()}")


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Bed:
    """One variant with its host, ready to be loaded once or more often; `python` may be put before each command."""

    variant: str
    terminals: int
    host_delay_ms: float = 0.0
    command: list[str] = field(default_factory=lambda: [sys.executable])

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="storno-bench-")))
        self.port, host_port = free_port(), free_port()
        self._start = 1
        self.host = self._run(
            [sys.executable, str(HERE / "_host.py"), str(host_port), str(self.host_delay_ms)]
        )
        wait_open(host_port, self.host)
        self.gateway = self._run(self._command(host_port))
        wait_open(self.port, self.gateway)
        time.sleep(0.5)
        return self

    def _command(self, host_port: int) -> list[str]:
        if self.variant == "relay":
            return [*self.command, str(HERE / "_relay.py"), str(self.port), str(host_port)]
        home = self.folder / "home"
        _wire.make_home(home, self.terminals)
        (home / "storno.toml").write_text(CONFIG.format(port=self.port, host=host_port))
        program = [str(HERE / "_unjournalled.py")] if self.variant == "unjournalled" else ["-m", "storno"]
        return [*self.command, *program, "gateway", "--home", str(home)]

    def _run(self, command: list[str]) -> subprocess.Popen:
        environ = {**os.environ, "PYTHONPATH": str(HERE.parent / "src"), "STORNO_LANG": "en"}
        log = self._stack.enter_context((self.folder / f"{Path(command[1]).stem}.log").open("ab"))
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
        self._stack.callback(stop, process)
        return process

    def load(self, *, busy: int = 100, idle: int = 0, rate: float = 0.0, seconds: float = 4.0) -> dict:
        """Load it; give the load generator's figures with the processor time each process took."""
        command = [
            sys.executable,
            str(HERE / "_load.py"),
            str(self.port),
            "--busy",
            str(busy),
            "--idle",
            str(idle),
        ]
        command += ["--rate", str(rate), "--seconds", str(seconds), "--start", str(self._start)]
        self._start += 100_000  # numbers that no earlier load of this bed used
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            roles = {"host": [self.host.pid], "gateway": [self.gateway.pid], "load": [process.pid]}
            roles["writer"] = children(self.gateway.pid)
            assert process.stdout is not None
            self._mark(process, "warm")
            before = {role: sum(map(cpu_s, pids)) for role, pids in roles.items()}
            all_before, began = machine_busy_s(), time.perf_counter()
            self._mark(process, "end")
            after = {role: sum(map(cpu_s, pids)) for role, pids in roles.items()}
            others = machine_busy_s() - all_before - sum(after.values()) + sum(before.values())
            others /= time.perf_counter() - began
            figures = json.loads(process.stdout.read())
        done = max(1, figures["n"])
        figures["cpu_us_per_tx"] = {
            role: round((after[role] - before[role]) * 1e6 / done, 1) for role in roles if roles[role]
        }
        figures["others_cores"] = round(max(0.0, others), 2)  # what everything else on the machine took
        figures["rss_mb"] = {
            role: sum(map(rss_mb, roles[role])) for role in ("gateway", "writer") if roles[role]
        }
        return figures

    @staticmethod
    def _mark(process: subprocess.Popen, word: str) -> None:
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if line != word:
            raise SystemExit(f"the load generator said {line!r} instead of {word!r}")

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def keep_log(self, to: Path) -> None:
        """Copy the logs, to look at what went wrong."""
        for one in self.folder.glob("*.log"):
            shutil.copy(one, to)
