"""What the exception queue is called in words, for people and for programs.

Rules say what, why and what next; a rule this version does not have is shown by its name. Must not read the journal.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from storno.cli.text import language, t
from storno.cli.trouble import Trouble
from storno.diagnosis.words import title
from storno.journal.exception_table import TITLES
from storno.money import Money
from storno.recon.ageing import Severity
from storno.recon.finding import WHOSE
from storno.recon.queue import Source, rule_of, words_of
from storno.recon.rules import RULES
from storno.reversal.lifecycle import Case, State

if TYPE_CHECKING:
    from storno.journal.exception_fact import ExceptionFact
    from storno.recon.queue import Entry

SEVERITIES = {
    Severity.CRITICAL: ("critical", "特急"),
    Severity.HIGH: ("high", "高"),
    Severity.MEDIUM: ("medium", "中"),
    Severity.LOW: ("low", "低"),
}
SOURCES = {Source.FINDING: ("reconciliation", "对账"), Source.CASE: ("transaction", "交易差错")}


def kind_title(entry: Entry) -> str:
    """Say what an entry is."""
    if entry.source is Source.FINDING:
        rule = rule_of(entry.kind)
        return entry.kind if rule is None else t(*rule.title)
    known = entry.kind in {one.value for one in Case}
    return title(Case(entry.kind) if known else State(entry.kind), language())


def kind_named(text: str) -> str:
    """Give the kind whose title this is, in either language; anything else is taken for the kind's own name."""
    return _titles().get(text.strip(), text.strip())


def unknown_kind(name: str) -> Trouble | None:
    """Say of a kind that nothing was found of that there is none of this name; None: there is."""
    names = {*RULES, *(one.value for one in (*State, *Case))}
    if not name or name in names:
        return None
    near = difflib.get_close_matches(name, [*_titles(), *names], 3, 0.5)
    return Trouble(
        t(f"there is no kind {name!r}", f"没有类别 {name!r}"), where="--kind",
        todo=t("did you mean ", "是否为：") + t(", ", "、").join(near) if near else t(
            "see the kinds that are open with: storno exceptions list", "请用 storno exceptions list 查看现有类别"
        ),
    )  # fmt: skip


def _titles() -> dict[str, str]:
    titles = {called: name for name, rule in RULES.items() for called in rule.title}
    return titles | {title(one, lang): one.value for one in (*State, *Case) for lang in ("en", "zh")}


def whose(entry: Entry) -> str:
    """Say who has to act first; empty where the transaction's own story says it."""
    rule = rule_of(entry.kind) if entry.source is Source.FINDING else None
    return "" if rule is None else t(*WHOSE[rule.whose])


def next_step(entry: Entry) -> str:
    """Say what to do now."""
    if entry.source is Source.CASE:
        return t(f"storno explain {entry.tx_id}", f"storno explain {entry.tx_id}")
    words = None if entry.record is None else words_of(entry.record.about)
    return "" if words is None else t(*words.next_step)


def money(entry: Entry) -> str:
    """Say how much; findings say whether it is too much or too little."""
    amount = Money(abs(entry.amount_minor), entry.currency)
    if entry.source is Source.CASE:
        return str(amount)
    if entry.amount_minor == 0:
        return t("no money", "无金额")
    return t(f"{amount} too much", f"长款 {amount}") if entry.amount_minor > 0 else t(
        f"{amount} short", f"短款 {amount}"
    )  # fmt: skip


def as_data(entry: Entry) -> dict[str, Any]:
    """Give an entry as plain data for JSON."""
    rule = rule_of(entry.kind) if entry.source is Source.FINDING else None
    record = entry.record
    return {
        "id": entry.id, "source": entry.source.value, "kind": entry.kind, "title": kind_title(entry),
        "state": entry.standing.value, "severity": entry.age.severity.value, "amount_minor": entry.amount_minor,
        "currency": entry.currency, "mid": entry.mid, "tid": entry.tid, "rrn": entry.rrn, "tx_id": entry.tx_id or None,
        "owner": entry.owner or None, "since_ms": entry.since_ms, "age_days": entry.age.days,
        "due": entry.age.due.isoformat(), "overdue": entry.age.overdue,
        "whose": None if rule is None else rule.whose.value, "next": next_step(entry),
        "how": record.how.value if record is not None and record.how is not None else None,
        "version": None if record is None else record.version,
    }  # fmt: skip


def fact_data(fact: ExceptionFact) -> dict[str, Any]:
    """Give one step of a history as plain data."""
    return {
        "at_ms": fact.at_ms, "move": fact.move.value, "state": fact.standing.value, "run": fact.run or None,
        "operator": fact.operator or None, "owner": fact.owner or None,
        "how": None if fact.how is None else fact.how.value, "reference": fact.reference or None,
        "note": fact.note or None, "rule": None if fact.about is None else fact.about.rule,
        "amount_minor": None if fact.about is None else fact.about.amount_minor, "lines": list(fact.lines),
    }  # fmt: skip


def fact_line(fact: ExceptionFact, when: str) -> str:
    """Write one step of a history in a line."""
    parts = [when, t(*TITLES[fact.move])]
    if fact.about is not None:
        rule = rule_of(fact.about.rule)
        called = fact.about.rule if rule is None else t(*rule.title)
        parts.append(f"{called} {Money(fact.about.amount_minor, fact.about.currency)}")
    if fact.operator:
        parts.append(t(f"by {fact.operator}", f"操作员 {fact.operator}"))
    elif fact.run:
        parts.append(t(f"run {fact.run}", f"对账 {fact.run}"))
    if fact.owner:
        parts.append(t(f"to {fact.owner}", f"负责人 {fact.owner}"))
    if fact.how is not None:
        parts.append(t(*TITLES[fact.how]))
    parts += [text for text in (fact.reference, fact.note, " ".join(fact.lines)) if text]
    return "  ".join(parts)
