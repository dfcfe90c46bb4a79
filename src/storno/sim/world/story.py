"""The story of a world in lines, for the person who has to understand why a promise was broken.

Rule: what happened, in order, with the moment and the transaction; card numbers never get here. Pure: it listens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from storno.gateway import events as ev
from storno.journal.fact import OPENED, Change
from storno.reversal.key import TxKey
from storno.sim.world import words

if TYPE_CHECKING:
    from storno.iso8583.message import Message
    from storno.sim.note import Note
    from storno.sim.world.facts import Stored
    from storno.terminal.outcome import Result

LINES_MAX = 200_000


class Line(NamedTuple):
    """Something that happened. An empty TID concerns everybody."""

    at_ms: int
    tid: str
    stan: str
    en: str
    zh: str


class Story:
    """Everything that happened, so far as there is room."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def about(self, key: TxKey | None) -> Iterator[Line]:
        """Give the lines about one transaction, and those about everybody; all of them without a transaction."""
        for line in self.lines:
            if key is None or not line.tid or (line.tid, line.stan) == (key.tid, key.stan):
                yield line

    def _add(self, at_ms: int, spot: tuple[str, str], en: str, zh: str) -> None:
        if len(self.lines) < LINES_MAX:
            self.lines.append(Line(at_ms, *spot, en, zh))

    def till(self, at_ms: int, key: TxKey, msg: Message) -> None:
        """Tell what a terminal sends."""
        self._add(at_ms, _spot(key), f"terminal sends {_brief(msg)}", f"终端发出 {_brief(msg)}")

    def event(self, at_ms: int, event: ev.Event) -> None:
        """Tell what a gateway learns that is not a message."""
        if isinstance(event, ev.LinkUp | ev.LinkDown):
            up = isinstance(event, ev.LinkUp)
            self._add(
                at_ms, ("", ""), f"host link {event.link} {'up' if up else 'down'}",
                f"主机链路 {event.link} {'连通' if up else '断开'}",
            )  # fmt: skip

    def log(self, at_ms: int, log: ev.Log) -> None:
        """Tell what a gateway tells its operator."""
        facts = dict(log.facts)
        spot = (facts.get("tid", ""), facts.get("stan", ""))
        rest = " ".join(f"{name}={value}" for name, value in log.facts if name not in ("tid", "stan"))
        self._add(at_ms, spot, f"log {log.event} {rest}", f"日志 {log.event} {rest}")

    def fact(self, at_ms: int, stored: Stored, change: Change) -> None:
        """Tell what became durable."""
        what, state = change[0][2], change[0][3]
        case = f", case {stored.case}" if stored.case else ""
        money = " ".join(f"{account}{amount:+d}" for account, amount in change[2][3]) if change[2] else ""
        name = stored.kind.value if what == OPENED else what
        self._add(
            at_ms, _spot(stored.key),
            f"  stored {stored.tx_id}: {name} -> {state}{case} {money}".rstrip(),
            f"  已落盘 {stored.tx_id}：{name} -> {state}{case} {money}".rstrip(),
        )  # fmt: skip

    def send(self, at_ms: int, stored: Stored, command: ev.SendHost) -> None:
        """Tell what leaves for the host."""
        what = ("the reversal", "冲正") if command.reversal else ("the request", "请求")
        self._add(
            at_ms, _spot(stored.key), f"gateway sends {what[0]} over {command.link}",
            f"网关经 {command.link} 发出{what[1]}",
        )  # fmt: skip

    def reply(self, at_ms: int, key: TxKey, msg: Message) -> None:
        """Tell what a terminal is answered."""
        self._add(at_ms, _spot(key), f"gateway answers {_brief(msg)}", f"网关应答 {_brief(msg)}")

    def host(self, at_ms: int, note: Note) -> None:
        """Tell what the host made of a message."""
        self._add(at_ms, (note.tid, note.stan), f"host: {note.line('en')}", f"主机：{note.line('zh')}")

    def result(self, at_ms: int, key: TxKey, result: Result) -> None:
        """Tell what the cashier is told."""
        said = f"{result.operation.value}: {result.outcome.value} ({result.cause.value}) {result.code}"
        self._add(at_ms, _spot(key), f"cashier reads {said}", f"收银员看到 {said}")

    def fault(self, at_ms: int, kind: str, keys: tuple[tuple[str, str], ...]) -> None:
        """Tell a fault; one that names no transaction concerns everybody."""
        for spot in keys or (("", ""),):
            self._add(
                at_ms, spot, f"! fault: {words.fault(kind, 'en')}", f"！故障：{words.fault(kind, 'zh')}"
            )


def _spot(key: TxKey) -> tuple[str, str]:
    return key.tid, key.stan


def _brief(msg: Message) -> str:
    code = msg.fields.get(39)
    amount = msg.fields.get(4, "").lstrip("0")
    return f"{msg.mti} {amount}" + (f" F39={code}" if code else "")
