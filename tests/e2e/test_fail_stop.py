"""How a gateway ends: a broken contract stops it with nothing promised, an order stops it without a word too many."""

from __future__ import annotations

import asyncio

import pytest

from hardness_rig import CODEC, MAC, TID, make_home, sale
from storno.app.build import build_gateway, build_parts
from storno.app.settings import from_tables
from storno.gateway import events as ev
from storno.gateway.serve import NodeBroken
from storno.iso8583.message import Message

pytestmark = pytest.mark.e2e


def test_a_step_that_breaks_its_contract_stops_the_gateway_and_names_only_the_place(tmp_path, monkeypatch):
    settings = from_tables({"gateway": {"listen": "127.0.0.1:0", "hosts": ["127.0.0.1:1"]}}, "test")
    parts = build_parts(settings, tmp_path)

    async def run() -> str:
        gateway = build_gateway(settings, parts, lambda told: None)
        await gateway.start()

        def broken(now_ms: int, event: ev.Event) -> list[ev.Command]:
            raise AssertionError("6200000000000005 must not be repeated")

        monkeypatch.setattr(parts.node, "step", broken)
        gateway.feed(ev.Tick())
        gateway.feed(ev.Tick())
        with pytest.raises(NodeBroken) as caught:
            await gateway.finished()
        return str(caught.value)

    try:
        text = asyncio.run(run())
    finally:
        parts.close()
    assert parts.node.halted
    assert "AssertionError at broken" in text
    assert "6200000000000005" not in text


def test_what_comes_in_at_the_very_moment_of_a_stop_is_left_to_the_next_start(tmp_path):
    """Found by the crash proof: the step was taken, its journalling met a closed journal, and that was a traceback."""
    make_home(tmp_path, TID)
    listen = {"listen": "127.0.0.1:0", "hosts": ["127.0.0.1:1"], "drain_s": 0}
    settings = from_tables({"gateway": listen}, "test")
    parts = build_parts(settings, tmp_path)
    reversal = Message("0400", sale(1).fields | {39: "98"}, "6000030000", "603100000000")
    complaints: list[object] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
        gateway = build_gateway(settings, parts, lambda told: None)
        await gateway.start()
        gateway.feed(ev.FromTerminal(1, CODEC.seal(reversal, MAC.compute)))
        assert parts.node.busy()
        await gateway.stop()
        gateway.feed(ev.TerminalGone(1))
        await asyncio.sleep(0.05)
        await gateway.finished()

    try:
        asyncio.run(run())
    finally:
        parts.close()
    assert complaints == []
    assert not parts.node.halted
