"""Where a running gateway takes orders about exceptions: it holds the journal's only writer, so they go through it.

A group is decided whole against what is durable, one group at a time, and joins the next batch as one piece; a group
with a refusal writes nothing. Long groups are cut so that terminals do not wait. Knows nothing of reconciliation.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from storno.gateway import events as ev
from storno.gateway.control_wire import (
    ANSWER_S,
    Answer,
    AskFindings,
    FindingsDone,
    FindingsRefused,
    FindingsStaged,
    Refused,
)
from storno.journal.base import JournalError
from storno.journal.exception_order import GROUP_MAX, Taker

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.gateway.serve import Gateway
    from storno.journal.exception_order import Order

SLICE = 20
"""Orders decided between two turns of the loop: about a millisecond."""


class FindingsDesk:
    """Takes groups of orders, one after the other."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._lock = asyncio.Lock()
        self._written: asyncio.Future[None] | None = None
        """Done when the group before is durable: until then a look-up does not see it."""

    async def take(self, asked: AskFindings, staged: list[Order]) -> Answer:
        """Take a part of a group; `staged` is what the same connection brought before."""
        staged += asked.orders
        if len(staged) > GROUP_MAX:
            staged.clear()
            return Refused(
                "too_many",
                f"at most {GROUP_MAX} orders in one go: divide the file",
                f"一次最多 {GROUP_MAX} 条：请拆分文件",
            )
        if asked.more:
            return FindingsStaged(len(staged))
        orders = tuple(staged)
        staged.clear()
        async with self._lock:
            return await self._group(orders)

    async def _group(self, orders: tuple[Order, ...]) -> Answer:
        gateway = self._gateway
        if gateway.node.halted:
            why = gateway.node.halted
            return Refused("halted", f"the gateway has stopped: {why}", f"网关已停止：{why}")
        if not await self._through():
            return _late()
        taker = Taker(gateway.node.archive.exception)
        try:
            for at in range(0, len(orders), SLICE):
                taker.take(orders[at : at + SLICE])
                await asyncio.sleep(0)
        except (JournalError, ValueError, TypeError) as error:
            # a row that cannot be read, or does not follow: `journal verify` says which
            why = type(error).__name__
            return Refused("journal", f"the journal cannot be read ({why})", f"流水日志无法读取（{why}）")
        taken = taker.taken
        if taken.refusals:
            return FindingsRefused(len(taken.refusals), tuple(taken.refusals[: FindingsRefused.SHOWN]))
        if not taken.changes:
            return FindingsDone.of(taken.counts)
        self._written = asyncio.get_running_loop().create_future()
        gateway.feed(ev.Exceptions(tuple(taken.changes)))
        gateway.node.after(ev.Call(_once(self._written)))
        return FindingsDone.of(taken.counts) if await self._through() else _late()

    async def _through(self) -> bool:
        """Wait for what was written last; False when the gateway ends or the medium takes too long."""
        if self._written is None or self._written.done():
            return True
        ended = asyncio.ensure_future(self._gateway.finished())
        ended.add_done_callback(_look)
        try:
            await asyncio.wait({self._written, ended}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        return self._written.done()


def _once(written: asyncio.Future[None]) -> Callable[[], None]:
    return lambda: None if written.done() else written.set_result(None)


def _look(ended: asyncio.Future[None]) -> None:
    """Take note of how the gateway ended; whoever runs it reports that."""
    if not ended.cancelled():
        ended.exception()


def _late() -> Refused:
    return Refused(
        "journal",
        "the journal is not through yet: look before repeating",
        "流水日志尚未写完：重试前请先查看",
    )
