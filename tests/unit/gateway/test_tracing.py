"""Spans of a traced node: their stages, what is never in them, and that tracing changes no decision."""

from functools import partial

import pytest

from storno.gateway import events as ev
from storno.gateway.node import Node
from storno.gateway.tracing import REVERSAL, TRANSACTION, Follower, TracedNode
from storno.reversal.lifecycle import State
from unit.gateway import harness
from unit.gateway.harness import MID, PAN


class Kept:
    """A tracer that keeps what it is told."""

    def __init__(self):
        self.spans = []

    def span(self, span):
        self.spans.append(span)

    def of(self, name):
        return [(one, dict(one.attributes)) for one in self.spans if one.name == name]


@pytest.fixture
def kept(monkeypatch):
    tracer = Kept()
    monkeypatch.setattr(harness, "Node", partial(TracedNode, tracer=tracer))
    return tracer


def test_a_sale_is_one_span_with_its_stages(kept, worlds):
    world = worlds(auto=False)
    till = world.till()
    began = world.now
    request = till.send(till.request())
    world.now += 7
    world.flush()  # the intent is durable: only now the request leaves
    world.now += 120
    till.answer(request)
    assert not kept.spans  # the outcome is not durable, the terminal is not told
    world.now += 5
    world.flush()
    [(span, told)] = kept.of(TRANSACTION)
    assert (span.start_ms - began, span.end_ms - began, span.failed) == (0, 132, False)
    assert {
        name: told[name] for name in ("storno.before_sending_ms", "storno.host_ms", "storno.journal_ms")
    } == {
        "storno.before_sending_ms": 7,
        "storno.host_ms": 120,
        "storno.journal_ms": 5,
    }
    assert (told["storno.kind"], told["storno.state"], told["storno.response_code"]) == (
        "sale",
        "approved",
        "00",
    )


def test_what_is_undone_is_a_span_of_its_own(kept, world, till):
    request = till.timed_out()
    world.advance(1_000)
    till.answer(till.reversal(request))
    [(sale, about_sale)] = kept.of(TRANSACTION)
    [(undone, about)] = kept.of(REVERSAL)
    assert (sale.failed, about_sale["storno.state"], about_sale["storno.reason"]) == (
        True,
        "reversing",
        "timeout",
    )
    assert sale.end_ms - sale.start_ms == world.node.profile.answer_timeout_ms
    assert (undone.failed, about["storno.state"], about["storno.reason"], about["storno.sendings"]) == (
        False, "reversed", "timeout", 1,
    )  # fmt: skip
    assert undone.start_ms == sale.end_ms
    assert undone.end_ms - undone.start_ms == 1_000
    assert about["storno.tx_id"] == about_sale["storno.tx_id"]


def test_a_request_that_cannot_leave_has_no_stage_at_the_host(kept, world, till):
    world.jammed.add(harness.LINK)
    till.send(till.request())
    [(span, told)] = kept.of(TRANSACTION)
    assert (span.failed, told["storno.state"]) == (True, "not_sent")


def test_no_span_tells_a_card_a_terminal_or_a_number(kept, world, till):
    for kind in ("sale", "preauth"):
        till.approved(kind)
    till.timed_out()
    world.advance(60_000)
    said = repr(kept.spans)
    assert len(kept.spans) >= 3
    for secret in (PAN, PAN[:6], PAN[-4:], MID, till.tid + "'"):
        assert secret not in said


def a_day(world):
    till = world.till()
    sale = till.approved()
    till.answer(till.send(till.request("void", **till.of(sale))))
    lost = till.timed_out(amount=500)
    till.answer(till.reversal(lost), mac=False)
    world.advance(20_000)
    till.answer(till.reversal(lost))
    till.answer(till.send(till.request()), "51")
    world.link_down()
    till.send(till.request())
    return [row for _, rows in world.journal.records() for _, row in rows]


def test_a_traced_node_decides_as_any_other(kept, worlds, monkeypatch):
    traced = a_day(worlds())
    monkeypatch.setattr(harness, "Node", Node)
    assert traced == a_day(worlds())
    assert len(traced) > 8
    assert {told["storno.state"] for _, told in kept.of(TRANSACTION)} >= {"approved", "declined", "reversing"}


def test_what_begins_beyond_the_bound_is_left_out_and_counted(kept, world, till):
    follower = world.node._follower = Follower(kept, open_max=1)
    first, second = till.send(till.request()), till.send(till.request())
    assert follower.left_out == 1
    till.answer(first)
    till.answer(second)
    assert len(kept.spans) == 1
    till.approved()
    assert len(kept.spans) == 2


def test_a_span_of_a_reversal_that_a_restart_found_begins_with_the_restart_s_news(kept, worlds):
    world = worlds()
    till = world.till()
    till.send(till.request())
    world.now += 5_000
    world.restart()
    assert not kept.of(TRANSACTION)  # it began before this process; nothing is made up
    world.feed(ev.Tick())
    till.answer(world.to_host[-1])
    [(span, told)] = kept.of(REVERSAL)
    assert (told["storno.reason"], told["storno.state"]) == ("recovered", State.REVERSED.value)
    assert span.start_ms == world.now
