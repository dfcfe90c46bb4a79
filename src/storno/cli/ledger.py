"""`storno ledger`: every account's balance in words, and the proof that the books sum to zero.

Thin: the journal sums, the chart names. Must not do arithmetic of its own beyond a difference.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from storno.cli.open_journal import home_option, open_journal
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode
from storno.ledger import chart
from storno.money import Money

if TYPE_CHECKING:
    from storno.journal.base import Balance
    from storno.journal.sqlite_reader import LedgerProof


@click.command(
    name="ledger",
    help=t(
        "Show balances and prove that they sum to zero. Exit code 1 if they do not.",
        "查看各账户余额，并证明借贷平衡；不平时退出码为 1。",
    ),
)
@home_option
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def ledger(home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Print the books."""
    with open_journal(home) as journal:
        proof = journal.prove_ledger()
    (_print_json if as_json else _print_text)(proof)
    return ExitCode.DONE if proof.balanced else ExitCode.DISAGREES


def _as_dict(balance: Balance) -> dict[str, Any]:
    return {
        "currency": balance.currency,
        "account": balance.account,
        "title": chart.title(balance.account, language()),
        "amount_minor": balance.amount_minor,
        "amount": str(Money(balance.amount_minor, balance.currency)),
    }


def _print_json(proof: LedgerProof) -> None:
    doubt = dict(proof.in_doubt)
    record = {
        "balanced": proof.balanced,
        "postings": proof.postings,
        "unbalanced_postings": proof.unbalanced,
        "accounts": [_as_dict(balance) for balance in proof.balances],
        "totals": [
            {
                "currency": currency, "debit_minor": debit, "credit_minor": credit, "sum_minor": debit + credit,
                "in_doubt_minor": doubt.get(currency, 0),
            }
            for currency, debit, credit in proof.totals
        ],
    }  # fmt: skip
    click.echo(json.dumps(record, ensure_ascii=False))


def _print_text(proof: LedgerProof) -> None:
    if not proof.balances:
        click.echo(t("No money has moved yet: the ledger is empty.", "尚无资金变动：账簿为空。"))
        return
    width = max(len(str(Money(b.amount_minor, b.currency))) for b in proof.balances)
    for balance in proof.balances:
        amount = str(Money(balance.amount_minor, balance.currency)).rjust(width)
        click.echo(f"  {amount}  {balance.account}  ·  {chart.title(balance.account, language())}")
    click.echo()
    doubt = dict(proof.in_doubt)
    for currency, debit, credit in proof.totals:
        total = Money(debit + credit, currency)
        click.echo(
            t(
                f"{currency}: debit {Money(debit, currency)}, credit {Money(-credit, currency)}, sum {total}",
                f"{currency}：借方 {Money(debit, currency)}，贷方 {Money(-credit, currency)}，合计 {total}",
            )
        )
        click.echo(
            t(
                f"  in doubt (reversal or case open): {Money(doubt.get(currency, 0), currency)}",
                f"  待定资金（冲正或差错未结）：{Money(doubt.get(currency, 0), currency)}",
            )
        )
    verdict = (
        t(
            "Sums to zero: proof. Every posting and every currency balances.",
            "借贷平衡：每笔记账、每个币种合计均为零。",
        )
        if proof.balanced
        else t(
            f"DOES NOT SUM TO ZERO ({proof.unbalanced} postings): run `storno journal verify`.",
            f"借贷不平（{proof.unbalanced} 笔记账）：请运行 `storno journal verify`。",
        )
    )
    click.echo(t(f"{proof.postings} postings. ", f"共 {proof.postings} 笔记账。") + verdict)
