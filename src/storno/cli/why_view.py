"""The answer of `storno why` as lines for people and as data for programs.

Words come from `diagnosis`, so every command says the same. Must not judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storno.cli.finding_line import finding_data
from storno.cli.text import t
from storno.diagnosis import counsel
from storno.diagnosis.attempts import double_charge, links, patterns
from storno.diagnosis.knowledge import cause_title, condition_title, entry_mode, symptom
from storno.diagnosis.noisy_or import Evidence
from storno.diagnosis.story import local_text
from storno.diagnosis.whereabouts import whereabouts
from storno.diagnosis.words import title
from storno.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from storno.cli.why_signals import Asked
    from storno.diagnosis.attempts import Link
    from storno.diagnosis.verdict import Verdict
    from storno.reversal.lifecycle import State

EVIDENCE_SHOWN = 6
LINKS_SHOWN = 5
WORTH_NAMING = 0.01


def lines(
    asked: Asked, verdict: Verdict, lang: str, offset_min: int, commands: Sequence[str] = (),
    found: Sequence[str] = (),
) -> Iterator[str]:  # fmt: skip
    """Write the answer for people; `found` are the lines about differences that somebody still has to act on."""
    record = asked.path.record
    opening = record.opening
    money = Money(opening.amount_minor, opening.currency)
    at = local_text(record.opened_ms, offset_min)[:19]
    place = f"{record.key.tid}/{record.key.stan}"
    yield f"{record.tx_id}  {at}  {place}  {record.kind.title(lang)} {money}  {opening.pan_masked}"
    yield t("Status: ", "状态：") + title(record.state, lang)
    yield t("Why: ", "原因：") + counsel.why_line(verdict, lang, record.state)
    yield "  " + t("because: ", "依据：") + counsel.basis_line(verdict, lang)
    if verdict.together:
        names = t(" + ", " + ").join(cause_title(one, lang) for one in verdict.together)
        yield "  " + t("perhaps together: ", "可能同时存在：") + names
    yield from _evidence(asked, verdict, lang)
    yield ""
    yield t("Where the money is", "钱在哪里")
    where = whereabouts(asked.path, asked.shown)
    for one in where.says:
        when = local_text(one.at_ms, offset_min)[:19] or "-"
        yield f"  {one.ledger.title(lang)}{t(': ', '：')}{one.stand.title(lang)}  {when}  {one.source.say(lang)}"
    yield "  " + t("Certainty: ", "确定程度：") + where.certainty.say(lang)
    yield ""
    yield t("What to do", "怎么办")
    for part, text in counsel.counsel(verdict, where, lang):
        yield f"  {part.title(lang)}{t(': ', '：')}{text}"
    for command in commands:
        yield "  " + t("Order: ", "可用命令：") + command
    for line in found:
        yield "  " + t("Still to do: ", "仍待处理：") + line
    yield ""
    yield from _attempts(asked, lang, offset_min)


def _evidence(asked: Asked, verdict: Verdict, lang: str) -> Iterator[str]:
    for head, some in (
        (t("for", "支持"), verdict.speaks_for), (t("against", "反对"), verdict.speaks_against),
    ):  # fmt: skip
        for one in some[:EVIDENCE_SHOWN]:
            yield f"  {head}{t(': ', '：')}{counsel.evidence_line(one, asked.me.sort, lang)}"
    ranked = [
        f"{cause_title(name, lang)} {counsel.chance_words(chance)}"
        for name, chance in verdict.ranked if chance >= WORTH_NAMING
    ]  # fmt: skip
    if len(ranked) > 1:
        yield "  " + t("likeliest: ", "可能性排序：") + t("; ", "；").join(ranked)
    for turn in verdict.would_change:
        yield "  " + t("would change it: ", "可改变结论：") + counsel.turn_line(turn, lang)
    if asked.me.local:
        yield "  " + t("terminal's condition: ", "终端状况：") + condition_title(asked.me.local, lang)
    if asked.me.entry_mode:
        yield "  " + t("card read by: ", "读卡方式：") + entry_mode(asked.me.entry_mode, lang)


def _attempts(asked: Asked, lang: str, offset_min: int) -> Iterator[str]:
    linked = links(asked.attempt, asked.others)
    yield t("Other attempts", "相关的其他交易")
    for link in linked[:LINKS_SHOWN]:
        yield "  " + _link_line(link, asked, lang, offset_min)
    yield "  " + double_charge(asked.attempt, linked).words.say(lang)
    for pattern in patterns(asked.attempt, linked):
        yield "  " + t("note: ", "提示：") + pattern.say(lang)


def _link_line(link: Link, asked: Asked, lang: str, offset_min: int) -> str:
    other = link.other
    minutes = abs(link.after_ms) / 60_000
    place = t("same terminal", "同一终端") if link.same_terminal else t("same shop", "同一商户")
    if link.same_amount:
        amount = t("same amount", "金额相同")
    else:
        amount = str(Money(other.amount_minor, asked.path.record.opening.currency))
    order = t("later", "之后") if link.after_ms >= 0 else t("earlier", "之前")
    at = local_text(other.at_ms, offset_min)[:19]
    failed = t("failed", "失败") if other.failed else t("succeeded", "成功")
    if lang == "zh":
        return f"{other.tx_id}  {at}  {order} {minutes:.1f} 分钟，同一张卡，{place}，{amount}，{failed}"
    return f"{other.tx_id}  {at}  {minutes:.1f} minutes {order}, same card, {place}, {amount}, {failed}"


# -------------------------------------------------------------------- for programs
def as_data(asked: Asked, verdict: Verdict, lang: str, offset_min: int) -> dict[str, Any]:
    """Give the answer as plain data for JSON; times in milliseconds and as the shop's clock."""
    record = asked.path.record
    where = whereabouts(asked.path, asked.shown)
    linked = links(asked.attempt, asked.others)
    double = double_charge(asked.attempt, linked)
    return {
        "tx_id": record.tx_id, "tid": record.key.tid, "stan": record.key.stan, "kind": record.kind.value,
        "amount_minor": record.opening.amount_minor, "currency": record.opening.currency,
        "state": record.state.value, "verdict": verdict_data(verdict, lang, asked.me.sort, record.state),
        "outcome": {
            "request": where.point.request.value, "answer": where.point.answer.value,
            "reversal": where.point.reversal.value, "acknowledged": where.point.acknowledged.value,
            "clearing": where.point.clearing.value, "diagnosis": where.diagnosis.name,
        },
        "money": {
            "stands": where.diagnosis.money.value, "certainty": where.certainty.value,
            "certainty_words": where.certainty.say(lang),
            "ledgers": [
                {
                    "ledger": one.ledger.value, "says": one.stand.value, "at_ms": one.at_ms or None,
                    "at": local_text(one.at_ms, offset_min) or None, "source": one.source.say(lang),
                }
                for one in where.says
            ],
        },
        "advice": {part.value: text for part, text in counsel.counsel(verdict, where, lang)},
        "attempts": [
            {
                "tx_id": one.other.tx_id, "after_ms": one.after_ms, "same_terminal": one.same_terminal,
                "same_amount": one.same_amount, "slip": one.slip, "money": one.other.money.value,
                "failed": one.other.failed,
            }
            for one in linked
        ],
        "double_charge": {
            "verdict": double.verdict.value, "words": double.words.say(lang), "counted": list(double.counted),
            "doubtful": list(double.doubtful), "proven": double.proven,
        },
        "findings": [finding_data(one) for one in asked.found],
        "patterns": [one.value for one in patterns(asked.attempt, linked)],
    }  # fmt: skip


def verdict_data(verdict: Verdict, lang: str, sort: str, state: State | None = None) -> dict[str, Any]:
    """Give a verdict as plain data."""
    return {
        "known": verdict.known, "basis": verdict.basis.value, "cause": verdict.cause or None,
        "cause_words": cause_title(verdict.cause, lang), "chance": round(verdict.chance, 4),
        "line": counsel.why_line(verdict, lang, state), "because": counsel.basis_line(verdict, lang),
        "ranked": [{"cause": name or None, "chance": round(chance, 4)} for name, chance in verdict.ranked],
        "together": list(verdict.together),
        "for": [_weighed(one, sort, lang) for one in verdict.speaks_for],
        "against": [_weighed(one, sort, lang) for one in verdict.speaks_against],
        "would_change": [
            {
                "symptom": one.symptom, "present": one.present,
                "words": symptom(one.symptom, lang, present=one.present),
                "cause": one.cause or None, "chance": round(one.chance, 4),
            }
            for one in verdict.would_change
        ],
        "rule": None if verdict.decision is None else verdict.decision.rule,
    }  # fmt: skip


def _weighed(one: Evidence, sort: str, lang: str) -> dict[str, Any]:
    words = (
        counsel.sort_words(sort, lang) if one.name == "sort" else symptom(one.name, lang, present=one.present)
    )
    return {"name": one.name, "present": one.present, "log10_odds": round(one.weight, 3), "words": words}
