"""Care of the host links: which are up, which one a terminal uses, sign-on and echo.

A terminal keeps to one link while the set of links that are up stays the same, so that its messages stay in order.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from storno.exchange import compose
from storno.gateway import events as ev
from storno.iso8583.message import Message

if TYPE_CHECKING:
    from storno.gateway.node import Node

STAN_MAX = 999_999


class LinkCare:
    """State of each host link."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._up: list[str] = []
        self._heard_ms: dict[str, int] = {}
        self._asked: dict[str, str] = {}
        self._stan = 0
        self._echo_ms: dict[str, int] = {}
        """When each link is next asked; what an earlier connection set is out of date."""

    def any_up(self) -> bool:
        """Say whether anything can be sent."""
        return bool(self._up)

    def names_up(self) -> tuple[str, ...]:
        """List the links that are up."""
        return tuple(self._up)

    def choose(self, tid: str) -> str:
        """Pick the link for a terminal; only to be asked while one is up."""
        if len(self._up) == 1:
            return self._up[0]
        return self._up[zlib.crc32(tid.encode()) % len(self._up)]

    def up(self, now_ms: int, link: str) -> None:
        """Take in a link that was connected: sign on where the network wants it, start listening for silence."""
        if link not in self._up:
            self._up.append(link)
            self._up.sort()
        self._heard_ms[link] = now_ms
        self._node.log("info", "link_up", link=link)
        if self._node.options.sign_on:
            self._ask(link, now_ms, "sign_on")
        if self._node.options.echo_ms:
            self._set_echo(link, now_ms + self._node.options.echo_ms)

    def _set_echo(self, link: str, at_ms: int) -> None:
        self._echo_ms[link] = at_ms
        self._node.timers.set(at_ms, "echo", link)

    def down(self, now_ms: int, link: str) -> None:
        """Take out a link that was lost."""
        if link in self._up:
            self._up.remove(link)
            self._asked.pop(link, None)
            self._node.log("warning", "link_down", link=link)
            self._node.hostside.link_down(link, now_ms)

    def heard(self, link: str, now_ms: int) -> None:
        """Note that the host is alive on a link."""
        self._heard_ms[link] = now_ms

    def timer(self, what: str, link: str, now_ms: int) -> None:
        """Ask a quiet link whether it is there; drop one that does not answer."""
        options = self._node.options
        if link not in self._up:
            return
        if what == "silence":
            if link in self._asked and self._heard_ms[link] + options.echo_timeout_ms <= now_ms:
                self._node.log("warning", "link_silent", link=link)
                self._node.now_do(ev.DropLink(link))
            return
        if now_ms < self._echo_ms[link]:
            return
        quiet_ms = now_ms - self._heard_ms[link]
        if quiet_ms >= options.echo_ms:
            self._ask(link, now_ms, "echo")
            self._set_echo(link, now_ms + options.echo_ms)
        else:
            self._set_echo(link, now_ms + options.echo_ms - quiet_ms)

    def answered(self, link: str, msg: Message) -> bool:
        """Take the answer to our own question; False when it is somebody else's."""
        asked = self._asked.get(link)
        if asked is None or msg.mti[1] != "8" or msg.fields.get(11) != asked:
            return False
        del self._asked[link]
        if msg.fields.get(39, "00") != "00":
            self._node.log("error", "link_refused", link=link, code=msg.fields.get(39, ""))
        return True

    def _ask(self, link: str, now_ms: int, what: str) -> None:
        node = self._node
        self._stan = self._stan % STAN_MAX + 1
        stan = f"{self._stan:06d}"
        fields = {11: stan, 41: node.options.link_tid, 42: node.options.link_mid}
        if node.dialect.framing.tpdu_bytes:
            fields[60] = "00000000301" if what == "echo" else "00000000001"
            msg = Message("0820" if what == "echo" else "0800", fields)
        else:
            fields[70] = "301" if what == "echo" else "001"
            msg = Message(node.profile.network_mti, fields)
        node.envelope.dress(msg)
        self._asked[link] = stan
        frame = compose.header_sized(node.codec.encode(msg), node.dialect.framing)
        node.now_do(ev.SendHost(link, frame))
        node.timers.set(now_ms + node.options.echo_timeout_ms, "silence", link)
