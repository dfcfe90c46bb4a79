"""Faults by script: a TOML file of rules, matched in order against each message.

Rule: a rule fires on exactly the messages its conditions name; what is not named is not checked. The counters (`nth`)
are the only state. A file that cannot be read is refused with the rule's number and what is wrong in it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from storno.reversal.kinds import Kind
from storno.sim.faults import Chance, Fault, FaultError, Incoming, Target, draw, fault_of
from storno.sim.magic import magic_fault

if TYPE_CHECKING:
    from random import Random

RULES_MAX = 10_000
_TEXTS = ("tid", "mid", "stan", "mti", "kind", "on")
_NUMBERS = ("amount_minor", "nth", "times")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Empty texts and None match everything; `nth` is the first matching message it fires on, from 1."""

    fault: Fault
    target: Target
    tid: str = ""
    mid: str = ""
    stan: str = ""
    mti: str = ""
    kind: str = ""
    amount_minor: int | None = None
    nth: int = 1
    times: int | None = None
    """How many messages it fires on, counted from nth; None: one when nth is written, else all."""

    def matches(self, incoming: Incoming) -> bool:
        """Say whether the conditions hold, whatever the counter says."""
        return (
            incoming.target is self.target
            and (not self.tid or self.tid == incoming.tid)
            and (not self.mid or self.mid == incoming.mid)
            and (not self.stan or self.stan == incoming.stan)
            and (not self.mti or self.mti == incoming.mti)
            and (not self.kind or self.kind == incoming.kind)
            and (self.amount_minor is None or self.amount_minor == incoming.amount_minor)
        )


def rules_of(text: str) -> tuple[Rule, ...]:
    """Read a script: `[[fault]]` tables with `do = "late:3000"` and conditions.

    Raises:
        FaultError: no TOML, or a rule that cannot be understood (its number is named).

    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultError(f"the script is no TOML: {error}", f"脚本不是有效的 TOML：{error}") from None
    tables = document.pop("fault", [])
    if document or not isinstance(tables, list) or len(tables) > RULES_MAX:
        raise FaultError(
            f"a script holds [[fault]] tables only, {RULES_MAX} at the most",
            f"脚本只能含 [[fault]] 表，最多 {RULES_MAX} 个",
        )
    return tuple(_rule(number, table) for number, table in enumerate(tables, 1))


def _rule(number: int, table: dict[str, Any]) -> Rule:
    where = f"rule {number}"
    unknown = set(table) - {"do", *_TEXTS, *_NUMBERS}
    if unknown:
        raise FaultError(
            f"{where}: {', '.join(sorted(unknown))} is no condition; known: {', '.join(_TEXTS + _NUMBERS)}",
            f"第 {number} 条：没有条件 {', '.join(sorted(unknown))}；可用：{', '.join(_TEXTS + _NUMBERS)}",
        )
    if not isinstance(table.get("do"), str):
        raise FaultError(
            f'{where}: it needs do = "FAULT[:PARAMETER]"', f'第 {number} 条：缺少 do = "故障[:参数]"'
        )
    for name in _TEXTS:
        if name in table and not isinstance(table[name], str):
            raise FaultError(
                f"{where}: {name} must be text in quotes", f"第 {number} 条：{name} 应为带引号的文本"
            )
    for name in _NUMBERS:
        value = table.get(name)
        if name in table and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise FaultError(
                f"{where}: {name} must be a whole number from 1", f"第 {number} 条：{name} 应为从 1 起的整数"
            )
    kind = table.get("kind", "")
    if kind and kind not in {one.value for one in Kind}:
        raise FaultError(
            f"{where}: kind {kind!r} is not known; known: {', '.join(one.value for one in Kind)}",
            f"第 {number} 条：没有类型 {kind!r}；可用：{', '.join(one.value for one in Kind)}",
        )
    try:
        fault = fault_of(table["do"])
        target = _target(table.get("on", ""), fault)
    except FaultError as error:
        raise FaultError(f"{where}: {error}", f"第 {number} 条：{error.zh}") from None
    times = table.get("times", 1 if "nth" in table else None)
    conditions = {
        name: table[name] for name in ("tid", "mid", "stan", "mti", "kind", "amount_minor") if name in table
    }
    return Rule(fault, target, nth=table.get("nth", 1), times=times, **conditions)


def _target(name: str, fault: Fault) -> Target:
    if not name:
        return Target.REVERSAL if fault.kind.of_reversal else Target.REQUEST
    try:
        target = Target(name)
    except ValueError:
        raise FaultError(
            f"on = {name!r}; known: {', '.join(one.value for one in Target)}",
            f"on = {name!r}；可用：{', '.join(one.value for one in Target)}",
        ) from None
    if fault.kind.of_reversal and target is not Target.REVERSAL:
        raise FaultError(
            f"{fault.kind.value} is for reversals, not for {name}",
            f"{fault.kind.value} 只用于冲正，不能用于 {name}",
        )
    return target


@dataclass(slots=True)
class FaultPlan:
    """All the ways a fault may be chosen, asked in order: script, magic amount, chance."""

    rules: tuple[Rule, ...] = ()
    magic: bool = True
    chances: tuple[Chance, ...] = ()
    _counts: dict[int, int] = field(default_factory=dict)

    def choose(self, incoming: Incoming, rng: Random) -> Fault | None:
        """Give the fault for a message, or None. Draws one number when there are chances."""
        drawn = draw(self.chances, incoming.target, rng) if self.chances else None
        scripted = self._scripted(incoming)
        if scripted is not None:
            return scripted
        if self.magic and (fault := magic_fault(incoming)) is not None:
            return fault
        return drawn

    def _scripted(self, incoming: Incoming) -> Fault | None:
        chosen: Fault | None = None
        for at, rule in enumerate(self.rules):
            if rule.matches(incoming):
                count = self._counts[at] = self._counts.get(at, 0) + 1
                due = count >= rule.nth and (rule.times is None or count < rule.nth + rule.times)
                chosen = chosen or (rule.fault if due else None)
        return chosen
