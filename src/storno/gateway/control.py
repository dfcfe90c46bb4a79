"""The operator's hand on a gateway: a Unix socket in the home folder, and the same orders without a gateway.

An order is checked against the life cycle, fed to the node like any other event, and answered only when its fact is
durable. Without a running gateway a node with no links takes it by the same code. Nothing here decides about money.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from storno.diagnosis import orders
from storno.gateway import events as ev
from storno.gateway.control_wire import (
    ANSWER_S,
    LINE_MAX,
    Answer,
    AskFindings,
    AskOrder,
    AskStatus,
    Doubt,
    GatewayStatus,
    OrderDone,
    Refused,
    read_ask,
    short_path,
    write_answer,
)
from storno.gateway.findings_desk import FindingsDesk
from storno.iso8583.mask import scrub
from storno.reversal.lifecycle import Input, State
from storno.reversal.postings import Position

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storno.gateway.node import Node
    from storno.gateway.serve import Gateway, Writer
    from storno.journal.exception_order import Order

CONNECTIONS_MAX = 16
LINE_S = 10.0
OPERATOR_MAX = 64
NOTE_MAX = 500
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ .\-]+(?=\d)")


def check(node: Node, asked: AskOrder) -> Refused | None:
    """Say why an order cannot be taken; None when it can."""
    unsound = _unsound(asked)
    if unsound is not None:
        return unsound
    if node.halted:
        return Refused("halted", f"the gateway has stopped: {node.halted}", f"网关已停止：{node.halted}")
    record = node.registry.get(asked.tx_id)
    if record is None:
        named = repr(scrub(asked.tx_id))  # people paste card numbers where an id belongs
        return Refused("unknown", f"there is no transaction {named}", f"没有交易 {named}")
    if asked.order not in orders.allowed(record):
        return Refused(
            "not_allowed",
            orders.refusal(record, asked.order, "en"),
            orders.refusal(record, asked.order, "zh"),
        )
    if asked.order is Input.RETRY_ORDERED and node.number_taken(record):
        return Refused(
            "number_taken",
            "the terminal has used this number again: a reversal now could undo the newer one; settle the case",
            "该流水号已被终端再次使用：此时重发冲正可能误冲新交易；请改为核定该差错",
        )
    return None


def _unsound(asked: AskOrder) -> Refused | None:
    operator, note = asked.operator.strip(), asked.note.strip()
    if not operator or len(operator) > OPERATOR_MAX or not operator.isprintable():
        return Refused(
            "operator",
            f"an order needs the operator's name, 1 to {OPERATOR_MAX} printable characters",
            f"须注明操作员，1 至 {OPERATOR_MAX} 个可见字符",
        )
    if not note and asked.order is not Input.RETRY_ORDERED:
        return Refused("note", "an order needs a note: what is it based on?", "须附说明：依据是什么？")
    if len(note) > NOTE_MAX or not note.isprintable():
        return Refused(
            "note",
            f"a note is one line of at most {NOTE_MAX} printable characters",
            f"说明须为一行，最多 {NOTE_MAX} 个可见字符",
        )
    joined = _BETWEEN_DIGITS.sub("", f"{operator} {note}")
    if scrub(joined) != joined:
        return Refused(
            "card",
            "the note holds a card number: write the first six and last four digits only",
            "说明中含有完整卡号：请只写前六位和后四位",
        )
    return None


def _event(asked: AskOrder) -> ev.Order:
    return ev.Order(asked.tx_id, asked.order, asked.operator.strip(), asked.note.strip())


def _done(node: Node, tx_id: str) -> OrderDone:
    record = node.registry.get(tx_id)
    if record is None:
        raise AssertionError(f"{tx_id} was ordered and is not there")
    return OrderDone(tx_id, record.state.value, "" if record.case is None else record.case.value)


# -------------------------------------------------------------------- without a gateway
def order_directly(
    node: Node, writer: Writer, asked: AskOrder, now_ms: int, wait_s: float = ANSWER_S
) -> Answer:
    """Give an order to a node that has no links, and wait until it is durable.

    Args:
        node: over the journal, not recovered: what is open is the next gateway's to take up.
        writer: the journal's only writer.
        asked: the order.
        now_ms: milliseconds since 1970, UTC.
        wait_s: how long the medium may take.

    """
    refused = check(node, asked)
    if refused is not None:
        return refused
    node.step(now_ms, _event(asked))
    batch = node.take_batch(now_ms)
    if batch is None:
        raise AssertionError("an order that fits gave no fact")
    writer.submit(*batch)
    while True:
        wanting = [writer.fileno()] if writer.wants_write else []
        readable, writable, _ = select.select([writer.fileno()], wanting, [], wait_s)
        if not readable and not writable:
            return _lost(f"no answer from the journal within {wait_s:g} s")
        if writable:
            writer.flush()
        for report in writer.receive() if readable else ():
            failed = getattr(report, "text", None)
            if failed is not None:
                return _lost(failed)
            if getattr(report, "token", 0) >= batch[0]:
                node.step(now_ms, ev.Durable(batch[0]))
                return _done(node, asked.tx_id)


def _lost(why: str) -> Refused:
    return Refused("journal", f"the journal cannot be written: {why}", f"无法写入流水日志：{why}")


# -------------------------------------------------------------------- beside a gateway
class Control:
    """The control socket of a running gateway."""

    def __init__(self, gateway: Gateway, path: Path, incarnation: int = 0) -> None:
        self._gateway = gateway
        self._path = path
        self._incarnation = incarnation
        self._server: asyncio.AbstractServer | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._started_ms = gateway.clock.now_ms()
        self._findings = FindingsDesk(gateway)

    async def start(self) -> None:
        """Listen, for the owner of the home folder only.

        The journal's lock makes this the only gateway of the home: what lies there is a dead one's.
        """
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._path.unlink(missing_ok=True)
            with short_path(self._path) as short:
                sock.bind(short)
            self._path.chmod(0o600)  # before listen: until then nobody can connect
            self._server = await asyncio.start_unix_server(self._serve, sock=sock, limit=LINE_MAX)
        except BaseException:
            sock.close()
            raise

    async def stop(self) -> None:
        """Take no more; what was asked before is answered or cut off."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._path.unlink(missing_ok=True)
        for task in tuple(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._serving) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._serving.add(task)
        staged: list[Order] = []
        try:
            while line := await asyncio.wait_for(reader.readline(), LINE_S):
                writer.write(write_answer(await self._answer(line, staged)))
                await asyncio.wait_for(writer.drain(), LINE_S)
        except (TimeoutError, ValueError, ConnectionError, asyncio.CancelledError):
            pass  # too slow, too long, or gone: the connection is closed, nothing else happens
        finally:
            self._serving.discard(task)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, staged: list[Order]) -> Answer:
        asked = read_ask(line)
        if isinstance(asked, Refused):
            return asked
        if isinstance(asked, AskStatus):
            return self.status()
        if isinstance(asked, AskFindings):
            return await self._findings.take(asked, staged)
        return await self._order(asked)

    async def _order(self, asked: AskOrder) -> Answer:
        gateway = self._gateway
        refused = check(gateway.node, asked)
        if refused is not None:
            return refused
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        gateway.feed(_event(asked))
        gateway.node.after(ev.Call(_once(durable)))
        ended = asyncio.ensure_future(gateway.finished())
        ended.add_done_callback(_look)
        try:
            await asyncio.wait({durable, ended}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if durable.done():
            return _done(gateway.node, asked.tx_id)
        return _lost(gateway.node.halted or f"not durable within {ANSWER_S:g} s")

    def status(self) -> GatewayStatus:
        """Give the gateway in figures."""
        gateway, node = self._gateway, self._gateway.node
        now_ms = gateway.clock.now_ms()
        held = node.registry.held()
        open_ = [record for record in held if record.state is State.REVERSING]
        doubt: dict[str, int] = {}
        for record in held:
            if record.position is Position.SUSPENSE:
                doubt[record.opening.currency] = doubt.get(record.opening.currency, 0) + record.amount_minor
        return GatewayStatus(
            pid=os.getpid(),
            incarnation=self._incarnation,
            uptime_ms=now_ms - self._started_ms,
            terminals=gateway.connections,
            links_up=node.links.names_up(),
            links_wanted=len(gateway.options.hosts) * gateway.options.links_per_host,
            in_flight=len(held) - len(open_),
            reversals_open=len(open_),
            oldest_reversal_ms=max((now_ms - record.opened_ms for record in open_), default=0),
            in_doubt=tuple(Doubt(*one) for one in sorted(doubt.items())),
            counts=tuple(sorted(node.counts.values.items())),
            draining=node.draining,
            halted=node.halted,
        )


def _once(durable: asyncio.Future[None]) -> Callable[[], None]:
    def tell() -> None:
        if not durable.done():
            durable.set_result(None)

    return tell


def _look(ended: asyncio.Future[None]) -> None:
    """Take note of how the gateway ended; whoever runs it reports that."""
    if not ended.cancelled():
        ended.exception()
