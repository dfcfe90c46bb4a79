"""An operator's order, wherever it finds somebody to take it: the running gateway, else the journal itself.

Without a gateway the order goes through a node with no links and no keys: it can journal, it cannot send. Names the
engines, as only this folder does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.app.build import JOURNAL
from storno.gateway.clock import SteadyClock
from storno.gateway.control import order_directly
from storno.gateway.control_wire import SOCKET, AskOrder, AskStatus, ControlUnreachable, GatewayStatus, ask
from storno.gateway.node import Node
from storno.journal.sqlite_reader import SqliteReader
from storno.journal.writer import JournalWriter
from storno.vault import MemoryCardVault, MemoryKeyStore

if TYPE_CHECKING:
    from pathlib import Path

    from storno.app.settings import Settings
    from storno.gateway.control_wire import Answer

STATUS_S = 5.0


def running(home: Path) -> GatewayStatus | None:
    """Ask the gateway of a home folder how it is; None when none runs."""
    try:
        answer = ask(home / SOCKET, AskStatus(), STATUS_S)
    except ControlUnreachable:
        return None
    return answer if isinstance(answer, GatewayStatus) else None


def give(settings: Settings, home: Path, asked: AskOrder) -> tuple[Answer, bool]:
    """Give an order; says too whether a running gateway took it.

    Raises:
        ControlUnreachable: a gateway took the order and its answer got lost; look before repeating.
        JournalError: no gateway answers, and the journal cannot be written from here.

    """
    if running(home) is not None:
        return ask(home / SOCKET, asked), True
    writer = JournalWriter.start(home / JOURNAL)
    try:
        with SqliteReader(home / JOURNAL) as reader:
            node = Node(
                settings.node,
                settings.dialect,
                reader,
                MemoryKeyStore(),
                MemoryCardVault(),
                writer.incarnation,
            )
            return order_directly(node, writer, asked, SteadyClock().now_ms()), False
    finally:
        writer.close()
