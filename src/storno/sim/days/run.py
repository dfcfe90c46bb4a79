"""Carry out a plan: day by day, each side's files as they would come, the truth in its own folder.

Rule: one day is in memory at a time, with the lines that wait for a later file. Days go on after the last one until
everything that was sold is cleared and paid, so that the sides can be closed to the fen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from storno.sim.days.causes import Incident, incidents, let_fail
from storno.sim.days.clearing import Lines, clear, damage, join
from storno.sim.days.dates import Calendar
from storno.sim.days.day import ALIPAY, CARD, WECHAT, Day
from storno.sim.days.deposits import Deposit, deposits, plant_deposits
from storno.sim.days.draw import Draws
from storno.sim.days.fleet import Fleet, draw_fleet
from storno.sim.days.journal import JournalSide
from storno.sim.days.plan import NETWORKS, WALLETS, Plan
from storno.sim.days.plant import AT_BANK, plant
from storno.sim.days.signals import write_signals
from storno.sim.days.trading import Memory, draw_sales, live_on, number_rows, remember
from storno.sim.days.truth import (
    Planted,
    Sums,
    name_lines,
    planted_deposits,
    planted_of,
    write_causes,
    write_planted,
    write_world,
)
from storno.sim.days.write_bank import SUFFIXES, write_bank
from storno.sim.days.write_books import write_books
from storno.sim.days.write_terminal import mids, write_terminals
from storno.sim.days.write_unionpay import write_acom, write_zm
from storno.sim.days.write_wallets import write_alipay, write_wechat

MANIFEST = "generated.json"
_CHANNELS = {"acom": CARD, "coma": CARD, "zm": CARD, "wechat": WECHAT, "alipay": ALIPAY}
_FIRST_LINE = {"acom": 1, "coma": 1, "zm": 1, "wechat": 2, "alipay": 6}


@dataclass(slots=True)
class Done:
    """What was written. Amounts in minor units."""

    transactions: int = 0
    terminal_rows: int = 0
    book_rows: int = 0
    lines: int = 0
    damaged: int = 0
    deposits: int = 0
    books_minor: int = 0
    cleared_minor: int = 0
    fees_minor: int = 0
    paid_minor: int = 0
    planted: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)


class Generator:
    """One run of a plan."""

    def __init__(self, plan: Plan, tell: Callable[[int, int], None] = lambda _done, _total: None) -> None:
        plan.check()
        self.plan = plan
        self.done = Done()
        self.fleet: Fleet = draw_fleet(plan.seed, plan.merchants, plan.terminals)
        self.calendar = Calendar(plan.first, plan.holidays)
        self._tell = tell
        self._memory = Memory(np.zeros(self.fleet.terminals, dtype=np.int64))
        self._waiting: dict[int, list[Lines]] = {}
        self._due: dict[str, list[Deposit]] = {}
        self._found: dict[tuple[int, int], Planted] = {}
        self._at_bank: list[Planted] = []
        self._happened: dict[str, tuple[Incident, ...]] = {}
        self._balance = 0
        self._wallets = tuple(one for one in WALLETS if one in plan.formats)

    def run(self) -> Done:
        """Generate everything; the folders must exist and be empty."""
        plan = self.plan
        folders = ["terminal", "books", "network", "bank", *(["signals"] if plan.signals else [])]
        for name in (*folders, *self._wallets):
            (plan.out / name).mkdir()
        plan.truth.mkdir(parents=True, exist_ok=True)
        journal = JournalSide(plan.out / "journal.db") if plan.journal else None
        number = 0
        while number < plan.days or self._waiting:
            if number < plan.days:
                self._trade(number, journal)
                self._tell(number + 1, plan.days)
            self._close(number)
            self._pay(number)
            number += 1
        while self._due:
            self._pay(number)
            number += 1
        if journal is not None:
            journal.close()
        self._finish()
        return self.done

    def draw_day(self, number: int) -> Day:
        """Draw a day with everything that happens on it, before any side writes it down."""
        plan, fleet = self.plan, self.fleet
        day = draw_sales(
            self._draws(number, "sales"),
            fleet,
            plan.sales,
            self.calendar.day(number).weekday(),
            self._wallets,
        )
        happened = incidents(self._draws(number, "incidents"))
        self._happened[self.calendar.text(number)] = happened
        let_fail(day, fleet, self._draws(number, "faults"), plan.faults, happened)
        live_on(day, self._draws(number, "people"), fleet, self._memory)
        plant(day, plan, fleet, self.calendar, number, self._draws(number, "plant"))
        number_rows(day, self._draws(number, "numbers"), self._memory, number)
        remember(day, self._draws(number, "memory"), self._memory, number)
        return day

    def _draws(self, number: int, name: str) -> Draws:
        return Draws(self.plan.seed, number, name)

    def _trade(self, number: int, journal: JournalSide | None) -> None:
        plan, fleet, calendar, done = self.plan, self.fleet, self.calendar, self.done
        day = self.draw_day(number)
        date = calendar.text(number)
        lines = clear(day, number, fleet)
        found, sums = planted_of(day, lines, number, calendar, fleet)
        rows = np.flatnonzero(day.plant >= 0)
        for one, serial in zip(found, day.serial[rows].tolist(), strict=True):
            self._found[number, serial] = one
            done.planted[one.rule] += 1
        damage(lines, plan.damaged, self._draws(number, "damage"))
        done.damaged += int((lines.damage > 0).sum())
        for cleared in np.unique(lines.cleared).tolist():
            self._waiting.setdefault(cleared, []).append(lines.take(lines.cleared == cleared))
        done.transactions += day.size
        done.terminal_rows += write_terminals(
            self._file("terminal", f"pos-{date}.csv"), day, number, calendar, fleet
        )
        done.book_rows += write_books(
            self._file("books", f"books-{date}.parquet"), day, number, calendar, fleet
        )
        self._count(day, sums)
        if plan.signals:
            name = self._file("signals", f"signals-{date}.parquet")
            write_signals(name, day, number, calendar, fleet, self._draws(number, "signals"))
        write_causes(plan.truth / f"causes-{date}.parquet", day, number, calendar)
        if journal is not None:
            journal.write(day, number, calendar, fleet)

    def _count(self, day: Day, sums: Sums) -> None:
        from storno.sim.days.causes import CAUSES

        self.done.books_minor += sums.books_minor
        for cause, count in enumerate(np.bincount(day.cause, minlength=len(CAUSES)).tolist()):
            if cause and count:
                self.done.causes[CAUSES[cause]] += count

    def _file(self, folder: str, name: str) -> Path:
        self.done.files.append(f"{folder}/{name}")
        return self.plan.out / folder / name

    def _close(self, number: int) -> None:
        """Write what is cleared on a day, and work out what the bank owes for it."""
        parts = self._waiting.pop(number, [])
        if not parts:
            return
        lines = join(parts)
        done, plan = self.done, self.plan
        order = self._draws(number, "order").some(np.arange(lines.size), lines.size)
        lines = lines.take(order)
        for name in plan.formats:
            if name in _CHANNELS:
                self._write_lines(name, lines.of(_CHANNELS[name]), number)
        done.lines += lines.size
        done.cleared_minor += int(lines.amount.sum())
        done.fees_minor += int(lines.fee.sum())
        due = deposits(lines, number, self.calendar, self.fleet)
        rules = [rule for rule in plan.planted if rule in AT_BANK] if number < plan.days else []
        due = plant_deposits(due, rules, plan.per_rule, self._draws(number, "deposits"))
        for one in planted_deposits(due):
            self._at_bank.append(one)
            done.planted[one.rule] += 1
        for deposit in due:
            self._due.setdefault(deposit.booked, []).append(deposit)

    def _write_lines(self, name: str, lines: Lines, number: int) -> None:
        if not lines.size:
            return
        calendar, fleet, date = self.calendar, self.fleet, self.calendar.text(number)
        if name in NETWORKS:
            file = {
                "acom": f"IND{date[2:]}01ACOM",
                "coma": f"IND{date[2:]}01COMA",
                "zm": f"INN{date[2:]}88ZM_STORNO",
            }[name]
            path = self._file("network", file)
            if name == "zm":
                write_zm(path, lines, calendar, fleet)
            else:
                write_acom(path, lines, calendar, fleet, coma=name == "coma")
        elif name == "wechat":
            file = f"wechat-{date}.csv"
            write_wechat(self._file(name, file), lines, calendar, fleet, number)
        else:
            file = f"alipay-{date}.zip"
            write_alipay(self._file(name, file), lines, calendar, fleet, number)
        if name != "zm":  # it leaves lines out: their numbers are not those of the list
            name_lines(self._found, lines, file, _FIRST_LINE[name])

    def _pay(self, number: int) -> None:
        """Write the bank's statement of a day, if it booked anything."""
        booked = self.calendar.text(number)
        paid = self._due.pop(booked, [])
        if not paid:
            return
        path = self._file("bank", f"bank-{booked}{SUFFIXES[self.plan.bank]}")
        self._balance = write_bank(path, paid, booked, self._balance, self.plan.bank)
        self.done.deposits += len(paid)
        self.done.paid_minor += sum(one.paid_minor for one in paid)

    def _finish(self) -> None:
        plan, done = self.plan, self.done
        write_planted(plan.truth / "planted.jsonl", [*self._found.values(), *self._at_bank])
        write_world(plan.truth / "world.json", self.fleet, self._happened)
        self._fees()
        bridge = {
            "books_minor": done.books_minor, "cleared_minor": done.cleared_minor, "fees_minor": done.fees_minor,
            "paid_minor": done.paid_minor,
            "planted_minor": sum(one.delta_minor for one in self._found.values()),
            "planted_at_bank_minor": sum(one.delta_minor for one in self._at_bank),
        }  # fmt: skip
        assert bridge["cleared_minor"] - bridge["books_minor"] == bridge["planted_minor"], bridge
        due = bridge["cleared_minor"] + bridge["fees_minor"]
        assert bridge["paid_minor"] - due == bridge["planted_at_bank_minor"], bridge
        (plan.truth / "bridge.json").write_text(json.dumps(bridge, indent=1) + "\n", encoding="utf-8")
        manifest = {
            "seed": plan.seed, "days": plan.days, "first": plan.first.isoformat(), "sales_a_day": plan.sales,
            "faults": plan.faults, "merchants": plan.merchants, "terminals": plan.terminals,
            "formats": list(plan.formats), "damaged": plan.damaged, "files": done.files,
        }  # fmt: skip
        (plan.out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")

    def _fees(self) -> None:
        """Write the agreed fee of each merchant, which a fee is checked against."""
        rows = zip(mids(self.fleet), self.fleet.mcc_fee_bp().tolist(), strict=True)
        text = "mid,fee_bp\n" + "".join(f"{mid},{rate}\n" for mid, rate in rows)
        self._file("books", "fees.csv").write_text(text, encoding="utf-8")
