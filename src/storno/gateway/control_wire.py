"""What is said over a gateway's control socket: one JSON line asks, one answers.

The values are dataclasses on both sides; JSON exists only between them. A line is bounded, and a peer that says
something else gets a refusal, not a traceback. Reads no journal and decides nothing.
"""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from storno.journal.exception_order import Order, Refusal, order_body, read_order
from storno.reversal.lifecycle import Input

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SOCKET = "gateway.sock"
LINE_MAX = 64 * 1024
ANSWER_S = 40.0
_PATH_MAX = 100
"""A socket's address takes 108 bytes at most; longer paths go through the open folder."""


class ControlUnreachable(Exception):  # noqa: N818 it names what is so
    """No gateway answers at this socket: none runs, or it has just ended."""


@dataclass(frozen=True, slots=True)
class AskStatus:
    """How is the gateway?"""


@dataclass(frozen=True, slots=True)
class AskOrder:
    """An operator's order about one transaction."""

    tx_id: str
    order: Input
    operator: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AskFindings:
    """Orders about exceptions; `more` says that the group goes on in the next line of this connection."""

    orders: tuple[Order, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Doubt:
    """Money that reversals in memory stand for, in minor units of one currency."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """A running gateway in figures; ages are of the oldest, 0 where there is none."""

    pid: int
    incarnation: int
    uptime_ms: int
    terminals: int
    links_up: tuple[str, ...]
    links_wanted: int
    in_flight: int
    reversals_open: int
    oldest_reversal_ms: int
    in_doubt: tuple[Doubt, ...]
    counts: tuple[tuple[str, int], ...]
    draining: bool
    halted: str
    """Why the gateway promises nothing any more; empty while all is well."""


@dataclass(frozen=True, slots=True)
class OrderDone:
    """The order is carried out and durable."""

    tx_id: str
    state: str
    case: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The order, or the request itself, cannot be taken; nothing was changed."""

    code: str
    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class FindingsStaged:
    """A part of a group is kept until its end comes."""

    count: int


@dataclass(frozen=True, slots=True)
class FindingsDone:
    """The group is carried out and durable: how often each move was made, sorted by name."""

    counts: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Self:
        """Make the answer from counts."""
        return cls(tuple(sorted(counts.items())))


@dataclass(frozen=True, slots=True)
class FindingsRefused:
    """Nothing of the group was carried out; the first refusals are told."""

    SHOWN: ClassVar[int] = 100
    count: int
    refusals: tuple[Refusal, ...]


Ask = AskStatus | AskOrder | AskFindings
Answer = GatewayStatus | OrderDone | FindingsStaged | FindingsDone | FindingsRefused | Refused
MALFORMED = Refused("malformed", "not a request this gateway knows", "无法识别的请求")


def write_ask(ask: Ask) -> bytes:
    """Write a request as a line."""
    if isinstance(ask, AskStatus):
        return _line({"ask": "status"})
    if isinstance(ask, AskFindings):
        return _line({"ask": "findings", "more": ask.more, "orders": [order_body(one) for one in ask.orders]})
    body = {"tx_id": ask.tx_id, "input": ask.order.value, "operator": ask.operator, "note": ask.note}
    return _line({"ask": "order", **body})


def read_ask(line: bytes) -> Ask | Refused:
    """Read a request."""
    try:
        body = json.loads(line)
        if body["ask"] == "status":
            return AskStatus()
        if body["ask"] == "findings":
            return AskFindings(tuple(read_order(one) for one in body["orders"]), bool(body["more"]))
        texts = [body["tx_id"], body["operator"], body.get("note", "")]
        if body["ask"] != "order" or not all(isinstance(text, str) for text in texts):
            return MALFORMED
        return AskOrder(texts[0], Input(body["input"]), texts[1], texts[2])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return MALFORMED


_ANSWERS: dict[str, type[Answer]] = {
    "status": GatewayStatus,
    "done": OrderDone,
    "refused": Refused,
    "findings_staged": FindingsStaged,
    "findings_done": FindingsDone,
    "findings_refused": FindingsRefused,
}


def write_answer(answer: Answer) -> bytes:
    """Write an answer as a line."""
    name = next(name for name, kind in _ANSWERS.items() if isinstance(answer, kind))
    return _line({"answer": name, **asdict(answer)})


def read_answer(line: bytes) -> Answer:
    """Read an answer.

    Raises:
        ControlUnreachable: it is none.

    """
    try:
        body = json.loads(line)
        kind = _ANSWERS[body.pop("answer")]
        if kind is GatewayStatus:
            body["in_doubt"] = tuple(Doubt(**one) for one in body["in_doubt"])
            body["counts"] = tuple((name, number) for name, number in body["counts"])
            body["links_up"] = tuple(body["links_up"])
        if kind is FindingsDone:
            body["counts"] = tuple((name, number) for name, number in body["counts"])
        if kind is FindingsRefused:
            body["refusals"] = tuple(Refusal(**one) for one in body["refusals"])
        return kind(**body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ControlUnreachable("what answers there is no gateway of this version") from error


def _line(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def ask(path: Path, what: Ask, timeout_s: float = ANSWER_S) -> Answer:
    """Ask the gateway that listens at a socket; waits for its answer.

    Raises:
        ControlUnreachable: nobody listens there, or no answer comes.

    """
    return _talk(path, [write_ask(what)], timeout_s)


def ask_findings(path: Path, orders: Sequence[Order], timeout_s: float = 2 * ANSWER_S) -> Answer:
    """Give a group of orders about exceptions, in as many lines as it takes; it is taken whole or not at all.

    Raises:
        ControlUnreachable: nobody listens there, or no answer comes.

    """
    return _talk(path, _parts(orders), timeout_s)


def _parts(orders: Sequence[Order]) -> list[bytes]:
    """Cut a group into lines that the other end reads."""
    groups: list[list[Order]] = [[]]
    size = 0
    for order in orders:
        length = len(_line(order_body(order)))
        if size + length > LINE_MAX // 2 and groups[-1]:
            groups.append([])
            size = 0
        groups[-1].append(order)
        size += length
    last = len(groups) - 1
    return [write_ask(AskFindings(tuple(one), more=number < last)) for number, one in enumerate(groups)]


def _talk(path: Path, lines: Sequence[bytes], timeout_s: float) -> Answer:
    """Say lines and hear the answer to each; a refusal ends the talk, the last answer counts."""
    answer: Answer = MALFORMED
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            with short_path(path) as short:
                sock.connect(short)
            for line in lines:
                sock.sendall(line)
                answer = read_answer(_hear(sock))
                if isinstance(answer, Refused):
                    break
        except OSError as error:
            raise ControlUnreachable(error.strerror or type(error).__name__) from error
    return answer


def _hear(sock: socket.socket) -> bytes:
    heard = bytearray()
    while not heard.endswith(b"\n") and len(heard) <= LINE_MAX:
        data = sock.recv(LINE_MAX)
        if not data:
            break
        heard += data
    return bytes(heard)


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give an address for a socket path of any length."""
    if len(os.fsencode(path)) <= _PATH_MAX or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
