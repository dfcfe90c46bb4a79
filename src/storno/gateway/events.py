"""What happens to a node, and what it orders.

Plain values without behaviour, so that asyncio and a simulator can drive the same node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.journal.fact import Change
    from storno.reversal.lifecycle import Input


# what happens
class FromTerminal(NamedTuple):
    """A whole frame came from a terminal's connection."""

    conn: int
    frame: bytes


class TerminalGone(NamedTuple):
    """A terminal's connection is closed."""

    conn: int


class FromHost(NamedTuple):
    """A whole frame came over a host link."""

    link: str
    frame: bytes


class LinkUp(NamedTuple):
    """A host link is connected."""

    link: str


class LinkDown(NamedTuple):
    """A host link is lost; no answer can come over it any more."""

    link: str


class Durable(NamedTuple):
    """Everything up to this batch is on the medium."""

    token: int


class Unsent(NamedTuple):
    """A frame for the host did not leave: the link was gone before a byte was written."""

    tx_id: str
    reversal: bool


class Undelivered(NamedTuple):
    """An answer could not be handed to the terminal's connection."""

    tx_id: str


class KeysKept(NamedTuple):
    """A terminal's new working keys are durable."""

    tid: str


class Tick(NamedTuple):
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Order:
    """An operator's order about one transaction."""

    tx_id: str
    input: Input
    operator: str
    note: str = ""


class Exceptions(NamedTuple):
    """Facts of the exception queue are to be made durable with what has gathered; they are decided already."""

    changes: tuple[Change, ...]


Event = (
    FromTerminal
    | TerminalGone
    | FromHost
    | LinkUp
    | LinkDown
    | Durable
    | Unsent
    | Undelivered
    | KeysKept
    | Tick
    | Order
    | Exceptions
)


# what is ordered
class SendTerminal(NamedTuple):
    """Hand a frame to a terminal; if that is impossible and `tx_id` is set, report `Undelivered`."""

    conn: int
    frame: bytes
    tx_id: str = ""


class SendHost(NamedTuple):
    """Hand a frame to a host link; if not a byte can leave and `tx_id` is set, report `Unsent`."""

    link: str
    frame: bytes
    tx_id: str = ""
    reversal: bool = False


class CloseTerminal(NamedTuple):
    """Close a terminal's connection after what was already sent."""

    conn: int


class DropLink(NamedTuple):
    """Close a host link that does not answer; it will be connected anew."""

    link: str


class KeepKeys(NamedTuple):
    """Install a terminal's working keys durably, then carry out `then` and report `KeysKept`."""

    tid: str
    handle: Any
    then: tuple[Command, ...]


class Log(NamedTuple):
    """Something worth telling the operator; never card data."""

    level: str
    event: str
    facts: tuple[tuple[str, str], ...] = ()


class Call(NamedTuple):
    """Tell somebody in this process; ordered with `after`, it means that everything before it is durable."""

    then: Callable[[], None]


Command = SendTerminal | SendHost | CloseTerminal | DropLink | KeepKeys | Log | Call
