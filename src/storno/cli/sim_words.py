"""The scoreboard of `storno sim` in words.

Thin: numbers in, lines out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.cli.text import language, t
from storno.cli.width import cells, pad
from storno.sim.world import words

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from storno.sim.world.scoreboard import Score

_HOURS_MS = 3_600_000
_NAMED_IN_LINE = 2


def table(score: Score, cpu_s: float) -> list[str]:
    """Give the scoreboard as lines."""
    per_s = score.transactions / cpu_s if cpu_s else 0.0
    share = score.touched / score.transactions if score.transactions else 0.0
    hours = score.simulated_ms / _HOURS_MS
    rows = [
        (
            t("days", "天数"),
            f"{score.worlds}  ({t('host that keeps its memory', '主机不失忆')}: {score.trusted})",
        ),
        (t("simulated", "模拟时长"), f"{hours:,.0f} h"),
        (t("transactions", "交易"), f"{score.transactions:,}"),
        (
            t("  speed", "  速度"),
            t(f"{per_s:,.0f} per CPU second of one core", f"单核每 CPU 秒 {per_s:,.0f} 笔"),
        ),
        (t("  struck by a fault", "  遭遇故障"), f"{score.touched:,}  ({share:.1%})"),
        (t("reversals", "冲正"), f"{score.reversed:,}"),
        (t("  repeats", "  重发"), f"{score.repeats:,}"),
        (t("  asked for by terminals", "  终端发起"), f"{score.terminal_reversals:,}"),
        (t("late answers", "迟到应答"), f"{score.late_answers:,}"),
        (t("exceptions opened", "差错立案"), f"{score.cases:,}"),
        (t("differences named", "已立案的差异"), f"{score.named:,}"),
        (t("differences found", "对账发现的差异"), f"{score.found:,}"),
        (t("silent", "无人知晓"), _seen(score, score.silent)),
        (t("lost", "丢失"), _seen(score, score.lost)),
        (t("doubled", "重复"), _seen(score, score.doubled)),
        (t("promises broken", "违反保证"), f"{len(score.broken)}"),
        (t("days proven", "已证明的天数"), f"{score.worlds_proven} / {score.worlds}"),
    ]
    width = max(cells(name) for name, _ in rows)
    lines = [f"{name}{' ' * (width - cells(name))}  {value}" for name, value in rows]
    return [*lines, *_unproven(score), "", *_faults(score), "", *_happened(score), "", *_rows(score)]


def _seen(score: Score, count: int) -> str:
    """Give a count of what must not be; it is only a lower bound when a day was not compared to its end."""
    return f"{count}" if score.worlds_proven == score.worlds else t(f"at least {count}", f"至少 {count}")


def _unproven(score: Score) -> list[str]:
    """Say plainly of how many days nothing is proven."""
    lines = []
    if score.worlds_broken:
        lines.append(
            t(
                f"! {score.worlds_broken} of the days broke a promise and ended there: nothing is proven about money "
                "silent, lost or doubled in them",
                f"！{score.worlds_broken} 天因违反保证而中止：这些天是否有无人知晓、丢失或重复的资金，未经证明",
            )
        )
    if score.worlds_stopped:
        lines.append(
            t(
                f"! {score.worlds_stopped} of the days were stopped before their evening: "
                "their books were not compared",
                f"！{score.worlds_stopped} 天在日终前停止：账目未核对",
            )
        )
    return lines


def _faults(score: Score) -> list[str]:
    total = sum(score.faults.values())
    return [t(f"faults {total:,}", f"故障 {total:,} 次"), *_listed(score.faults, words.fault)]


def _happened(score: Score) -> list[str]:
    return [t("what else the days were made of", "当天的其他事件"), *_listed(score.happened, words.event)]


def _listed(counts: Counter[str], named: Callable[[str, str], str]) -> list[str]:
    """Give counts with their names in words, by name, in columns."""
    found = [f"{times:>9,}  {named(kind, language())}" for kind, times in sorted(counts.items())]
    width = max(map(cells, found), default=0)
    return [
        "".join(pad(one, width) for one in found[at : at + _NAMED_IN_LINE]).rstrip()
        for at in range(0, len(found), _NAMED_IN_LINE)
    ]


def _rows(score: Score) -> list[str]:
    reached, never = score.reached, score.never
    head = t(
        f"rows of the life cycle: {reached} taken, {len(never)} never",
        f"生命周期表：{reached} 行被走到，{len(never)} 行未走到",
    )
    return [head, *(f"  {row_words(state.value, what.value)}" for state, what in never)]


def row_words(state: str, what: str) -> str:
    """Name a row."""
    return f"{state} + {what}"
