"""The terminals: a process that sends sales and measures. `python bench/_load.py PORT --busy 100 --seconds 5`

Closed loop: each terminal sends its next sale when the answer is there. Open loop (`--rate`): sales start at their
time whether or not the earlier ones are answered, and latency counts from that time. One JSON object is the result.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import sys
import time
from collections import deque

import _wire
import uvloop

PREBUILT = 150_000


class Terminal(asyncio.Protocol):
    """One terminal's connection; answers come in the order of its requests."""

    def __init__(self, run: Run, number: int, prebuilt: int, start: int) -> None:
        made = _wire.requests(_wire.tid_of(number), start)
        self._frames = itertools.chain(list(itertools.islice(made, prebuilt)), made)
        self._run = run
        self._busy = run.closed and number <= run.options.busy
        self._since: deque[float] = deque()
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, at: float) -> None:
        self._since.append(at)
        self._transport.write(next(self._frames))

    def data_received(self, data: bytes) -> None:
        data = self._held + data if self._held else data
        now = time.perf_counter()
        at = 0
        while len(data) - at >= 2 and len(data) - at >= (
            size := 2 + int.from_bytes(data[at : at + 2], "big")
        ):
            self._run.answered(now, self._since.popleft(), data[at : at + size])
            at += size
            if self._busy and now < self._run.end:
                self.send(now)
        self._held = data[at:]

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.lost += 1


class Run:
    """What was measured between `begin` and `end`; what comes before is warming up."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.closed = not options.rate
        self.begin = self.end = 0.0
        self.latencies: list[float] = []
        self.late: list[float] = []
        self.codes: dict[str, int] = {}
        self.lost = 0

    def answered(self, now: float, since: float, frame: bytes) -> None:
        approved = b"00" if b"13579000" in frame else b""  # F38 and F39 stand side by side
        if not approved:
            code = _wire.CODEC.decode(frame[2:]).fields.get(39, "?")
            self.codes[code] = self.codes.get(code, 0) + 1
        elif self.begin <= now <= self.end:
            self.latencies.append(now - since)

    async def go(self) -> dict[str, object]:
        options = self.options
        loop = asyncio.get_running_loop()
        count = options.busy + options.idle
        made = [
            Terminal(self, n, PREBUILT // options.busy if n <= options.busy else 4, options.start)
            for n in range(1, count + 1)
        ]
        for at in range(0, count, 50):
            await asyncio.gather(
                *(
                    loop.create_connection(lambda t=t: t, "127.0.0.1", options.port)
                    for t in made[at : at + 50]
                )
            )
        gc.collect()
        gc.freeze()
        self.begin = time.perf_counter() + options.warm
        self.end = self.begin + options.seconds
        busy, idle = made[: options.busy], made[options.busy :]
        tasks = [loop.create_task(self._now_and_then(idle))] if idle else []
        if self.closed:
            for terminal in busy:
                terminal.send(time.perf_counter())
        else:
            tasks.append(loop.create_task(self._at_rate(busy)))
        await asyncio.sleep(options.warm)
        print("warm", flush=True)
        await asyncio.sleep(self.end - time.perf_counter())
        print("end", flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0.5)
        return self.result()

    async def _at_rate(self, terminals: list[Terminal]) -> None:
        step = 1 / self.options.rate
        due = time.perf_counter()
        for terminal in itertools.cycle(terminals):
            while (wait := due - time.perf_counter()) > 0:  # noqa: ASYNC110 it waits for a time, not for an event
                await asyncio.sleep(wait)
            terminal.send(due)
            due += step
            if due > self.end:
                return

    async def _now_and_then(self, terminals: list[Terminal]) -> None:
        """An idle terminal sends about once in ten seconds: idle-ish."""
        for terminal in itertools.cycle(terminals):
            terminal.send(time.perf_counter())
            await asyncio.sleep(10 / len(terminals))

    def result(self) -> dict[str, object]:
        sorted_ms = sorted(one * 1000 for one in self.latencies)

        def at(share: float) -> float:
            return (
                round(sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))], 2)
                if sorted_ms
                else 0.0
            )

        return {
            "tx_per_s": round(len(sorted_ms) / self.options.seconds),
            "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1), "n": len(sorted_ms),
            "other_codes": self.codes, "lost": self.lost,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--busy", type=int, default=100)
    parser.add_argument("--idle", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0, help="sales per second; 0 is the closed loop")
    parser.add_argument("--warm", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--start", type=int, default=1, help="first STAN")
    json.dump(uvloop.run(Run(parser.parse_args()).go()), sys.stdout)
    print(flush=True)


if __name__ == "__main__":
    main()
