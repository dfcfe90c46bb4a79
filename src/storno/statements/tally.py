"""What was read of a file, counted as the file itself may count it; and the running balance of an account statement.

Compared with what the file declares: each difference is a `Total` that is not met. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from storno.statements.block import Block
from storno.statements.line import LineKind, Mark, StatementLine, Total

AWAY_COUNTERS = frozenset({"debits", "refunds", "fees"})
"""Sums of money away: a file writes them without a sign."""
_NO_MONEY = (Mark.DECLINED.value, Mark.UNKNOWN.value)


@dataclass(slots=True)
class Tally:
    """Counts and signed sums of the lines so far."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, line: StatementLine) -> None:
        """Count a line; one that is declined or unknown is a line without money."""
        self._plus("lines", 1)
        if line.mark.value in _NO_MONEY:
            return
        self._plus("amount", line.amount_minor)
        self._plus("fees", line.fee_minor)
        self._plus("net", line.amount_minor + line.fee_minor if line.net_minor is None else line.net_minor)
        way = "credits" if line.amount_minor >= 0 else "debits"
        self._plus(way, line.amount_minor)
        self._plus(f"{way}_count", 1)
        if line.kind in (LineKind.PAYMENT, LineKind.REFUND):
            name = f"{line.kind.value}s"
            self._plus(name, line.amount_minor)
            self._plus(f"{name}_count", 1)

    def take(self, block: Block) -> None:
        """Count the lines of a block."""
        self._plus("lines", block.rows)
        moved = [
            (kind, amount, fee, amount + fee if net is None else net)
            for kind, mark, amount, fee, net in zip(
                block["kind"], block["mark"], block["amount_minor"], block["fee_minor"], block["net_minor"],
                strict=True,
            )
            if mark not in _NO_MONEY
        ]  # fmt: skip
        amounts = [amount for _, amount, _, _ in moved]
        self._plus("amount", sum(amounts))
        self._plus("fees", sum(fee for _, _, fee, _ in moved))
        self._plus("net", sum(net for _, _, _, net in moved))
        self._summed("credit", [amount for amount in amounts if amount >= 0])
        self._summed("debit", [amount for amount in amounts if amount < 0])
        for kind in (LineKind.PAYMENT.value, LineKind.REFUND.value):
            self._summed(kind, [amount for one, amount, _, _ in moved if one == kind])

    def _summed(self, name: str, amounts: list[int]) -> None:
        self._plus(f"{name}s", sum(amounts))
        self._plus(f"{name}s_count", len(amounts))

    def _plus(self, name: str, value: int) -> None:
        self.counts[name] = self.counts.get(name, 0) + value

    def total(self, name: str, declared: int, where: int) -> Total:
        """Compare what the file declares with what was counted; money away is compared as negative."""
        return Total(
            name, -abs(declared) if name in AWAY_COUNTERS else declared, self.counts.get(name, 0), where
        )


@dataclass(slots=True)
class Chain:
    """The running balances of one account, in whichever order the rows stand.

    Oldest first: balance before + amount = balance. Newest first: balance = balance below + the amount above. Rows
    without a balance are added up until the next that has one.
    """

    order: str = "auto"
    currency: str | None = None
    _last: int | None = None
    _last_amount: int = 0
    _between: int = 0
    _first: tuple[int, int] = (0, 0)
    _sum: int = 0
    _where: int = 0

    def add(self, amount: int, balance: int | None, line_no: int) -> Total | None:
        """Take the next row; give a Total where its balance does not follow from its neighbour's."""
        self._sum += amount
        if balance is None:
            self._between += amount
            return None
        last, between, last_amount = self._last, self._between, self._last_amount
        self._last, self._between, self._last_amount, self._where = balance, 0, amount, line_no
        if last is None:
            self._first = (balance, amount)
            self._sum = amount
            return None
        forward, backward = last + between + amount, last - last_amount - between
        if self.order == "auto" and (forward == balance) != (backward == balance):
            self.order = "oldest_first" if forward == balance else "newest_first"
        counted = backward if self.order == "newest_first" else forward
        if counted == balance or (self.order == "auto" and backward == balance):
            return None
        return Total("balance", balance, counted, line_no, self.currency)

    def closing(self) -> Total | None:
        """Compare the last balance with the first and all amounts; None without two balances."""
        if self._last is None:
            return None
        first, amount = self._first
        total = self._sum - self._between
        if self.order == "newest_first":
            # first = balance before the oldest row + every amount; the last row seen is the oldest.
            oldest = self._last - self._last_amount
            return Total("closing_balance", first, oldest + total, self._where, self.currency)
        return Total("closing_balance", self._last, first - amount + total, self._where, self.currency)
