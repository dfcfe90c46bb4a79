"""Whatever host, line, printer and power do: the money is where the terminal says, and no difference is silent."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from storno.iso8583.profile import WhenExhausted
from storno.terminal.operation import Operation
from storno.terminal.outcome import Outcome
from storno.terminal.request import Order, original_fields
from storno.terminal.setup import Setup
from storno.terminal.state import Numbers, Reversal, SetNumbers
from storno.terminal.steps import Connect, Save, Send
from terminal_rig import CARD, FailingStore, PowerCut, Rig

WORDS = st.sampled_from(
    ["ok", "ok", "ok", "lost", "never", "bad_mac", "garbage", "no39", "wrong_stan", "wrong_amount", "decline:51",
     "bad_mac_decline:55", "late", "after_late", "refuse:96", "refuse:A0"]
)  # fmt: skip
PLANS = st.lists(WORDS, max_size=6)
CUTS = st.one_of(st.just(-1), st.integers(0, 14))
LINES = st.lists(st.booleans(), max_size=4)


class AnyDay(RuleBasedStateMachine):
    """Sales, voids, drains, sign-ins, settlements, with every fault at every place."""

    @initialize(keep_open=st.booleans(), block=st.booleans(), stan=st.sampled_from([0, 999_990]))
    def open_shop(self, keep_open, block, stan):
        base = Setup(keep_open=keep_open)
        policy = WhenExhausted.BLOCK if block else WhenExhausted.ALARM
        self.rig = Rig(replace(base, profile=replace(base.profile, when_exhausted=policy)), FailingStore())
        self.rig.store.commit([SetNumbers(Numbers(stan=stan))])
        self.rig.restart()
        assert self.rig.sign_in().outcome is Outcome.APPROVED

    def _do(self, make, plan=(), cut=-1, connects=(), sends=(), disk=()):
        rig = self.rig
        rig.host.plan, rig.cut_before = list(plan), cut
        rig.connects, rig.sends = list(connects), list(sends)
        rig.store.fail_at = {rig.store.commits + at for at in disk}
        rig.now_ms += 1000
        result = None
        with contextlib.suppress(PowerCut):
            result = rig.run(make())
        rig.host.plan, rig.cut_before, rig.connects, rig.sends, rig.completes = [], -1, [], [], True
        rig.store.fail_at = set()
        if result is None:
            rig.restart()
        return result

    @rule(
        amount=st.integers(1, 5000),
        plan=PLANS,
        cut=CUTS,
        connects=LINES,
        sends=LINES,
        prints=st.booleans(),
        disk=st.sets(st.integers(1, 6), max_size=2),
    )
    def sell(self, amount, plan, cut, connects, sends, prints, disk):
        self.rig.completes = prints
        order = Order(Operation.SALE, amount, CARD)
        result = self._do(
            lambda: self.rig.core.transact(order, self.rig.now_ms), plan, cut, connects, sends, disk
        )
        if result is not None and result.outcome is Outcome.NOT_SENT:
            assert (self.rig.setup.tid, result.batch, result.stan) not in self.rig.host.applied
        if result is not None and result.outcome is Outcome.UNKNOWN:
            assert self.rig.core.pending is not None

    @rule(plan=PLANS, cut=CUTS, data=st.data())
    def void(self, plan, cut, data):
        rows = [
            row
            for row in self.rig.store.entries()
            if row.operation is Operation.SALE
            and row.outcome is Outcome.APPROVED
            and not row.undone_by
            and not row.settled
            and row.batch == f"{self.rig.core.numbers.batch:06d}"
        ]
        if not rows:
            return
        row = data.draw(st.sampled_from(rows))
        extra = original_fields(row.batch, row.stan, row.date, row.rrn, row.auth_code)
        order = Order(Operation.VOID, row.approved_minor, CARD, extra, row)
        self._do(lambda: self.rig.core.transact(order, self.rig.now_ms), plan, cut)

    @rule(plan=PLANS, cut=CUTS, connects=LINES)
    def drain(self, plan, cut, connects):
        self._do(lambda: self.rig.core.drain(self.rig.now_ms), plan, cut, connects)

    @rule(cut=CUTS, batch=st.sampled_from(["", "000050", "000051"]))
    def sign_in(self, cut, batch):
        self.rig.host.give_batch = batch
        # Cut off here, the host may have keys the terminal never learnt: the next message earns an A0.
        self._do(lambda: self.rig.core.sign_in(self.rig.now_ms), (), cut)

    @rule(plan=PLANS, cut=CUTS, digit=st.sampled_from("12"))
    def settle(self, plan, cut, digit):
        self.rig.host.balance_digit = digit
        batch = self.rig.core.numbers.batch
        rows = [row for row in self.rig.store.entries(f"{batch:06d}") if not row.settled]
        self._do(lambda: self.rig.core.settle(batch, rows, {}, self.rig.now_ms), plan, cut)

    @rule()
    def restart(self):
        self.rig.restart()

    @invariant()
    def every_difference_is_named(self):
        """Host books = what was told, but for the pending record, the exceptions and the doubtful rows."""
        if not hasattr(self, "rig"):
            return
        store, host = self.rig.store, self.rig.host
        told = {(self.rig.setup.tid, r.batch, r.stan): r for r in store.entries()}
        pending = store.load().pending
        for key, minor in host.in_force().items():
            row = told.get(key)
            assert row is not None, f"the host booked {key} and the terminal has no row"
            if row.outcome is Outcome.APPROVED:
                assert row.approved_minor == minor
                continue
            if row.outcome is Outcome.DOUBTFUL:
                continue
            assert row.outcome is Outcome.UNKNOWN
            waits = pending is not None and (pending.batch, pending.stan) == (row.batch, row.stan)
            aside = any((e.batch, e.stan) == (row.batch, row.stan) for e in store.exceptions())
            assert waits or aside, f"{key} is one-sided and nobody knows"
        for key, row in told.items():
            if row.outcome is Outcome.APPROVED:
                assert key in host.in_force(), f"told approved, not booked: {key}"
            if row.reversal is Reversal.ACCEPTED:
                assert key not in host.in_force()

    @invariant()
    def the_record_left_before_the_bytes(self):
        if not hasattr(self, "rig"):
            return
        kinds = [type(step) for step in self.rig.steps]
        for at, kind in enumerate(kinds):
            if kind is Send:
                assert kinds[at - 1] is Save, "something was sent without being stored first"
                assert Connect in kinds[:at]

    @invariant()
    def memory_is_what_the_store_holds(self):
        if not hasattr(self, "rig"):
            return
        loaded = self.rig.store.load()
        assert (loaded.numbers, loaded.pending) == (self.rig.core.numbers, self.rig.core.pending)


AnyDay.TestCase.settings = settings(max_examples=120, stateful_step_count=20)
TestAnyDay = AnyDay.TestCase
