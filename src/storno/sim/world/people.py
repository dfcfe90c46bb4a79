"""The acquirer's back office: orders retries during the day, and closes what is open from the clearing in the evening.

Rule: people see the list of exceptions and the host's clearing file, nothing else, and act only through the orders a
gateway takes.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from storno.gateway import events as ev
from storno.journal.fact import TX_COLUMNS, TxRow
from storno.reversal.lifecycle import Input, State
from storno.reversal.postings import Position
from storno.sim.compare import Claim, Comparison
from storno.sim.entry import Identity, Standing

if TYPE_CHECKING:
    from storno.sim.world.gateway_driver import GatewayDriver
    from storno.sim.world.world import World

_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_TID, _MID, _BATCH, _STAN = (_AT[name] for name in ("tid", "mid", "batch", "stan"))
_STUCK = (State.EXHAUSTED.value, State.REFUSED.value)
_DOUBTFUL = (*_STUCK, State.UNKNOWN.value)
NAME = "evening shift"


class BackOffice:
    """The people behind the gateways."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng: Random = world.stream("people")

    def look(self) -> None:
        """Go through the list of exceptions during the day."""
        swarm = self._world.swarm
        for gateway in self._world.gateways:
            for row in gateway.journal.rows(cases_only=True):
                if row[_AT["state"]] in _STUCK and self._rng.random() < swarm.retries:
                    self._order(gateway, row[0], Input.RETRY_ORDERED)
                elif swarm.hasty and row[_AT["state"]] in _DOUBTFUL and self._rng.random() < 0.3:
                    self._adjust(gateway, row)

    def retry_all(self) -> None:
        """Try everything once more that was given up or refused: the lines are good again."""
        for gateway in self._world.gateways:
            for row in gateway.journal.rows(cases_only=True):
                if row[_AT["state"]] in _STUCK and self._rng.random() < 0.5:
                    self._order(gateway, row[0], Input.RETRY_ORDERED)

    def close_the_day(self, comparison: Comparison) -> int:
        """Bring every difference to what the clearing says, and close what is explained; give how many."""
        named = {finding.tx_id for finding in comparison.findings}
        done = 0
        for gateway in self._world.gateways:
            for row in gateway.journal.rows(limit=1_000_000):
                if row[_AT["state"]] in _DOUBTFUL or self._differs(row):
                    done += self._adjust(gateway, row)
                elif row[_AT["case_kind"]] is not None and row[0] not in named:
                    self._order(gateway, row[0], Input.CASE_CLOSED)
        return done

    def _truth(self, row: TxRow) -> Claim:
        """Look the transaction up in the clearing."""
        identity = Identity(row[_TID], row[_MID], row[_BATCH], row[_STAN])
        books = self._world.host.books
        entry = books.entry(identity)
        if entry is None or entry.standing is not Standing.APPROVED or entry.reversed:
            return Claim.GONE
        if entry.kind.undoes and entry.original is not None:
            original = books.entry(entry.original)
            if original is not None and original.reversed:
                return Claim.GONE  # what it gave back was given back already: it moves no money
        return Claim.STANDS

    def _differs(self, row: TxRow) -> bool:
        here = Claim.STANDS if row[_AT["position"]] == Position.EFFECT.value else Claim.GONE
        return self._truth(row) is not here

    def _adjust(self, gateway: GatewayDriver, row: TxRow) -> int:
        charged = self._truth(row) is Claim.STANDS
        return self._order(gateway, row[0], Input.ADJUSTED_CHARGED if charged else Input.ADJUSTED_UNCHARGED)

    def _order(self, gateway: GatewayDriver, tx_id: str, what: Input) -> int:
        if gateway.node is None:
            return 0
        self._world.happened[what.value] += 1
        gateway.feed(ev.Order(tx_id, what, NAME))
        return 1
