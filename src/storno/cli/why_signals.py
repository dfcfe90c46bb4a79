"""What `storno why` asks the journal for: one transaction as signals, neighbours, other attempts, clearing.

Reads only; a signals file adds what the journal cannot know (signal strength, reader, timings). Must not judge.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

from storno.diagnosis.attempts import WITHIN_MS, Attempt
from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import Clearing
from storno.diagnosis.path import replay
from storno.diagnosis.signals import NEAR_MS, Around, Signals
from storno.diagnosis.whereabouts import NOT_SHOWN, Shown, local_condition, whereabouts
from storno.journal.exception_table import TITLES, Standing
from storno.journal.fact import TX_COLUMNS
from storno.reversal.lifecycle import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from storno.diagnosis.path import Path
    from storno.journal.exception_fact import ExceptionRecord
    from storno.journal.fact import TxRow
    from storno.journal.sqlite_reader import SqliteReader

DAY_MS = 24 * 3_600_000
F22 = 22
_AT = {name: place for place, name in enumerate(TX_COLUMNS)}
_UNDONE = frozenset({"reversing", "reversed", "refused", "exhausted"})
_NO_ANSWER_DUE = frozenset({"not_sent", "authorizing", "advising"})
"""Nothing went out, or the answer may still come: silence there is no sign of a fault."""
_BIN = 6

_CLEARING_OF = {
    "approved_not_settled": Clearing.NO_LINE, "booked_not_settled": Clearing.NO_LINE,
    "settled_but_reversed": Clearing.CHARGED, "reversed_twice": Clearing.UNDONE_TWICE,
    "duplicate_settlement": Clearing.CHARGED_TWICE, "amount_mismatch": Clearing.CHARGED,
    "fee_mismatch": Clearing.CHARGED, "partial_settled_in_full": Clearing.CHARGED,
    "wrong_merchant": Clearing.CHARGED, "wrong_terminal": Clearing.CHARGED, "date_shift": Clearing.CHARGED,
    "void_of_reversed": Clearing.CHARGED_AND_UNDONE, "settled_not_booked": Clearing.CHARGED,
}  # fmt: skip
"""What a finding of reconciliation says of the clearing of its transaction."""
_BY_AMOUNT = frozenset({"reversal_unanswered", "reversal_refused", "reversal_exhausted"})


@dataclass(frozen=True, slots=True)
class Asked:
    """All that is known around one transaction."""

    path: Path
    me: Signals
    around: Around
    shown: Shown
    attempt: Attempt
    others: tuple[Attempt, ...]
    found: tuple[ExceptionRecord, ...] = ()
    """What reconciliation found about it, and no file has shown to be gone."""


def gather(
    journal: SqliteReader,
    path: Path,
    found: Sequence[ExceptionRecord],
    more: Callable[[frozenset[str]], Mapping[str, Signals]],
) -> Asked:
    """Bring together what the journal, reconciliation and a signals file (`more`, asked by ids) know of it."""
    record = path.record
    at_ms, tid = record.opened_ms, record.key.tid
    window = journal.opened(at_ms - WITHIN_MS, at_ms + WITHIN_MS + 1)
    day = journal.opened(at_ms - DAY_MS // 2, at_ms + DAY_MS // 2, tid=tid)
    extra = more(frozenset({record.tx_id, *(row[_AT["tx_id"]] for row in (*window, *day))}))
    mine = with_extra(of_path(path), extra.get(record.tx_id))
    near = tuple(seen(row, extra) for row in window if abs(row[_AT["opened_ms"]] - at_ms) <= NEAR_MS)
    others = tuple(
        attempt_of(replay(journal.facts(row[_AT["tx_id"]]))) for row in window if _may_belong(row, path)
    )
    there = tuple(one for one in found if one.standing is not Standing.CLOSED)
    shown = shown_by(there)
    around = Around(tuple(seen(row, extra) for row in day), near)
    return Asked(path, mine, around, shown, attempt_of(path, shown), others, there)


def seen(row: TxRow, extra: Mapping[str, Signals]) -> Signals:
    """Give a neighbour as it was seen."""
    return with_extra(of_row(row), extra.get(row[_AT["tx_id"]]))


def _may_belong(row: TxRow, path: Path) -> bool:
    record, opening = path.record, path.record.opening
    if row[_AT["tx_id"]] == record.tx_id or row[_AT["kind"]] != opening.kind.value:
        return False
    mine = card_of(opening.pan_token, opening.pan_masked)
    return bool(mine) and mine == card_of(row[_AT["pan_token"]], row[_AT["pan_masked"]])


def card_of(token: str, masked: str) -> str:
    """Give what tells cards apart: the token, or the masked number where none is kept."""
    return token or masked


def of_path(path: Path) -> Signals:
    """Give what a transaction's own facts show."""
    record, opening = path.record, path.record.opening
    entry = dict(opening.fields).get(F22)
    undone = any(one.after.state is State.REVERSING for one in path.moments)
    no_answer_due = record.state.value in _NO_ANSWER_DUE
    return Signals(
        tx_id=record.tx_id, at_ms=record.opened_ms, kind=opening.kind.value, amount_minor=opening.amount_minor,
        card=card_of(opening.pan_token, opening.pan_masked) or None, tid=record.key.tid, site=record.key.mid,
        issuer=_issuer(opening.pan_masked), entry_mode=entry, response=None if no_answer_due else record.response,
        reason=record.reason if undone else "", local=local_condition(path) or None,
        original=opening.original,
    )  # fmt: skip


def of_row(row: TxRow) -> Signals:
    """Give what the journal's row of a transaction shows."""
    state = row[_AT["state"]]
    return Signals(
        tx_id=row[_AT["tx_id"]], at_ms=row[_AT["opened_ms"]], kind=row[_AT["kind"]],
        amount_minor=row[_AT["amount_minor"]], card=card_of(row[_AT["pan_token"]], row[_AT["pan_masked"]]) or None,
        tid=row[_AT["tid"]], site=row[_AT["mid"]], issuer=_issuer(row[_AT["pan_masked"]]),
        response=None if state in _NO_ANSWER_DUE else row[_AT["response"]] or "",
        reason=(row[_AT["reason"]] or "") if state in _UNDONE else "",
        local="L01" if state == "not_sent" else None, original=row[_AT["original"]] or "",
    )  # fmt: skip


def _issuer(masked: str) -> str | None:
    """Name the issuer by the first six digits, which a masked number keeps."""
    head = masked[:_BIN]
    return head if len(head) == _BIN and head.isdigit() else None


def with_extra(one: Signals, extra: Signals | None) -> Signals:
    """Add what a signals file knows; what the journal knows of outcome and identity stays."""
    if extra is None:
        return one
    kept = {"tx_id", "at_ms", "kind", "amount_minor", "card", "tid", "response", "reason", "original"}
    more = {
        field.name: value for field in fields(Signals)
        if field.name not in kept and (value := getattr(extra, field.name)) not in (None, "")
    }  # fmt: skip
    return replace(one, **more)


def shown_by(found: Sequence[ExceptionRecord]) -> Shown:
    """Say what reconciliation found of its clearing; the newest difference counts."""
    for record in sorted(found, key=lambda one: -one.found_ms):
        rule = record.about.rule
        clearing = _CLEARING_OF.get(rule)
        if clearing is None and rule in _BY_AMOUNT and record.about.found_minor is not None:
            clearing = Clearing.CHARGED if record.about.found_minor else Clearing.NO_LINE
        if clearing is not None:
            return Shown(clearing, record.found_ms, _source(record))
    return NOT_SHOWN


def _source(record: ExceptionRecord) -> Text:
    from storno.recon.queue import rule_of  # only a transaction with findings pays for the rules

    rule = rule_of(record.about.rule)
    english, chinese = (record.about.rule,) * 2 if rule is None else rule.title
    standing = TITLES[record.standing]
    return Text(
        f"reconciliation {record.finding_id}: {english} ({standing[0]})",
        f"对账 {record.finding_id}：{chinese}（{standing[1]}）",
    )


def attempt_of(path: Path, shown: Shown = NOT_SHOWN) -> Attempt:
    """Give a transaction as an attempt to pay."""
    record, opening = path.record, path.record.opening
    where = whereabouts(path, shown)
    money, proven = where.diagnosis.money, where.diagnosis.proven
    good = record.state in (State.APPROVED, State.VOIDED, State.COMPLETED)
    return Attempt(
        record.tx_id, record.opened_ms, record.key.tid, record.key.mid,
        card_of(opening.pan_token, opening.pan_masked), opening.amount_minor, money, proven, record.response,
        failed=not good,
    )  # fmt: skip
