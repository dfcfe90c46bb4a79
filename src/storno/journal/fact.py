"""Facts as rows: how a fact, a record and a posting are written down, and read back.

Rows are plain tuples of text and integers, so that they cross a process border cheaply and any SQL tool can read them.
The hash chain covers the fact rows. No clear card data can get in: records do not have any.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from storno.reversal.key import TxKey
from storno.reversal.kinds import Kind
from storno.reversal.lifecycle import Case, Input, State
from storno.reversal.postings import Position
from storno.reversal.record import NO_DETAIL, Detail, Fact, Opening, Record, Told, Trigger

OPENED = "opened"

FactRow: TypeAlias = tuple[str, int, str, str, str]
"""tx_id, at_ms, input, state, body (compact JSON)."""
PlainRow: TypeAlias = tuple[str, int, str, str, tuple[Any, ...]]
"""The same with its body as plain values: what a gateway hands over, for the writer's process has time to spell it."""
TxRow: TypeAlias = tuple[Any, ...]
"""Values in the order of TX_COLUMNS."""
PostingRow: TypeAlias = tuple[str, str, str, tuple[tuple[str, int], ...]]
"""key, tx_id, currency, entries (account, amount_minor)."""
Change: TypeAlias = tuple[FactRow | PlainRow, TxRow, PostingRow | None, bytes | None]
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
_STATES = {one.value: one for one in State}
_INPUTS = {one.value: one for one in Input}
_KINDS = {one.value: one for one in Kind}
_TRIGGERS = {one.value: one for one in Trigger}
_NUMBERS = {str(number): number for number in range(1, 129)}
"""Reading goes through these: a word that is not known is then refused by the class itself, with its own error."""
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


class Stored(NamedTuple):
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


def plain_row(fact: Fact) -> PlainRow:
    """Write a fact as a row whose body is still to be spelled (`spelled`): plain values, in the members' order."""
    opening, detail = fact.opening, fact.detail
    return (
        fact.tx_id,
        fact.at_ms,
        _WORDS[fact.input] or OPENED,
        _WORDS[fact.state],
        (
            None if opening is None else _plain_opening(opening),
            None if detail is NO_DETAIL else (*detail[:4], _WORDS[detail.trigger], *detail[5:]),
        ),
    )


def spelled(row: FactRow | PlainRow) -> FactRow:
    """Give a row with its body as text, which is what is stored, linked and read."""
    tx_id, at_ms, what, state, body = row
    if isinstance(body, str):
        return tx_id, at_ms, what, state, body
    opening, detail = body
    members: dict[str, Any] = {}
    if opening is not None:
        members["opening"] = _opening_body(opening)
    if detail is not None:
        told = _detail_body(detail)
        if told:
            members["detail"] = told
    return tx_id, at_ms, what, state, _ENCODE(members) if members else "{}"


def fact_row(fact: Fact) -> FactRow:
    """Write a fact as a row."""
    return spelled(plain_row(fact))


def read_fact(row: FactRow) -> Fact:
    """Read a fact back from its row."""
    tx_id, at_ms, what, state, text = row
    body = json.loads(text) if text != "{}" else {}
    opening = _read_opening(body["opening"]) if "opening" in body else None
    detail = _read_detail(body["detail"]) if "detail" in body else NO_DETAIL
    happened = None if what == OPENED else _INPUTS.get(what) or Input(what)
    return Fact(tx_id, at_ms, happened, _STATES.get(state) or State(state), opening, detail)


def link(previous: bytes, row: FactRow) -> bytes:
    """Give the digest of a row in the chain: SHA-256 over the digest before it and the row's text."""
    tx_id, at_ms, what, state, body = row
    return hashlib.sha256(previous + f"{tx_id}\n{at_ms}\n{what}\n{state}\n{body}".encode()).digest()


def _plain_opening(opening: Opening) -> tuple[Any, ...]:
    key, kind, first_state, *middle, trigger, reason = opening
    return (tuple(key), _WORDS[kind], _WORDS[first_state], *middle, _WORDS[trigger], reason)


def _opening_body(plain: tuple[Any, ...]) -> dict[str, Any]:
    (
        key, kind, first_state, amount_minor, currency, dialect, date, pan_masked, pan_token, fingerprint,
        original, hold_minor, fields, tombstone, trigger, reason,
    ) = plain  # fmt: skip
    body: dict[str, Any] = {
        "key": key, "kind": kind, "state": first_state,
        "amount": amount_minor, "currency": currency, "dialect": dialect, "date": date,
        "pan": pan_masked, "token": pan_token, "print": fingerprint,
        "fields": dict(fields),
    }  # fmt: skip
    if original:
        body["original"] = original
    if hold_minor:
        body["hold"] = hold_minor
    if tombstone:
        body["tombstone"] = True
    if trigger is not None:
        body["trigger"] = trigger
    if reason:
        body["reason"] = reason
    return body


def _read_opening(body: dict[str, Any]) -> Opening:
    get = body.get
    return Opening(  # by place: sixteen names cost as much as the rest
        TxKey(*body["key"]),
        _KINDS.get(body["kind"]) or Kind(body["kind"]),
        _STATES.get(body["state"]) or State(body["state"]),
        body["amount"],
        body["currency"],
        body["dialect"],
        body["date"],
        body["pan"],
        body["token"],
        body["print"],
        get("original", ""),
        get("hold", 0),
        tuple([(_NUMBERS.get(number) or int(number), text) for number, text in body["fields"].items()]),
        get("tombstone", False),
        _read_trigger(body),
        get("reason", ""),
    )


def _detail_body(plain: tuple[Any, ...]) -> dict[str, Any]:
    code, rrn, auth_code, amount_minor, trigger, reason, due_ms, deadline_ms, operator, note, fields = plain
    body: dict[str, Any] = {}  # this order: the text is hashed
    if code:
        body["code"] = code
    if rrn:
        body["rrn"] = rrn
    if auth_code:
        body["auth_code"] = auth_code
    if reason:
        body["reason"] = reason
    if due_ms:
        body["due_ms"] = due_ms
    if deadline_ms:
        body["deadline_ms"] = deadline_ms
    if operator:
        body["operator"] = operator
    if note:
        body["note"] = note
    if amount_minor is not None:
        body["amount"] = amount_minor
    if trigger is not None:
        body["trigger"] = trigger
    if fields:
        body["fields"] = dict(fields)
    return body


def _read_trigger(body: dict[str, Any]) -> Trigger | None:
    word = body.get("trigger")
    return None if word is None else _TRIGGERS.get(word) or Trigger(word)


def _read_detail(body: dict[str, Any]) -> Detail:
    get = body.get
    fields = get("fields")
    return Detail(
        get("code", ""),
        get("rrn", ""),
        get("auth_code", ""),
        get("amount"),
        _read_trigger(body),
        get("reason", ""),
        get("due_ms", 0),
        get("deadline_ms", 0),
        get("operator", ""),
        get("note", ""),
        tuple([(_NUMBERS.get(number) or int(number), text) for number, text in fields.items()])
        if fields
        else (),
    )
