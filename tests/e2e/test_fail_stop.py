"""A broken contract stops the gateway: nothing of the broken step is promised, and the next start recovers."""

from __future__ import annotations

import asyncio

import pytest

from storno.app.build import build_gateway, build_parts
from storno.app.settings import from_tables
from storno.gateway import events as ev
from storno.gateway.serve import NodeBroken

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
