"""Where the money of one transaction stands, as sums and in words.

The sums are read from the ledger's own entries, never from a state, so the words cannot say anything else than the
books. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.ledger import chart
from storno.money import Money

if TYPE_CHECKING:
    from storno.ledger.entry import Posting


@dataclass(frozen=True, slots=True)
class Sums:
    """What one transaction has in the books, in minor units."""

    currency: str
    charged_minor: int = 0
    """Taken from the cardholder; negative: given back."""
    merchant_minor: int = 0
    """Due to the merchant; negative: taken from what is due."""
    held_minor: int = 0
    """Held on the card by a pre-authorisation; negative: a hold released."""
    in_doubt_minor: int = 0
    """May have been taken; negative: may have been given back."""
    in_doubt_held_minor: int = 0
    """May be held; negative: a hold may have been released."""

    @property
    def any_doubt(self) -> bool:
        """Say whether anything of it is in doubt."""
        return bool(self.in_doubt_minor or self.in_doubt_held_minor)

    def after(self, posting: Posting, mid: str) -> Sums:
        """Add a posting of this transaction."""
        moved = dict(posting.entries)
        return Sums(
            self.currency,
            self.charged_minor + moved.get(chart.HOST, 0),
            self.merchant_minor - moved.get(chart.merchant(mid), 0),
            self.held_minor + moved.get(chart.HOST_HOLD, 0),
            self.in_doubt_minor + moved.get(chart.SUSPENSE, 0),
            self.in_doubt_held_minor + moved.get(chart.SUSPENSE_HOLD, 0),
        )


@dataclass(frozen=True, slots=True)
class MoneyWords:
    """The same for people: one line each."""

    cardholder: str
    merchant: str
    in_doubt: str


_CARDHOLDER = {
    "charged": ("charged {}", "已扣款 {}"),
    "returned": ("given back {}", "已退回 {}"),
    "held": ("{} held on the card, not charged", "已冻结 {}，未扣款"),
    "released": ("a hold of {} released", "已解冻 {}"),
    "doubt": ("not certain: see what is in doubt", "尚未确定，见“待定”"),
    "nothing": ("nothing moved in the end", "最终无变动"),
}
_MERCHANT = {
    "charged": ("{} due to the shop", "应收 {}"),
    "returned": ("{} taken off what is due to the shop", "从应收中扣减 {}"),
    "held": ("{} secured, nothing due yet", "已担保 {}，尚无应收"),
    "released": ("no longer secured: {}", "不再担保 {}"),
    "doubt": ("nothing counted until the doubt is settled", "待定款项了结前不计入应收"),
    "nothing": ("nothing due from this transaction", "此交易无应收款"),
}
_DOUBT = {
    "charged": ("{}: the card may have been charged", "{}：可能已扣款"),
    "returned": ("{}: it may have been given back", "{}：可能已退回"),
    "held": ("{}: it may be held on the card", "{}：可能已冻结"),
    "released": ("{}: the hold may have been released", "{}：可能已解冻"),
    "nothing": ("nothing", "无"),
}


def in_words(sums: Sums, lang: str) -> MoneyWords:
    """Say where the money is: for the cardholder, for the merchant, and what is in doubt."""
    return MoneyWords(
        _line(_CARDHOLDER, sums, sums.charged_minor, sums.held_minor, lang),
        _line(_MERCHANT, sums, sums.merchant_minor, sums.held_minor, lang),
        _line(_DOUBT, sums, sums.in_doubt_minor, sums.in_doubt_held_minor, lang),
    )


def moved(before: Sums, after: Sums, lang: str) -> str:
    """Say in a line what a step did to the money."""
    zh = lang == "zh"
    if before == after:
        if after.any_doubt:
            still = in_words(after, lang).in_doubt
            return f"资金无变动，仍待定 {still}" if zh else f"no money moved; still in doubt: {still}"
        return "资金无变动" if zh else "no money moved"
    now = in_words(after, lang)
    if after.any_doubt:
        return f"转为待定 {now.in_doubt}" if zh else f"now in doubt: {now.in_doubt}"
    if after.charged_minor or after.held_minor:
        if zh:
            return f"持卡人{now.cardholder}；商户{now.merchant}"
        return f"cardholder: {now.cardholder}; shop: {now.merchant}"
    was = _absolute(before)
    if before.any_doubt:
        return f"{was} 不再待定：{now.cardholder}" if zh else f"{was} no longer in doubt: {now.cardholder}"
    return f"{was} 已冲回：{now.cardholder}" if zh else f"{was} undone: {now.cardholder}"


def _line(words: dict[str, tuple[str, str]], sums: Sums, amount: int, hold: int, lang: str) -> str:
    parts = []
    if amount:
        parts.append((words["charged" if amount > 0 else "returned"], amount))
    if hold:
        parts.append((words["held" if hold > 0 else "released"], hold))
    at = 1 if lang == "zh" else 0
    if parts:
        joint = "；" if lang == "zh" else "; "
        return joint.join(pair[at].format(Money(abs(minor), sums.currency)) for pair, minor in parts)
    doubtful = sums.any_doubt and "doubt" in words
    return words["doubt" if doubtful else "nothing"][at]


def _absolute(sums: Sums) -> str:
    every = (sums.charged_minor, sums.held_minor, sums.in_doubt_minor, sums.in_doubt_held_minor)
    return " + ".join(str(Money(abs(minor), sums.currency)) for minor in every if minor)
