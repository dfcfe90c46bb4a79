"""Host and gateway as real processes on free ports of this machine, all state in one home folder.

Rule: it starts, waits until a port answers, kills (SIGKILL), stops (SIGTERM) and keeps what the processes print; it
never looks into their files. Every process it started is gone when it is closed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import storno

LOOPBACK = "127.0.0.1"
LOGS = "log"
_POLL_S = 0.02
_READY_S = 30.0
_STOP_S = 15.0

FAULTS = (
    "request_lost=0.03,reset_before_effect=0.008,decline=0.03:51,doubtful=0.006:96,doubtful_posted=0.006:98,"
    "partial_approval=0.02,answer_lost=0.05,late=0.03:3000,duplicate_answer=0.03,wrong_stan=0.02,wrong_amount=0.01,"
    "bad_mac=0.02,partial_frame=0.008,reset_after_approval=0.008,restart_with_memory=0.004,slow_drip=0.02:4,"
    "reversal_lost=0.08,reversal_refused=0.06:96,reversal_answer_lost=0.12,reversal.late=0.04:1500,reversal.bad_mac=0.04"
)
"""The mixture of the demonstration and of the crash proof, in the words of `storno host --fault`."""


class ProcessTrouble(Exception):  # noqa: N818 - it is what happened; the command line turns it into words
    """A process did not come up; `log` is where it said why."""

    def __init__(self, name: str, log: Path, tail: str) -> None:
        super().__init__(f"{name} did not start; {log} ends with: {tail}")
        self.name = name
        self.log = log
        self.tail = tail


@dataclass(frozen=True, slots=True)
class Timing:
    """How impatient the gateway is. Milliseconds; far below a real acquirer's, so that a run is short."""

    answer_ms: int = 2_000
    reversal_ms: int = 1_000
    backoff_first_ms: int = 200
    backoff_max_ms: int = 2_000
    attempts_max: int = 30
    echo_ms: int = 60_000
    """A line to the host that is quiet this long is asked whether it is there; a quarter of it more, and it is cut."""

    @property
    def terminal_ms(self) -> int:
        """Give the terminal's own time-out: it must be above the gateway's."""
        return self.answer_ms + 1_500

    def settings(self, listen: str, host: str) -> str:
        """Write a storno.toml."""
        return (
            "# written by storno demo or the crash proof\n"
            f'[gateway]\nlisten = "{listen}"\nhosts = ["{host}"]\n'
            "reconnect_first_s = 0.1\nreconnect_max_s = 0.5\n"
            f"echo_ms = {self.echo_ms}\necho_timeout_ms = {self.echo_ms // 4}\n\n"
            f"[profile]\nanswer_timeout_ms = {self.answer_ms}\nreversal_timeout_ms = {self.reversal_ms}\n"
            f"backoff_first_ms = {self.backoff_first_ms}\nbackoff_max_ms = {self.backoff_max_ms}\n"
            f"attempts_max = {self.attempts_max}\n"
        )


@dataclass(slots=True)
class Child:
    """One process that can be started again and again; what it prints is kept in files."""

    name: str
    command: list[str]
    out: Path
    err: Path
    env: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def code(self) -> int | None:
        """Give the exit code of the last start; None while it runs."""
        return None if self.process is None else self.process.poll()

    def start(self) -> None:
        """Start it in a process group of its own."""
        assert not self.alive, f"{self.name} runs already"
        self.starts += 1
        out: IO[bytes]
        with self.out.open("ab") as out, self.err.open("ab") as err:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self.env,
                start_new_session=True,
            )

    def kill(self, *, group: bool = False) -> bool:
        """Kill -9 it, or it and everything it started; False when it was gone already."""
        if self.process is None or not self.alive:
            return False
        if group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        return True

    async def stop(self, within_s: float = _STOP_S) -> None:
        """Ask it to stop (SIGTERM); kill it when it does not."""
        if self.process is None or not self.alive:
            return
        self.process.terminate()
        await self.wait(within_s)
        self.kill(group=True)

    async def wait(self, within_s: float) -> bool:
        """Wait until it ends, for a while; say whether it did."""
        for _ in range(int(within_s / _POLL_S)):
            if not self.alive:
                return True
            await asyncio.sleep(_POLL_S)
        return not self.alive

    def children(self) -> tuple[int, ...]:
        """Give the ids of the processes it started, where the system tells (Linux)."""
        if self.process is None:
            return ()
        try:
            text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        except OSError:
            return ()
        return tuple(int(word) for word in text.split())

    def tail(self) -> str:
        """Give the end of what it complained."""
        return self.err.read_text("utf-8", "replace")[-400:].strip() if self.err.exists() else ""


class Supervisor:
    """A host and a gateway under one home folder.

    With `lines`, what calls the gateway or the host is told another port: a relay listens there and passes it on.
    """

    def __init__(
        self,
        home: Path,
        *,
        faults: str = FAULTS,
        seed: int = 0,
        timing: Timing | None = None,
        lines: bool = False,
    ) -> None:
        self.home = home
        self.timing = timing or Timing()
        self.faults = faults
        self.seed = seed
        self.host_port, self.gateway_port, *relays = _free_ports(4 if lines else 2)
        self.host_line_port, self.gateway_line_port = relays or (self.host_port, self.gateway_port)
        self._env = environment(home)
        self.logs = home / LOGS
        self.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.host_notes = self.logs / "host.jsonl"
        listen = f"{LOOPBACK}:{self.gateway_port}"
        self._host_at = f"{LOOPBACK}:{self.host_port}"
        called = f"{LOOPBACK}:{self.host_line_port}"
        (home / "storno.toml").write_text(self.timing.settings(listen, called), "utf-8")
        self.host = self.child("host", self._host_command(faults=True), out=self.host_notes)
        self.gateway_words = ["gateway", "--home", str(home), "--json"]
        self.gateway = self.child("gateway", storno_command(*self.gateway_words))
        self._others: list[Child] = []

    def child(self, name: str, command: list[str], *, out: Path | None = None) -> Child:
        """Describe a process whose output goes to the log folder."""
        return Child(name, command, out or self.logs / f"{name}.out", self.logs / f"{name}.log", self._env)

    def adopt(self, child: Child) -> None:
        """Take care of another process: it is killed with the rest on `close`."""
        self._others.append(child)

    def _host_command(self, *, faults: bool) -> list[str]:
        words = ["--listen", self._host_at, "--home", str(self.home), "--json", "--no-magic"]
        words += ["--seed", str(self.seed + self.host_starts)]
        return storno_command("host", *words, *(("--fault", self.faults) if faults and self.faults else ()))

    @property
    def host_starts(self) -> int:
        """How often the host was started."""
        return self.host.starts if hasattr(self, "host") else 0

    async def start_host(self, *, faults: bool = True) -> None:
        """Start the host and wait until it takes connections. ProcessTrouble."""
        self.host.command = self._host_command(faults=faults)
        self.host.start()
        await self._ready(self.host, self.host_port)

    async def start_gateway(self) -> None:
        """Start the gateway and wait until it has recovered and takes connections. ProcessTrouble."""
        self.gateway.start()
        await self._ready(self.gateway, self.gateway_port)

    async def _ready(self, child: Child, port: int) -> None:
        for _ in range(int(_READY_S / _POLL_S)):
            if not child.alive:
                raise ProcessTrouble(child.name, child.err, child.tail())
            if await _answers(port):
                return
            await asyncio.sleep(_POLL_S)
        raise ProcessTrouble(child.name, child.err, child.tail())

    def faults_of_ours(self) -> tuple[str, ...]:
        """Give the last line of every traceback in the logs: our own mistakes, which no run may hide."""
        found: list[str] = []
        for log in sorted(self.logs.glob("*.log")):
            for block in log.read_text("utf-8", "replace").split("Traceback (most recent call last):")[1:]:
                last = next((line for line in block.splitlines() if line and not line.startswith(" ")), "?")
                found.append(f"{log.name}: {last[:200]}")
        return tuple(dict.fromkeys(found))

    async def stop(self) -> None:
        """Stop gateway and host in order."""
        await self.gateway.stop()
        await self.host.stop()

    def close(self) -> None:
        """Kill whatever still runs."""
        for child in (self.gateway, self.host, *self._others):
            child.kill(group=True)


def environment(home: Path) -> dict[str, str]:
    """Give the environment of our processes: this very package, this home, English logs."""
    package = str(Path(storno.__file__).parents[1])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {name: text for name, text in os.environ.items() if not name.startswith("STORNO_")}
    return {
        **inherited,
        "PYTHONPATH": os.pathsep.join(paths),
        "STORNO_HOME": str(home),
        "STORNO_LANG": "en",
    }


def storno_command(*words: str) -> list[str]:
    """Give the command line of a `storno` command with this very interpreter."""
    return [sys.executable, "-m", "storno", *words]


def _free_ports(count: int) -> list[int]:
    """Ask the system for ports that are free now; all are held until the last is known, so they differ."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True
