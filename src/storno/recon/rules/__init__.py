"""Findings: one file each, found by being in this folder.

A module declares RULE, EXAMPLE and COUNTER_EXAMPLE; a file that does not stops the start.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from storno.recon.finding import RULE_NAMES, Leg, Rule
from storno.recon.rules._example import Example

RULES_VERSION = 4
"""Raised whenever a rule finds or counts differently: it is part of a run's id."""


_LEGS = (Leg.NETWORK, Leg.TERMINAL, Leg.BANK, Leg.BOOKS)


def _scan() -> tuple[dict[str, Rule], dict[str, tuple[Example, Example]]]:
    rules: dict[str, Rule] = {}
    examples: dict[str, tuple[Example, Example]] = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = import_module(f"{__name__}.{info.name}")
        rule = getattr(module, "RULE", None)
        pair = (getattr(module, "EXAMPLE", None), getattr(module, "COUNTER_EXAMPLE", None))
        if not isinstance(rule, Rule) or not all(isinstance(one, Example) for one in pair):
            raise TypeError(f"{module.__name__} must declare RULE, EXAMPLE and COUNTER_EXAMPLE")
        if rule.name != info.name:
            raise ValueError(f"{module.__name__} declares the rule {rule.name!r}")
        rules[rule.name] = rule
        examples[rule.name] = pair  # type: ignore[assignment]
    if set(rules) != set(RULE_NAMES):
        raise ValueError(f"rules and their names differ: {sorted(set(rules) ^ set(RULE_NAMES))}")
    return dict(
        sorted(rules.items(), key=lambda one: (_LEGS.index(one[1].leg), one[1].order, one[0]))
    ), examples


RULES, EXAMPLES = _scan()
"""Every rule, leg by leg in the order it is tried, and its example and counter-example."""
