"""Several shops in a process of their own, to be killed: `python -m storno.sim.worker --home … TID=MID …`.

Rule: it keeps no state but the terminals' own files, so a kill at any moment is a power cut for all of them. SIGTERM
ends the day after the orders under way; with --drain it only clears what is pending.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from pathlib import Path

from storno.sim.shop import Post, Shop

DRAIN_S = 30.0
_AGAIN_S = 0.2


def options(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="storno.sim.worker")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--answer-ms", type=int, required=True)
    parser.add_argument("--pause-s", type=float, default=0.1)
    parser.add_argument("--drain", action="store_true")
    parser.add_argument("terminals", nargs="+", metavar="TID=MID")
    return parser.parse_args(words)


def posts(given: argparse.Namespace) -> list[Post]:
    """Give the posts of the shops."""
    return [
        Post(given.home, tid, mid, given.port, given.seed, _answer_ms(given, tid), given.pause_s)
        for tid, _, mid in (text.partition("=") for text in given.terminals)
    ]


def _answer_ms(given: argparse.Namespace, tid: str) -> int:
    """Make every fourth terminal impatient: it gives up, and sends its 0400, while the gateway still waits."""
    patience: int = given.answer_ms
    return patience if given.drain or int(tid) % 4 else patience // 6


async def work(shops: list[Shop]) -> None:
    """Run all shops until SIGTERM. A shop that breaks ends the process with its traceback."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for shop in shops:
            shop.stop()

    loop.add_signal_handler(signal.SIGTERM, stop)
    async with asyncio.TaskGroup() as group:
        for shop in shops:
            group.create_task(shop.run())
    for shop in shops:
        await shop.close()


async def drain(shops: list[Shop], within_s: float = DRAIN_S) -> int:
    """Clear what is pending; give how many shops still have something pending."""
    deadline = time.monotonic() + within_s
    waiting = list(shops)
    while waiting and time.monotonic() < deadline:
        done = await asyncio.gather(*(shop.drain() for shop in waiting))
        waiting = [shop for shop, clear in zip(waiting, done, strict=True) if not clear]
        if waiting:
            await asyncio.sleep(_AGAIN_S)
    for shop in shops:
        await shop.close()
    return len(waiting)


def main(words: list[str]) -> int:
    """Run; the exit code of a drain says whether something is left."""
    given = options(words)

    async def run() -> int:
        shops = [Shop(post) for post in posts(given)]
        if given.drain:
            return 1 if await drain(shops) else 0
        await work(shops)
        return 0

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
