"""The ordered decision list: what a reversal's reason, an answer's code or the terminal's condition settles by itself.

First rule that holds wins. A rule either names the cause, or says which causes are left for the signals to weigh. A
refusal for business reasons is never called technical. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storno.diagnosis import codes
from storno.diagnosis.fleet import Tally, excess
from storno.diagnosis.knowledge import Text
from storno.diagnosis.signals import ALONE, UNLIKELY

if TYPE_CHECKING:
    from collections.abc import Callable

    from storno.diagnosis.codebook import Codebook
    from storno.diagnosis.codes import Code
    from storno.diagnosis.signals import Around, Signals

_BUSINESS = frozenset({"business", "fraud_block"})
_CARD_ANSWERS = frozenset({"14", "56"})
_EXPIRED = frozenset({"54", "33"})
_AMOUNT = frozenset({"13", "64"})
_REFUSED_USUALLY = 0.02
"""Share of wrong PINs or numbers over many cards that is nothing special at one terminal."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule says. `cause`: settled; empty: one of `among`, the signals decide."""

    rule: str
    why: Text
    cause: str = ""
    among: frozenset[str] = frozenset()


def decide(me: Signals, around: Around = ALONE, book: Codebook | None = None) -> Decision | None:
    """Go down the list; None when no rule holds and every cause is possible."""
    answer = None
    if me.response:
        answer = book.find(me.response) if book is not None else codes.response(me.response)
    for rule in _RULES:
        found = rule(me, around, answer)
        if found is not None:
            return found
    return None


def _among(*names: str) -> frozenset[str]:
    return frozenset(names)


_REASONS = {
    "96": (
        Text("the terminal itself says that it could not finish an approved payment (96)",
             "终端自报：已批准但未能完成（96）"),
        _among("terminal_fault", "ageing_hardware", "old_software", "unofficial_software"),
    ),
    "A0": (
        Text("the terminal found the answer's seal wrong (A0)", "终端校验应答 MAC 出错（A0）"),
        _among("keys_out_of_step", "old_software", "unofficial_software", "unstable_network"),
    ),
    "06": (
        Text("broken off at the terminal for another reason (06)", "终端因其他原因中断（06）"),
        _among("operator_mistake", "card_unreadable", "terminal_fault", "wrong_amount", "ageing_hardware"),
    ),
    "98": (
        Text("no answer within the time limit (98)", "在时限内未收到应答（98）"),
        _among("unstable_network", "wrong_network_settings", "host_failure", "issuer_failure"),
    ),
}  # fmt: skip


def _reversal(me: Signals, _around: Around, _answer: Code | None) -> Decision | None:
    found = _REASONS.get(me.sort.removeprefix("reversed ")) if me.reason else None
    return None if found is None else Decision(f"reason {me.reason}", found[0], among=found[1])


def _business(me: Signals, _around: Around, answer: Code | None) -> Decision | None:
    """Keep refusals out of the faults, but not those that speak of PIN, card data or amount."""
    if answer is None or answer.derived is None or answer.outcome is not codes.Outcome.DECLINED:
        return None
    if me.reason or answer.derived.nature not in _BUSINESS or answer.code in _CARD_ANSWERS:
        return None
    words = Text(
        f"the bank's answer {answer.code} is a refusal for business reasons, and it was received",
        f"已收到应答 {answer.code}，属业务拒绝",
    )
    return Decision(f"answer {answer.code}", words, "business_decline")


def _pin(me: Signals, around: Around, answer: Code | None) -> Decision | None:
    if answer is None or answer.derived is None or answer.derived.nature != "pin":
        return None
    if _many_cards(me, around, lambda one: one.response == answer.code):
        words = Text(
            f"answer {answer.code} for several cards at this terminal: PIN pad or its key, not the people",
            f"本终端多张卡均答 {answer.code}：应查密码键盘或密钥，而非持卡人",
        )
        return Decision(f"answer {answer.code}, many cards", words,
                        among=_among("keys_out_of_step", "terminal_fault", "unofficial_software"))  # fmt: skip
    words = Text(
        f"the bank says that the PIN is wrong ({answer.code})", f"发卡行答：密码错误（{answer.code}）"
    )
    return Decision(f"answer {answer.code}", words, "wrong_pin")


def _card(me: Signals, around: Around, answer: Code | None) -> Decision | None:
    if answer is None or me.reason:
        return None
    if answer.code in _EXPIRED:
        words = Text(
            f"the bank says that the card has expired ({answer.code})", f"发卡行答：卡已过期（{answer.code}）"
        )
        return Decision(f"answer {answer.code}", words, "card_expired")
    if answer.code not in _CARD_ANSWERS:
        return None
    if _many_cards(me, around, lambda one: one.response in _CARD_ANSWERS):
        words = Text(
            f"answer {answer.code} for several cards at this terminal: the reader, not the cards",
            f"本终端多张卡均答 {answer.code}：应查读卡器，而非卡片",
        )
        return Decision(
            f"answer {answer.code}, many cards", words, among=_among("ageing_hardware", "terminal_fault")
        )
    words = Text(
        f"the bank does not know this number ({answer.code})", f"发卡行答：卡号无效（{answer.code}）"
    )
    return Decision(f"answer {answer.code}", words, "wrong_card_data")


def _amount(me: Signals, _around: Around, answer: Code | None) -> Decision | None:
    if answer is None or me.reason or answer.code not in _AMOUNT:
        return None
    words = Text(f"the bank does not take this amount ({answer.code})", f"金额被拒（{answer.code}）")
    return Decision(f"answer {answer.code}", words, "wrong_amount")


def _setup(me: Signals, _around: Around, answer: Code | None) -> Decision | None:
    if answer is None or me.reason or answer.derived is None or answer.derived.nature != "configuration":
        return None
    words = Text(
        f"answer {answer.code}: shop, terminal or kind of payment is not set up at the acquirer",
        f"应答 {answer.code}：商户、终端或交易类型在收单机构未登记",
    )
    return Decision(f"answer {answer.code}", words, "acquirer_setup")


_ANSWERS = {
    **dict.fromkeys(("A0", "99", "77"), (
        Text("the host does not accept the terminal's seal, PIN block or batch", "主机不接受终端的 MAC、密码块或批次"),
        _among("keys_out_of_step", "unofficial_software", "old_software"))),
    **dict.fromkeys(("30", "63"), (
        Text("the host does not accept the message as it is", "主机不接受该报文"),
        _among("unofficial_software", "old_software", "keys_out_of_step"))),
    **dict.fromkeys(("91", "98", "68", "06", "09"), (
        Text("the network says that the card's bank did not do its part", "转接中心答：发卡行未能处理"),
        _among("issuer_failure", "host_failure"))),
    **dict.fromkeys(("92", "96", "A7", "90", "95", "20"), (
        Text("the answer speaks of a fault between acquirer and issuer", "应答表明收单与发卡之间发生故障"),
        _among("host_failure", "issuer_failure"))),
}  # fmt: skip


def _technical(me: Signals, _around: Around, answer: Code | None) -> Decision | None:
    if answer is None or me.reason:
        return None
    found = _ANSWERS.get(answer.code)
    return None if found is None else Decision(f"answer {answer.code}", found[0], among=found[1])


_LOCALS = {
    "L06": (
        Text("nothing was sent: the card could not be read", "未发出：读卡失败"),
        _among("card_unreadable", "ageing_hardware", "operator_mistake", "terminal_fault"),
    ),
    "L09": (
        Text("nothing was sent: the terminal itself could not go on", "未发出：终端自身无法继续"),
        _among("terminal_fault", "ageing_hardware"),
    ),
}


def _local(me: Signals, _around: Around, _answer: Code | None) -> Decision | None:
    found = _LOCALS.get(me.local or "") if not me.response else None
    return None if found is None else Decision(f"condition {me.local}", found[0], among=found[1])


_RULES = (_reversal, _pin, _card, _amount, _business, _setup, _technical, _local)


def _many_cards(me: Signals, around: Around, same: Callable[[Signals], bool]) -> bool:
    """Say whether several other cards got the same at this terminal, more than people's mistakes explain."""
    others = [one for one in around.terminal if one.tx_id != me.tx_id and one.card != me.card]
    cards = {one.card for one in others if same(one)}
    enough = 2
    return len(cards) >= enough and excess(Tally(len(others), len(cards)), _REFUSED_USUALLY) < UNLIKELY
