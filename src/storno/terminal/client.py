"""The terminal as a library: `await client.sale(1234, card)` over TCP or TLS, with its own durable reversal record.

Rule: it performs the core's steps in their order and decides nothing about money. One order at a time; after a broken
one it starts again from the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from storno.terminal.card import Card
from storno.terminal.link import Address, Link
from storno.terminal.machine import TerminalCore
from storno.terminal.operation import RULES, Operation
from storno.terminal.outcome import Outcome, Result
from storno.terminal.request import Order, original_fields
from storno.terminal.setup import Setup
from storno.terminal.state import Entry
from storno.terminal.steps import Await, Complete, Connect, HangUp, Happened, Reply, Save, Send, Step, Talk
from storno.terminal.store import StoreError, TerminalStore

AMOUNT_MAX_MINOR = 10**12 - 1
Clock = Callable[[], int]


class OrderError(ValueError):
    """An order this terminal refuses before anything is sent; texts in zh and en, without card data."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True, slots=True)
class Options:
    """What a client needs: who it is and where its host is.

    `fail_after_approval` stands for printer and chip: True means that they failed after this approval.
    """

    setup: Setup = field(default_factory=Setup)
    address: Address = field(default_factory=Address)
    fail_after_approval: Callable[[Result], bool] | None = None


def wall_clock() -> int:
    """Give Unix milliseconds."""
    return time.time_ns() // 1_000_000


class TerminalClient:
    """One terminal on a line. Amounts are in minor units; every order gives a Result.

    Raises:
        StoreError: the store cannot be read.
        CryptoError: the stored working keys do not belong to this TMK.

    """

    def __init__(self, options: Options, store: TerminalStore, clock: Clock = wall_clock) -> None:
        self._options = options
        self._store = store
        self._clock = clock
        self._link = Link(options.address, options.setup.dialect.framing)
        self._one = asyncio.Lock()
        self._core = TerminalCore(options.setup, store.load())

    @property
    def core(self) -> TerminalCore:
        """Give the rules' state: counters, pending reversal, signed in or not."""
        return self._core

    async def sign_in(self) -> Result:
        """Fetch working keys."""
        return await self._run(lambda core: core.sign_in(self._clock()))

    async def sign_off(self) -> Result:
        """Clear a pending reversal and say goodbye."""
        return await self._run(lambda core: core.sign_off(self._clock()))

    async def echo(self) -> Result:
        """Test the line."""
        return await self._run(lambda core: core.echo(self._clock()))

    async def drain(self) -> Result:
        """Clear a pending reversal now."""
        return await self._run(lambda core: core.drain(self._clock()))

    async def set_aside(self) -> Result:
        """Move a pending reversal to the visible exceptions: the operator's order, nothing is sent."""
        return await self._run(lambda core: core.set_aside(self._clock()))

    async def balance(self, card: Card) -> Result:
        """Ask for the card's balance."""
        return await self._transact(Order(Operation.BALANCE, 0, card))

    async def sale(self, amount_minor: int, card: Card) -> Result:
        """Sell."""
        return await self._transact(Order(Operation.SALE, _amount(amount_minor), card))

    async def preauth(self, amount_minor: int, card: Card) -> Result:
        """Hold an amount on the card."""
        return await self._transact(Order(Operation.PREAUTH, _amount(amount_minor), card))

    async def preauth_void(self, auth_code: str, date: str, amount_minor: int, card: Card) -> Result:
        """Release a hold, named by its authorisation code and date (MMDD)."""
        return await self._by_code(Operation.PREAUTH_VOID, auth_code, date, amount_minor, card)

    async def completion(self, auth_code: str, date: str, amount_minor: int, card: Card) -> Result:
        """Charge a hold, named by its authorisation code and date (MMDD)."""
        return await self._by_code(Operation.COMPLETION, auth_code, date, amount_minor, card)

    async def void(self, stan: str, card: Card | None = None) -> Result:
        """Undo a sale of the current batch, named by its trace number.

        Raises:
            OrderError: there is no such sale, it is undone already, or the card is another one.

        """
        return await self._undo(Operation.VOID, stan, card)

    async def completion_void(self, stan: str, card: Card | None = None) -> Result:
        """Undo a completion of the current batch, named by its trace number.

        Raises:
            OrderError: as `void`.

        """
        return await self._undo(Operation.COMPLETION_VOID, stan, card)

    async def refund(self, rrn: str, date: str, amount_minor: int, card: Card) -> Result:
        """Give money back for a settled sale, named by its RRN and date (MMDD)."""
        extra = original_fields("", "", _date(date), _exactly(rrn, 12, "RRN"), "")
        return await self._transact(Order(Operation.REFUND, _amount(amount_minor), card, extra))

    async def settle(self) -> Result:
        """Settle every open batch, the oldest first; without any, the current one with zero totals."""
        result: Result | None = None
        for batch in self._store.open_batches() or (f"{self._core.numbers.batch:06d}",):
            rows = tuple(row for row in self._store.entries(batch) if not row.settled)
            cards = {row.stan: self._store.card(batch, row.stan) or "" for row in rows}
            result = await self._run(_settling(int(batch), rows, cards, self._clock))
            if result.outcome is not Outcome.APPROVED:
                break
        assert result is not None, "there is always a batch"
        return result

    async def close(self) -> None:
        """Hang up. The store stays open: it is the caller's."""
        await self._link.hang_up()

    async def _by_code(
        self, operation: Operation, code: str, date: str, amount_minor: int, card: Card
    ) -> Result:
        extra = original_fields("", "", _date(date), "", _exactly(code, 6, "auth code"))
        return await self._transact(
            Order(operation, _amount(amount_minor), card, extra, _held(self._store, code))
        )

    async def _undo(self, operation: Operation, stan: str, card: Card | None) -> Result:
        batch = f"{self._core.numbers.batch:06d}"
        row = _original(self._store.entries(batch), operation, _exactly(stan.zfill(6), 6, "STAN"))
        if card is not None and card.masked != row.card:
            raise OrderError("this is not the card of the original", "与原交易不是同一张卡")
        extra = original_fields(row.batch, row.stan, row.date, row.rrn, row.auth_code)
        pan = "" if card is not None else self._store.card(row.batch, row.stan) or ""
        return await self._transact(Order(operation, row.approved_minor, card, extra, row, pan))

    async def _transact(self, order: Order) -> Result:
        return await self._run(lambda core: core.transact(order, self._clock()))

    async def _run(self, begin: Callable[[TerminalCore], Talk]) -> Result:
        """Perform one conversation to its end."""
        async with self._one:
            talk = begin(self._core)
            whole = False
            try:
                step = next(talk)
                while True:
                    step = talk.send(await self.perform(step))
            except StopIteration as done:
                whole = True
                result: Result = done.value
                return result
            finally:
                if not whole:
                    # Broken off in the middle: only the store knows what holds now.
                    talk.close()
                    await self._link.hang_up()
                    self._core = TerminalCore(self._options.setup, self._store.load())

    async def perform(self, step: Step) -> Reply:
        """Do one step of a conversation. Tests cut the power here."""
        match step:
            case Connect():
                return await self._link.connect()
            case Save(changes):
                try:
                    self._store.commit(changes)
                except StoreError:
                    return Reply(Happened.FAILED)
                return Reply(Happened.DONE)
            case Send(data, timeout_ms):
                return await self._link.send(data, timeout_ms)
            case Await():
                return await self._link.receive()
            case HangUp():
                if not self._options.setup.keep_open:
                    await self._link.hang_up()
                return Reply(Happened.DONE)
            case Complete(result):
                failed = self._options.fail_after_approval
                return Reply(Happened.FAILED if failed is not None and failed(result) else Happened.DONE)


def _settling(
    batch: int, rows: tuple[Entry, ...], cards: dict[str, str], clock: Clock
) -> Callable[[TerminalCore], Talk]:
    return lambda core: core.settle(batch, rows, cards, clock())


def _amount(amount_minor: int) -> int:
    if not 0 < amount_minor <= AMOUNT_MAX_MINOR:
        raise OrderError("an amount is above zero and has at most 12 digits", "金额须大于零且不超过 12 位")
    return amount_minor


def _date(text: str) -> str:
    month, day = text[:2], text[2:]
    if not (
        len(text) == 4 and text.isascii() and text.isdigit() and 1 <= int(month) <= 12 and 1 <= int(day) <= 31
    ):
        raise OrderError("a date is MMDD, for example 0428", "日期格式为 MMDD，例如 0428")
    return text


def _exactly(text: str, size: int, name: str) -> str:
    if len(text) != size or not text.isascii() or not text.isalnum():
        raise OrderError(f"the {name} has {size} letters or digits", f"{name} 应为 {size} 位字母或数字")
    return text


def _held(store: TerminalStore, auth_code: str) -> Entry | None:
    """Find the hold behind an authorisation code, when it was made here and still stands."""
    for row in reversed(store.entries()):
        if row.operation is Operation.PREAUTH and row.auth_code == auth_code and not row.undone_by:
            return row
    return None


def _original(rows: tuple[Entry, ...], operation: Operation, stan: str) -> Entry:
    wanted = RULES[operation].undoes
    for row in reversed(rows):
        if row.stan != stan or row.operation is not wanted or row.settled:
            continue
        if row.outcome not in (Outcome.APPROVED, Outcome.PARTIAL):
            raise OrderError(
                f"trace {stan} was not approved: there is nothing to undo", f"流水 {stan} 未成功，无需撤销"
            )
        if row.undone_by:
            raise OrderError(
                f"trace {stan} was undone already by trace {row.undone_by}",
                f"流水 {stan} 已被流水 {row.undone_by} 撤销",
            )
        return row
    assert wanted is not None, f"{operation} undoes nothing"
    raise OrderError(
        f"no {wanted.title('en')} with trace {stan} in this batch; after settlement use a refund",
        f"本批次没有流水 {stan} 的{wanted.title('zh')}；已结算的请做退货",
    )
