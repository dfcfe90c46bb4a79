"""A terminal that keeps to no rule: it repeats requests, uses numbers twice, undoes what is undone, and sends junk.

Rule: it is made of bare messages, not of the production terminal, and nothing is promised to it; the books of host and
gateway must agree about it all the same. It sends no MAC, so where MACs are wanted it is refused.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING

from storno.iso8583.errors import DecodeError, FrameError
from storno.iso8583.frames import Frames
from storno.iso8583.message import Message
from storno.sim.cards import CARDS, Role
from storno.sim.world.network import Line

if TYPE_CHECKING:
    from storno.sim.world.gateway_driver import GatewayDriver
    from storno.sim.world.world import World

BATCH = "000777"
TPDU, HEADER = "6000030000", "603100311003"
_PANS = tuple(card.pan for card in CARDS if card.role is Role.NORMAL)
_KEPT = (2, 3, 4, 11, 22, 25, 38, 41, 42, 49, 60, 61)
_TRICKS = {
    "sale": 8, "preauth": 3, "advice": 4, "refund": 2, "void": 4, "preauth_void": 1, "repeat": 5, "again": 3,
    "cancel": 6, "other_amount": 2, "cancel_unseen": 1, "junk": 1,
}  # fmt: skip

_NAMES, _SHARES = tuple(_TRICKS), tuple(accumulate(_TRICKS.values()))


class Rogue:
    """One such terminal."""

    def __init__(self, world: World, gateway: GatewayDriver, tid: str, mid: str) -> None:
        self._world = world
        self._clock = world.clock
        self._rng: Random = world.stream(f"rogue{tid}")
        self._codec = world.codec
        self.gateway = gateway
        self.tid, self.mid = tid, mid
        self.left = world.swarm.orders * 2
        self._stan = 0
        self._line: Line | None = None
        self._frames = Frames(world.dialect.framing)
        self._sent: list[Message] = []
        self._answers: dict[str, Message] = {}

    def open_shop(self) -> None:
        """Begin the day."""
        self._clock.after(int(self._rng.random() * 2_000), self._act)

    def close_shop(self) -> None:
        """Stop."""
        self.left = 0

    def _act(self) -> None:
        if self.left <= 0:
            return
        self.left -= 1
        trick = self._rng.choices(_NAMES, cum_weights=_SHARES)[0]
        frame = self._make(trick)
        if frame:
            self._write(frame)
            if trick == "repeat" or self._rng.random() < 0.1:
                self._clock.after(int(self._rng.random() * 90_000), self._write, frame)
        self._clock.after(20 + int(self._rng.random() * (self._world.swarm.think_ms + 2_000)), self._act)

    # ------------------------------------------------------------------ messages

    def _make(self, trick: str) -> bytes:
        rng = self._rng
        if trick == "junk":
            size = rng.randint(1, 60)
            return size.to_bytes(2, "big") + rng.randbytes(size)
        message = self._message(trick)
        if message is None:
            return b""
        if message.mti[1] != "4" and trick not in ("again", "other_amount"):
            self._sent.append(message)
        return self._codec.frame(self._codec.encode(message))

    def _message(self, trick: str) -> Message | None:
        if trick in ("sale", "repeat"):
            return self._new("0200", "000000", "00", "22")
        if trick == "preauth":
            return self._new("0100", "030000", "06", "10")
        if trick == "cancel_unseen":
            fresh = self._new("0200", "000000", "00", "22")
            return self._cancel(fresh)
        if not self._sent:
            return None
        earlier = self._rng.choice(self._sent)
        if trick == "again":
            return earlier
        if trick == "other_amount":
            return Message(
                earlier.mti, {**earlier.fields, 4: f"{self._rng.randint(1, 9_999):012d}"}, TPDU, HEADER
            )
        if trick == "cancel":
            return self._cancel(earlier)
        return self._about(trick, earlier)

    def _about(self, trick: str, earlier: Message) -> Message | None:
        """Make what is about an approved transaction of its kind; None when there is none."""
        wanted = {"advice": "10", "preauth_void": "10", "void": "22", "refund": "22"}[trick]
        approved = [one for one in self._sent if one.fields[60][:2] == wanted and self._approved(one)]
        if not approved:
            return None
        earlier = self._rng.choice(approved)
        answer = self._answers[earlier.fields[11]]
        amount = int(answer.fields[4])
        pan, code = earlier.fields[2], answer.fields.get(38, "")
        about = f"{BATCH}{earlier.fields[11]}{answer.fields.get(13, '0101')}"
        if trick == "advice":
            return self._new("0220", "000000", "06", "24", amount, {2: pan, 38: code})
        if trick == "preauth_void":
            return self._new("0100", "200000", "06", "11", amount, {2: pan, 38: code})
        if trick == "refund":
            return self._new("0220", "200000", "00", "25", amount, {2: pan, 37: answer.fields.get(37, "")})
        return self._new("0200", "200000", "00", "23", amount, {2: pan, 61: about})

    def _approved(self, message: Message) -> bool:
        answer = self._answers.get(message.fields[11])
        return answer is not None and answer.fields.get(39) in self._world.profile.approved

    def _new(
        self,
        mti: str,
        process: str,
        condition: str,
        kind60: str,
        amount_minor: int = 0,
        more: dict[int, str] | None = None,
    ) -> Message:
        rng = self._rng
        self._stan += 1
        fields = {
            2: rng.choice(_PANS), 3: process, 4: f"{amount_minor or rng.randint(1, 9_999):012d}",
            11: f"{self._stan:06d}", 22: "012", 25: condition, 41: self.tid, 42: self.mid, 49: "156",
            60: f"{kind60}{BATCH}000", **{number: text for number, text in (more or {}).items() if text},
        }  # fmt: skip
        return Message(mti, dict(sorted(fields.items())), TPDU, HEADER)

    def _cancel(self, earlier: Message) -> Message:
        fields = {number: earlier.fields[number] for number in _KEPT if number in earlier.fields}
        fields[39] = "98"
        if self._rng.random() < 0.1:
            fields[4] = f"{int(fields[4]) + 1:012d}"
        return Message("0400", dict(sorted(fields.items())), TPDU, HEADER)

    # ------------------------------------------------------------------ the line

    def _write(self, frame: bytes) -> None:
        if self._line is None:
            self._line = self._world.dial_gateway(self)
            self._frames = Frames(self._world.dialect.framing)
        if self._line is not None and not self._line.send(0, frame):
            self._line = None

    def heard(self, line: Line, data: bytes) -> None:
        """Remember answers; sometimes hang up at once."""
        if line is not self._line:
            return
        try:
            self._frames.receive_data(data)
            while (frame := self._frames.next_frame()) is not None:
                message = self._codec.decode(frame)
                if 11 in message.fields and message.mti[1] in "12":
                    self._answers[message.fields[11]] = message
        except (FrameError, DecodeError):
            line.close(0)
            self._line = None
            return
        if self._rng.random() < 0.1:
            line.close(0)
            self._line = None

    def closed(self, line: Line) -> None:
        """Learn that the line is gone."""
        if line is self._line:
            self._line = None
