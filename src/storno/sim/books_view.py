"""The host's books for people and for checkers: lines in words, and one JSON-able object.

Rule: shows what the books hold, which is no clear card number, and adds nothing of its own. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from storno.money import Money
from storno.sim.entry import Standing

if TYPE_CHECKING:
    from storno.sim.books import Books
    from storno.sim.entry import Effect


@dataclass(frozen=True, slots=True)
class Summary:
    """The books in a few numbers. `net_minor` and `held_minor` per currency."""

    transactions: int
    approved: int
    declined: int
    tombstones: int
    reversed: int
    voided: int
    doubled: int
    """Effects counted more than once: must be 0."""
    net_minor: tuple[tuple[str, int], ...]
    held_minor: tuple[tuple[str, int], ...]


def summary(books: Books) -> Summary:
    """Count the books."""
    net: dict[str, int] = {}
    held: dict[str, int] = {}
    counts = dict.fromkeys(Standing, 0)
    undone = voided = doubled = 0
    for entry in books.entries():
        counts[entry.standing] += 1
        undone += entry.reversed
        voided += entry.undone_by is not None
        doubled += entry.applied - entry.undone not in (0, 1)
        net[entry.currency] = net.get(entry.currency, 0) + entry.charge_minor
        held[entry.currency] = held.get(entry.currency, 0) + entry.hold_minor
    return Summary(
        sum(counts.values()),
        counts[Standing.APPROVED],
        counts[Standing.DECLINED],
        counts[Standing.TOMBSTONE],
        undone,
        voided,
        doubled,
        tuple(sorted(net.items())),
        tuple(sorted(held.items())),
    )


def as_json(books: Books) -> dict[str, Any]:
    """Give everything as one object: summary, transactions, batches, accounts."""
    brief = summary(books)
    return {
        "summary": {
            "transactions": brief.transactions,
            "approved": brief.approved,
            "declined": brief.declined,
            "tombstones": brief.tombstones,
            "reversed": brief.reversed,
            "voided": brief.voided,
            "doubled": brief.doubled,
            "net_minor": dict(brief.net_minor),
            "held_minor": dict(brief.held_minor),
        },
        "transactions": [_effect(effect) for effect in books.effects().values()],
        "batches": [_batch(books, key) for key in books.batches()],
        "accounts": [
            {
                "card": one.masked,
                "token": one.token,
                "balance_minor": one.balance_minor,
                "held_minor": one.held_minor,
            }
            for one in books.accounts()
        ],
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "identity": list(effect.identity),
        "kind": effect.kind.value,
        "standing": effect.standing.value,
        "tid": effect.tid,
        "mid": effect.mid,
        "batch": effect.batch,
        "stan": effect.identity.stan,
        "currency": effect.currency,
        "amount_minor": effect.amount_minor,
        "net_minor": effect.net_minor,
        "own_minor": effect.own_minor,
        "held_minor": effect.held_minor,
        "applied": effect.applied,
        "undone": effect.undone,
        "reversals": effect.reversals,
        "rrn": effect.rrn,
        "code": effect.code,
    }


def _batch(books: Books, key: tuple[str, str, str]) -> dict[str, Any]:
    totals, state = books.totals(*key), books.batch(*key)
    return {
        "tid": key[0],
        "mid": key[1],
        "batch": key[2],
        "debit_count": totals.debit_count,
        "debit_minor": totals.debit_minor,
        "credit_count": totals.credit_count,
        "credit_minor": totals.credit_minor,
        "settled": state.settled,
        "uploaded": state.uploaded,
    }


def lines(books: Books, lang: str, rows_max: int = 40) -> list[str]:
    """Tell the books in words: the numbers, then the batches, then the latest transactions."""
    brief = summary(books)
    zh = lang == "zh"
    net = "  ".join(str(Money(minor, currency)) for currency, minor in brief.net_minor) or "0"
    held = "  ".join(str(Money(minor, currency)) for currency, minor in brief.held_minor if minor)
    if zh:
        rows = [
            (
                f"主机账目：{brief.transactions} 笔，批准 {brief.approved}，拒绝 {brief.declined}，"
                f"已冲正 {brief.reversed}，已撤销 {brief.voided}，未见原交易的冲正 {brief.tombstones}"
            ),
            f"净额 {net}" + (f"  预授权占用 {held}" if held else "") + f"  重复入账 {brief.doubled}",
        ]
    else:
        rows = [
            (
                f"host books: {brief.transactions} transactions, {brief.approved} approved, "
                f"{brief.declined} declined, {brief.reversed} reversed, {brief.voided} voided, "
                f"{brief.tombstones} reversed without ever being seen"
            ),
            f"net {net}" + (f"  held {held}" if held else "") + f"  counted twice {brief.doubled}",
        ]
    rows += [_batch_line(books, key, zh=zh) for key in list(books.batches())[:rows_max]]
    latest = list(books.effects().values())[-rows_max:]
    return rows + [_line(effect, lang) for effect in latest]


def _batch_line(books: Books, key: tuple[str, str, str], *, zh: bool) -> str:
    totals = books.totals(*key)
    debit, credit = Money(totals.debit_minor), Money(totals.credit_minor)
    state = books.batch(*key)
    done = ("  已结算" if zh else "  settled") if state.settled else ""
    name, sides = ("批次", ("借", "贷")) if zh else ("batch", ("debit", "credit"))
    return (
        f"  {key[0]} {name} {key[2]}: {sides[0]} {totals.debit_count} {debit}, "
        f"{sides[1]} {totals.credit_count} {credit}{done}"
    )


def _line(effect: Effect, lang: str) -> str:
    zh = lang == "zh"
    words = [
        f"  {effect.identity}",
        effect.kind.title(lang),
        str(Money(effect.amount_minor, effect.currency)),
        effect.code,
    ]
    if effect.standing is Standing.TOMBSTONE:
        words.append("未见原交易" if zh else "never seen")
    elif effect.undone:
        standing = effect.applied > effect.undone
        words.append(("撤销后恢复" if zh else "stands again") if standing else ("已撤回" if zh else "undone"))
    return "  ".join(words)
