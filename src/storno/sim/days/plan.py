"""What to generate: how many days, sales and shops, which faults, formats and planted differences.

Rule: a plan is complete and checked here; the rest of the folder takes it as it is. Pure data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from storno.recon.finding import RULE_NAMES

FORMATS = ("acom", "coma", "zm", "wechat", "alipay", "bank_csv", "camt", "mt940")
NETWORKS = ("acom", "coma", "zm")
WALLETS = ("wechat", "alipay")
BANKS = ("bank_csv", "camt", "mt940")
DEFAULT_FORMATS = ("acom", "bank_csv")
FIRST_DAY = date(2026, 11, 2)
"""A Monday, so that short runs have their week-end late."""
PLANTED_PER_MILLION = 400
"""Of each rule, per million sales, when nothing else is said; three at least."""
PLANTED_LEAST = 3


class PlanError(ValueError):
    """A plan that cannot be carried out; says why in both languages."""

    def __init__(self, english: str, chinese: str) -> None:
        super().__init__(english)
        self.english = english
        self.chinese = chinese


@dataclass(frozen=True, slots=True)
class Plan:
    """One run of the generator. `sales` is per day; `faults` and `damaged` are shares from 0 to 1."""

    out: Path
    truth: Path
    days: int = 1
    sales: int = 10_000
    faults: float = 0.01
    seed: int = 1
    merchants: int = 40
    terminals: int = 120
    formats: tuple[str, ...] = DEFAULT_FORMATS
    damaged: float = 0.0
    plant: tuple[str, ...] = RULE_NAMES
    plant_count: int | None = None
    """Of each rule a day; None: by the number of sales."""
    first: date = FIRST_DAY
    holidays: frozenset[date] = field(default_factory=frozenset)
    signals: bool = True
    journal: bool = False
    """Also write our books as a real journal; about 3,000 sales a second."""

    def check(self) -> None:
        """Refuse what cannot be done.

        Raises:
            PlanError: with the reason.

        """
        if not set(self.formats) <= set(FORMATS):
            odd = ", ".join(sorted(set(self.formats) - set(FORMATS)))
            raise PlanError(
                f"no format {odd}; there are {', '.join(FORMATS)}",
                f"没有格式 {odd}；可用：{', '.join(FORMATS)}",
            )
        if not set(self.plant) <= set(RULE_NAMES):
            odd = ", ".join(sorted(set(self.plant) - set(RULE_NAMES)))
            raise PlanError(
                f"no finding {odd}; there are {', '.join(RULE_NAMES)}",
                f"没有差错种类 {odd}；可用：{', '.join(RULE_NAMES)}",
            )
        if (
            sum(one in NETWORKS for one in self.formats) != 1
            or sum(one in BANKS for one in self.formats) != 1
        ):
            raise PlanError(
                f"choose one of {', '.join(NETWORKS)} and one of {', '.join(BANKS)}",
                f"请在 {'、'.join(NETWORKS)} 中选一种，在 {'、'.join(BANKS)} 中选一种",
            )
        if self.terminals < self.merchants:
            raise PlanError("every merchant needs a terminal", "每家商户至少要有一台终端")
        if self.per_rule * len(self.planted) * 4 > self.sales:
            raise PlanError(
                f"{self.sales} sales a day have no room for {self.per_rule} of each of {len(self.planted)} "
                "differences; take more sales or fewer differences",
                f"每天 {self.sales} 笔放不下 {len(self.planted)} 种差错各 {self.per_rule} 笔；请增加交易或减少差错",
            )

    @property
    def planted(self) -> tuple[str, ...]:
        """Give the differences that the chosen formats can show: a merchant file has no reversals."""
        return tuple(one for one in self.plant if one != "reversed_twice" or self.network != "zm")

    @property
    def per_rule(self) -> int:
        """Give how many of each rule are planted in a day."""
        if self.plant_count is not None:
            return self.plant_count
        return max(PLANTED_LEAST, self.sales * PLANTED_PER_MILLION // 1_000_000)

    @property
    def network(self) -> str:
        """Give the format of the cards' clearing."""
        return next(one for one in self.formats if one in NETWORKS)

    @property
    def bank(self) -> str:
        """Give the format of the bank's statement."""
        return next(one for one in self.formats if one in BANKS)
