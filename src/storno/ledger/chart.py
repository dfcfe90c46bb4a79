"""The chart of accounts.

Amounts are signed minor units: positive is a debit, negative a credit. Accounts are plain text so that a journal can
sum them without code; the constructors here are the only place that spells them.
"""

from __future__ import annotations

HOST = "host:receivable"
"""What the acquirer or network owes us for approved sales."""

HOST_HOLD = "hold:host"
"""Memorandum: authorised but not captured (pre-authorisations)."""

SUSPENSE = "suspense:host"
"""Money whose outcome is not known: a reversal or a case is open for every fen of it."""

SUSPENSE_HOLD = "suspense:hold"
"""The same for pre-authorisations."""


def merchant(mid: str) -> str:
    """Name the account of what we owe a merchant."""
    return f"merchant:{mid}:payable"


def merchant_hold(mid: str) -> str:
    """Name the memorandum account of a merchant's pre-authorisations."""
    return f"hold:merchant:{mid}"


def merchant_suspense(mid: str) -> str:
    """Name the counter account of a merchant's money in doubt."""
    return f"suspense:merchant:{mid}"


TITLES: tuple[tuple[str, str, str], ...] = (
    ("host:receivable", "due from the acquirer or network", "应收收单/转接方"),
    ("merchant:", "due to the merchant", "应付商户"),
    ("hold:host", "pre-authorised, not captured", "预授权冻结"),
    ("hold:merchant:", "pre-authorised for the merchant", "商户预授权"),
    ("suspense:host", "in doubt: reversal or case open", "待定资金（冲正或差错未结）"),
    ("suspense:hold", "pre-authorisation in doubt", "待定预授权"),
    ("suspense:merchant:", "in doubt, merchant side", "商户待定资金"),
)


def title(account: str, lang: str) -> str:
    """Say in words what an account holds (`lang` is zh or en)."""
    for prefix, english, chinese in TITLES:
        if account.startswith(prefix):
            return chinese if lang == "zh" else english
    return account
