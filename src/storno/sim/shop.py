"""One shop at work: a terminal with its memory on disk, a cashier with intentions, and sometimes a power cut.

Rule: everything goes through the terminal library's public door; what the display said is noted outside the terminal's
own log, so that a checker can compare the two. A power cut breaks an order off wherever it is and starts from the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from storno.sim.supervisor import LOOPBACK
from storno.sim.three_books import slip_file, terminal_file
from storno.sim.workload import Intent, Order, Workload, order_of
from storno.terminal.client import Options, OrderError, TerminalClient
from storno.terminal.file_store import FileStore
from storno.terminal.link import Address
from storno.terminal.operation import Operation
from storno.terminal.outcome import Cause, Outcome, Result
from storno.terminal.setup import Setup

if TYPE_CHECKING:
    from pathlib import Path

_SIGN_IN_CODES = frozenset({"77", "99", "A0"})
_RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Post:
    """Where a shop stands: its folder, its numbers, its gateway, its seed and its pace."""

    home: Path
    tid: str
    mid: str
    port: int
    seed: int
    answer_ms: int
    pause_s: float = 0.4
    """The longest pause between two orders."""


@dataclass(slots=True)
class Face:
    """What there is to see of a shop: the order under way, the last result, how many there were."""

    busy: Order | None = None
    last: Result | None = None
    cut: bool = False
    """The power is off at this moment, or was cut during the last order."""
    orders: int = 0
    told: dict[str, int] = field(default_factory=dict)


class Shop:
    """One terminal with its cashier."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.face = Face()
        self._work = Workload(post.seed, post.tid)
        self._stopping = False
        self._fails = False
        self._order: asyncio.Task[Result] | None = None
        self._cut = False
        self._sign_in_first = True
        self._settle_first = False
        self._open()

    def _open(self) -> None:
        post = self.post
        setup = Setup(tid=post.tid, mid=post.mid, answer_ms=post.answer_ms, reversal_ms=post.answer_ms)
        address = Address(LOOPBACK, post.port, connect_ms=2_000)
        self._store = FileStore(terminal_file(post.home, post.tid))
        self._client = TerminalClient(Options(setup, address, self._printer_failed), self._store)
        slips = slip_file(post.home, post.tid)
        slips.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._slips = slips.open("a", encoding="utf-8")

    def _printer_failed(self, _result: Result) -> bool:
        failed, self._fails = self._fails, False
        return failed

    @property
    def pending(self) -> bool:
        """Say whether the terminal still has a reversal of its own to send."""
        return self._client.core.pending is not None

    async def run(self) -> None:
        """Work until told to stop."""
        while not self._stopping:
            intent = self._work.next()
            await asyncio.sleep(intent.pause * self.post.pause_s)
            if not self._stopping:
                await self._serve(intent)

    def stop(self) -> None:
        """Finish the order under way and take no other."""
        self._stopping = True

    def cut_power(self) -> bool:
        """Switch the terminal off in the middle of whatever it does; False when it was idle."""
        self._cut = self._order is not None and self._order.cancel()
        return self._cut

    async def drain(self) -> bool:
        """Clear a pending reversal under fresh keys; True when nothing is pending any more."""
        await self._client.sign_in()
        await self._client.drain()
        return not self.pending

    async def close(self) -> None:
        """Hang up and let go of the files."""
        await self._client.close()
        self._store.close()
        self._slips.close()

    async def _serve(self, intent: Intent) -> None:
        if self._sign_in_first or not self._client.core.signed_in:
            signed = await self._client.sign_in()
            if signed.outcome is not Outcome.APPROVED:
                self.face.last = signed
                await asyncio.sleep(_RETRY_S)
                return
            self._sign_in_first = False
        if self._settle_first:
            intent = intent._replace(operation=Operation.SETTLE)
        order = order_of(intent, self._store.entries())
        self._fails = intent.fails_after
        self.face.busy = order
        self._order = asyncio.ensure_future(self._perform(order))
        try:
            result = await self._order
        except asyncio.CancelledError:
            if not self._cut:
                raise
            await self._power_back()
            return
        except OrderError:
            return
        finally:
            self._order = None
            self.face.busy = None
        self._told(result)
        if result.outcome is Outcome.NOT_SENT:
            await asyncio.sleep(_RETRY_S)

    async def _power_back(self) -> None:
        self._cut = False
        self.face.cut = True
        with contextlib.suppress(Exception):
            await self._client.close()
        self._store.close()
        self._slips.close()
        self._open()

    def _told(self, result: Result) -> None:
        if result.operation.moves_money:
            self._slips.write(json.dumps([result.batch, result.stan, result.outcome.value]) + "\n")
            self._slips.flush()
        self.face.orders += 1
        self.face.cut = False
        self.face.last = result
        self.face.told[result.outcome.value] = self.face.told.get(result.outcome.value, 0) + 1
        self._settle_first = result.cause is Cause.SETTLING
        if result.code in _SIGN_IN_CODES or result.cause in (Cause.NOT_SIGNED_IN, Cause.BAD_KEYS):
            self._sign_in_first = True

    async def _perform(self, order: Order) -> Result:
        client, original, card = self._client, order.original, order.card
        if original is None:
            if order.operation is Operation.BALANCE:
                return await client.balance(card)
            if order.operation is Operation.SETTLE:
                return await client.settle()
            if order.operation is Operation.PREAUTH:
                return await client.preauth(order.amount_minor, card)
            return await client.sale(order.amount_minor, card)
        date = original.date
        match order.operation:
            case Operation.VOID:
                return await client.void(original.stan, card)
            case Operation.COMPLETION_VOID:
                return await client.completion_void(original.stan, card)
            case Operation.PREAUTH_VOID:
                return await client.preauth_void(original.auth_code, date, order.amount_minor, card)
            case Operation.COMPLETION:
                return await client.completion(original.auth_code, date, order.amount_minor, card)
            case _:
                return await client.refund(original.rrn, date, order.amount_minor, card)
