"""The door for orders about exceptions: the running gateway of a home folder, else its journal itself.

The journal has one writer at a time. A gateway that starts or ends in between is met by looking again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from storno.app.build import JOURNAL
from storno.app.orders import running
from storno.gateway.control_wire import (
    SOCKET,
    ControlUnreachable,
    FindingsDone,
    FindingsRefused,
    Refused,
    ask_findings,
)
from storno.journal.base import JournalError
from storno.journal.exception_order import Outcome
from storno.journal.sqlite import SqliteJournal
from storno.recon.exceptions import JournalDoor, record_findings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from storno.journal.exception_order import Order
    from storno.recon.exceptions import Closed, Recorded
    from storno.recon.finding import Finding

TRIES = 5
PAUSE_S = 0.3
LOCK_WAIT_S = 1.0


class HomeDoor:
    """Takes orders about the exceptions of one home folder, beside a gateway or without one."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def take(self, orders: Sequence[Order]) -> Outcome:
        """Carry out a group, durably and whole, or refuse it.

        Raises:
            JournalError: it could not be written. Code `unanswered`: a gateway took it and its answer got lost.

        """
        left = TRIES
        while True:
            if running(self._home) is not None:
                return self._beside(orders)
            try:
                journal = SqliteJournal(self._home / JOURNAL, LOCK_WAIT_S)
            except JournalError as error:
                left -= 1
                if error.code != "busy" or not left:
                    raise
                time.sleep(PAUSE_S)
                continue
            try:
                return JournalDoor(journal).take(orders)
            finally:
                journal.close()

    def _beside(self, orders: Sequence[Order]) -> Outcome:
        try:
            answer = ask_findings(self._home / SOCKET, orders)
        except ControlUnreachable as error:
            raise JournalError(
                "unanswered",
                f"the gateway did not answer ({error}): look before repeating",
                f"网关没有应答（{error}）：重试前请先查看",
            ) from None
        if isinstance(answer, FindingsDone):
            return Outcome(answer.counts)
        if isinstance(answer, FindingsRefused):
            return Outcome(refused=answer.count, refusals=answer.refusals)
        assert isinstance(answer, Refused), f"orders were answered by {type(answer).__name__}"
        if answer.code == "malformed":
            raise JournalError(
                "older",
                "the running gateway is older than this command and does not know exceptions: start it again",
                "正在运行的网关版本较旧，不支持差异处理：请重新启动网关",
            )
        raise JournalError(answer.code, answer.english, answer.chinese)


def record(
    home: Path, findings: Iterable[Finding], closed: Iterable[Closed], now_ms: int, run_id: str
) -> Recorded:
    """Bring the exception queue of a home folder to what a run found (see `recon.exceptions.record_findings`).

    Raises:
        JournalError: it could not be written; groups before are, and the same call again completes it.

    """
    return record_findings(HomeDoor(home), findings, closed, now_ms, run_id)
