"""A verdict in words: the one line of why, the evidence, and advice in six parts for the people at the till.

Money and what to tell the cardholder come from the outcome (`lattice`), who acts from the cause; an unknown cause is
said to be unknown. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.diagnosis.advice import FLYING
from storno.diagnosis.fleet import CommonCause, Tally
from storno.diagnosis.knowledge import NOTHING, Part, cause_title, causes, symptom
from storno.diagnosis.verdict import Basis, Verdict

if TYPE_CHECKING:
    from storno.diagnosis.noisy_or import Evidence, Turn
    from storno.diagnosis.whereabouts import Whereabouts
    from storno.reversal.lifecycle import State

_SURE, _RATHER = 0.9, 0.7
_STRONG, _CLEAR = 1.0, 0.5
_ODDS_MAX = 999
_NEARLY = 0.995


def sureness(verdict: Verdict, lang: str) -> str:
    """Say in words how sure a verdict is."""
    zh = lang == "zh"
    if not verdict.known:
        return "尚不清楚" if zh else "not known"
    if verdict.chance >= _SURE:
        return "基本确定" if zh else "almost certain"
    if verdict.chance >= _RATHER:
        return "很可能" if zh else "very likely"
    return "较可能" if zh else "likely"


def why_line(verdict: Verdict, lang: str, state: State | None = None) -> str:
    """Say why in one line; the same words in every command. `state`: where it stands, if it may still be under way."""
    zh = lang == "zh"
    if state in FLYING and not verdict.known:
        return "尚无异常，仍在等待应答" if zh else "nothing has failed yet, the answer is awaited"
    if not verdict.known:
        named = [name for name, _ in verdict.ranked if name != NOTHING]
        likely = ("、" if zh else "; ").join(cause_title(name, lang) for name in named)
        return f"原因尚不清楚；可能：{likely}" if zh else f"not known for sure; it may be: {likely}"
    title = cause_title(verdict.cause, lang)
    if verdict.cause == NOTHING:
        return title
    percent = chance_words(verdict.chance)
    sure = sureness(verdict, lang)
    return f"{title}（{sure}，{percent}）" if zh else f"{title} ({sure}, {percent})"


def chance_words(chance: float) -> str:
    """Write a chance in per cent; nothing is ever wholly certain."""
    return ">99%" if chance > _NEARLY else f"{chance:.0%}"


def basis_line(verdict: Verdict, lang: str) -> str:
    """Say what the verdict rests on."""
    zh = lang == "zh"
    if verdict.common is not None:
        return common_line(verdict.common, lang)
    if verdict.basis is Basis.RULE and verdict.decision is not None:
        return verdict.decision.why.say(lang)
    head = "按所见信号权衡" if zh else "weighed from what was seen"
    if verdict.decision is not None:
        return f"{verdict.decision.why.say(lang)}{'；' if zh else '; '}{head}"
    return head


def common_line(common: CommonCause, lang: str) -> str:
    """Say what many failures of the same minutes have in common."""
    zh = lang == "zh"
    inside, rest = _share(common.inside, lang), _share(common.rest, lang)
    if not common.dimension:
        return (
            f"同时段各发卡行、各运营商普遍失败（{inside}）" if zh
            else f"everything failed in these minutes, whatever issuer or carrier ({inside})"
        )  # fmt: skip
    name = _DIMENSIONS[common.dimension][zh]
    if zh:
        return f"同时段{name} {common.value} 大量失败（{inside}），其余 {rest}"
    return f"{name} {common.value} failed in these minutes ({inside}), the rest did not ({rest})"


_DIMENSIONS = {
    "issuer": ("card's bank", "发卡行"), "carrier": ("carrier", "运营商"), "site": ("site", "门店"),
    "model": ("model", "机型"), "version": ("software", "软件版本"), "operator": ("operator", "操作员"),
    "terminal": ("terminal", "终端"),
}  # fmt: skip


def _share(tally: Tally, lang: str) -> str:
    return f"{tally.seen} 笔中 {tally.failed} 笔" if lang == "zh" else f"{tally.failed} of {tally.seen}"


def evidence_line(one: Evidence, sort: str, lang: str) -> str:
    """Say a piece of evidence and how strongly it speaks."""
    words = sort_words(sort, lang) if one.name == "sort" else symptom(one.name, lang, present=one.present)
    return f"{words}{strength(one.weight, lang)}"


def strength(weight: float, lang: str) -> str:
    """Say a weight (log 10 of a likelihood ratio) as odds."""
    odds = min(_ODDS_MAX, 10 ** abs(weight))
    text = f"{odds:.0f}" if odds >= 10 else f"{odds:.1f}"
    return f"（{text} 倍）" if lang == "zh" else f" ({text} times)"


def sort_words(sort: str, lang: str) -> str:
    """Say in words what became of a transaction by its signals."""
    from storno.diagnosis import codes
    from storno.diagnosis.knowledge import condition_title

    kind, _, code = sort.partition(" ")
    zh = lang == "zh"
    if kind == "reversed":
        return (
            f"冲正原因 {codes.reason(code, lang)}" if zh else f"undone for reason {codes.reason(code, lang)}"
        )
    if kind == "answer":
        return f"应答 {codes.meaning(code, lang)}" if zh else f"answer {codes.meaning(code, lang)}"
    if kind == "local":
        return condition_title(code, lang)
    return {"approved": ("it was approved", "已批准"), "silent": ("no answer came", "未收到应答")}.get(
        kind, ("the outcome is not known", "结果不明")
    )[zh]


def turn_line(one: Turn, lang: str) -> str:
    """Say what would change the verdict."""
    words, cause = symptom(one.symptom, lang, present=one.present), cause_title(one.cause, lang)
    if lang == "zh":
        return f"若{words}，则更可能是：{cause}（{chance_words(one.chance)}）"
    return f"if {words}: {cause} ({chance_words(one.chance)})"


def counsel(verdict: Verdict, where: Whereabouts, lang: str) -> tuple[tuple[Part, str], ...]:
    """Give advice in six parts."""
    found = where.diagnosis
    joint = "" if lang == "zh" else " "
    known = causes()[verdict.cause] if verdict.known and verdict.cause != NOTHING else None
    happened, who = found.happened.say(lang), _nobody(verdict, lang)
    when, dont = found.when.say(lang), found.dont.say(lang)
    if known is not None:
        happened += joint + known.advice[Part.HAPPENED].say(lang)
        who = known.advice[Part.WHO].say(lang)
        if known.advice[Part.WHEN].say(lang) != when:
            when += joint + known.advice[Part.WHEN].say(lang)
        if known.advice[Part.DONT].say(lang) != dont:
            dont += joint + known.advice[Part.DONT].say(lang)
    elif not verdict.known:
        happened += joint + (
            f"{why_line(verdict, lang)}。" if lang == "zh" else f"Why is {why_line(verdict, lang)}."
        )
    money = f"{found.where.say(lang)}{joint}"
    money += f"（{where.certainty.say(lang)}）" if lang == "zh" else f"({where.certainty.say(lang)})"
    return (
        (Part.HAPPENED, happened), (Part.MONEY, money), (Part.WHO, who), (Part.WHEN, when),
        (Part.TELL, found.tell.say(lang)), (Part.DONT, dont),
    )  # fmt: skip


def _nobody(verdict: Verdict, lang: str) -> str:
    if verdict.known:
        return "无需任何人处理。" if lang == "zh" else "Nobody has to act."
    return (
        "后台人员：补充下列缺失的信号后再判断。" if lang == "zh"
        else "The back office: find the missing signals named below, then ask again."
    )  # fmt: skip
