"""Facts as rows: how a fact, a record and a posting are written down, and read back.

Rows are plain tuples of text and integers, so that they cross a process border cheaply and any SQL tool can read them.
The hash chain covers the fact rows. No clear card data can get in: records do not have any.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.postings import Position
from storno.reversal.record import NO_DETAIL, Detail, Fact, Opening, Record, Told, Trigger

OPENED = "opened"

FactRow: TypeAlias = tuple[str, int, str, str, str]
"""tx_id, at_ms, input, state, body (compact JSON)."""
TxRow: TypeAlias = tuple[Any, ...]
"""Values in the order of TX_COLUMNS."""
PostingRow: TypeAlias = tuple[str, str, str, tuple[tuple[str, int], ...]]
"""key, tx_id, currency, entries (account, amount_minor)."""
Change: TypeAlias = tuple[FactRow, TxRow, PostingRow | None, bytes | None]
"""One step, committed whole. The last member: None leaves the sealed card, b"" forgets it, anything else stores it."""

FORGET_CARD = b""

TX_COLUMNS = (
    "tx_id", "tid", "mid", "batch", "stan", "date", "kind", "state", "pending", "amount_minor", "approved_minor",
    "currency", "position", "case_kind", "told", "response", "rrn", "auth_code", "trigger", "reason", "attempts",
    "due_ms", "original", "pan_masked", "pan_token", "tombstone", "opened_ms", "updated_ms",
)  # fmt: skip

_WORDS: dict[Enum | None, Any] = {
    None: None,
    **{word: word.value for words in (State, Input, Kind, Position, Told, Trigger, Case) for word in words},
}
"""What each word is written as; a look-up here costs a fifth of `.value`, and a step writes a dozen."""
_PENDING = frozenset({State.AUTHORIZING, State.ADVISING, State.REVERSING})
GENESIS = bytes(32)


def _encoder() -> Callable[[Any], str]:
    """Give a compact JSON encoder; `JSONEncoder.encode` makes its inner one anew for each call, which costs as much."""
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    parts = make(None, plain.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
    return lambda body: "".join(parts(body, 0))


_ENCODE = _encoder()


@dataclass(frozen=True, slots=True)
class Stored:
    """A fact row as the journal holds it: its sequence number (from 1) and its link in the hash chain."""

    seq: int
    row: FactRow
    digest: bytes


def tx_row(record: Record) -> TxRow:
    """Give the queryable row of a record."""
    opening = record.opening
    key = opening.key
    return (
        record.tx_id, key.tid, key.mid, key.batch, key.stan, opening.date, _WORDS[opening.kind], _WORDS[record.state],
        1 if record.state in _PENDING else 0, opening.amount_minor, record.approved_minor, opening.currency,
        _WORDS[record.position], _WORDS[record.case], _WORDS[record.told], record.response,
        record.rrn, record.auth_code, _WORDS[record.trigger], record.reason,
        record.attempts, record.due_ms, opening.original, opening.pan_masked, opening.pan_token,
        1 if opening.tombstone else 0, record.opened_ms, record.updated_ms,
    )  # fmt: skip


def fact_row(fact: Fact) -> FactRow:
    """Write a fact as a row."""
    body: dict[str, Any] = {}
    if fact.opening is not None:
        body["opening"] = _opening_body(fact.opening)
    if fact.detail is not NO_DETAIL:
        detail = _detail_body(fact.detail)
        if detail:
            body["detail"] = detail
    text = _ENCODE(body) if body else "{}"
    return (
        fact.tx_id,
        fact.at_ms,
        _WORDS[fact.input] or OPENED,
        _WORDS[fact.state],
        text,
    )


def read_fact(row: FactRow) -> Fact:
    """Read a fact back from its row."""
    tx_id, at_ms, what, state, text = row
    body = json.loads(text)
    opening = _read_opening(body["opening"]) if "opening" in body else None
    detail = _read_detail(body["detail"]) if "detail" in body else NO_DETAIL
    return Fact(tx_id, at_ms, None if what == OPENED else Input(what), State(state), opening, detail)


def link(previous: bytes, row: FactRow) -> bytes:
    """Give the digest of a row in the chain: SHA-256 over the digest before it and the row's text."""
    tx_id, at_ms, what, state, body = row
    return hashlib.sha256(previous + f"{tx_id}\n{at_ms}\n{what}\n{state}\n{body}".encode()).digest()


def _opening_body(opening: Opening) -> dict[str, Any]:
    body: dict[str, Any] = {
        "key": list(opening.key), "kind": _WORDS[opening.kind], "state": _WORDS[opening.first_state],
        "amount": opening.amount_minor, "currency": opening.currency, "dialect": opening.dialect, "date": opening.date,
        "pan": opening.pan_masked, "token": opening.pan_token, "print": opening.fingerprint,
        "fields": dict(opening.fields),
    }  # fmt: skip
    if opening.original:
        body["original"] = opening.original
    if opening.hold_minor:
        body["hold"] = opening.hold_minor
    if opening.tombstone:
        body["tombstone"] = True
    if opening.trigger is not None:
        body["trigger"] = opening.trigger.value
    if opening.reason:
        body["reason"] = opening.reason
    return body


def _read_opening(body: dict[str, Any]) -> Opening:
    return Opening(
        key=TxKey(*body["key"]),
        kind=Kind(body["kind"]),
        first_state=State(body["state"]),
        amount_minor=body["amount"],
        currency=body["currency"],
        dialect=body["dialect"],
        date=body["date"],
        pan_masked=body["pan"],
        pan_token=body["token"],
        fingerprint=body["print"],
        original=body.get("original", ""),
        hold_minor=body.get("hold", 0),
        fields=tuple((int(number), text) for number, text in body["fields"].items()),
        tombstone=body.get("tombstone", False),
        trigger=Trigger(body["trigger"]) if "trigger" in body else None,
        reason=body.get("reason", ""),
    )


_PLAIN = ("code", "rrn", "auth_code", "reason", "due_ms", "deadline_ms", "operator", "note")


def _detail_body(detail: Detail) -> dict[str, Any]:
    body: dict[str, Any] = {name: value for name in _PLAIN if (value := getattr(detail, name))}
    if detail.amount_minor is not None:
        body["amount"] = detail.amount_minor
    if detail.trigger is not None:
        body["trigger"] = detail.trigger.value
    if detail.fields:
        body["fields"] = dict(detail.fields)
    return body


def _read_detail(body: dict[str, Any]) -> Detail:
    return Detail(
        **{name: body[name] for name in _PLAIN if name in body},
        amount_minor=body.get("amount"),
        trigger=Trigger(body["trigger"]) if "trigger" in body else None,
        fields=tuple((int(number), text) for number, text in body.get("fields", {}).items()),
    )
