"""What reconciliation found about one transaction, in a line beside its story, and as data.

Loads the rules only where there is a finding: most transactions have none. Must not read the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storno.cli.open_journal import same_home
from storno.cli.text import t
from storno.journal.exception_table import TITLES
from storno.money import Money

if TYPE_CHECKING:
    from storno.journal.exception_fact import ExceptionRecord


def finding_line(record: ExceptionRecord, home: str | None) -> str:
    """Say what was found, and where to read on."""
    from storno.recon.queue import rule_of

    rule = rule_of(record.about.rule)
    name = record.about.rule if rule is None else t(*rule.title)
    money = Money(record.about.amount_minor, record.about.currency)
    more = same_home(f"storno exceptions show {record.finding_id}", home)
    return t("reconciliation: ", "对账：") + f"{name}  {money}  {t(*TITLES[record.standing])}  ({more})"


def finding_data(record: ExceptionRecord) -> dict[str, Any]:
    """Give it as plain data."""
    return {
        "id": record.finding_id, "rule": record.about.rule, "amount_minor": record.about.amount_minor,
        "currency": record.about.currency, "sure": record.about.sure, "state": record.standing.value,
        "owner": record.owner or None, "found_ms": record.found_ms,
    }  # fmt: skip
