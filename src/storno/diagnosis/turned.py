"""The words of a diagnosis for what gives money back or only holds it: a void that counts puts money on the card again.

The lattice speaks of charges; here its words are turned for voids, refunds and pre-authorisations. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from storno.diagnosis.knowledge import Text
from storno.diagnosis.lattice import Diagnosis, Money
from storno.reversal.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

_RETURNS = frozenset({Kind.VOID, Kind.COMPLETION_VOID, Kind.REFUND})
_RELEASES = frozenset({Kind.PREAUTH_VOID})

_Words = tuple[Text, Text, Text, Text]
"""What happened, where the money is, what to tell the cardholder, what not to do."""

_STANDS = Text("The original payment stands; nothing has gone back yet.", "原交易仍有效，尚未退回。")
_AGAIN = Text(
    "Do not treat the original as undone; do it anew if it is still wanted.",
    "不要当作原交易已撤销；如仍需要请重新办理。",
)
_RETURN_WORDS: Mapping[Money, _Words] = {
    Money.TAKEN: (
        Text("The {kind} took effect.", "{kind}已生效。"),
        Text("The money goes back to the card.", "款项退回持卡人。"),
        Text("The money goes back to your card.", "款项将退回您的卡。"),
        Text("Do not void or refund it again.", "不要再次撤销或退货。"),
    ),
    Money.GIVEN_BACK: (
        Text("The {kind} was itself undone.", "{kind}本身已被冲正。"),
        Text("The original counts again: the money stays taken.", "原交易恢复有效，款项未退回。"), _STANDS, _AGAIN,
    ),
    Money.NOT_TAKEN: (
        Text("The {kind} took no effect.", "{kind}未生效。"),
        Text("The original counts: the money stays taken.", "原交易有效，款项未退回。"), _STANDS, _AGAIN,
    ),
    Money.UNKNOWN: (
        Text("What became of the {kind} is open.", "{kind}的结果尚不明确。"),
        Text("The money may have gone back, or not.", "款项可能已退回，也可能没有。"),
        Text("It is not yet clear whether the money has gone back; we find out.", "是否退回尚不明确，我们会查清。"),
        Text("Do not void or refund it again before that is known.", "查清之前不要再次撤销或退货。"),
    ),
    Money.TAKEN_TWICE: (
        Text("The {kind} counts twice in clearing.", "清算中{kind}重复生效。"),
        Text("The money went back twice: the shop is short.", "款项重复退回，商户短款。"),
        Text("The money is back on your card.", "款项已退回您的卡。"),
        Text("Do not refund anything more; claim the second one.", "不要再退款，应追回多退的一笔。"),
    ),
    Money.GIVEN_BACK_TWICE: (
        Text("The {kind} was undone twice in clearing.", "清算中{kind}被重复冲正。"),
        Text("The cardholder was charged once too often.", "持卡人被多扣一次。"),
        Text("You were charged once too often; it is being given back.", "多扣的一笔正在办理退回。"),
        Text("Do not deny it.", "不要否认。"),
    ),
}  # fmt: skip
_HOLD_WHERE: Mapping[Money, Text] = {
    Money.TAKEN: Text("Held on the card, not charged.", "已冻结，未扣款。"),
    Money.GIVEN_BACK: Text("The hold was released as far as is known.", "据现有信息冻结已解除。"),
    Money.NOT_TAKEN: Text("Nothing is held.", "未冻结。"),
    Money.UNKNOWN: Text("It may be held on the card.", "可能已冻结。"),
}
_HOLD_TELL: Mapping[Money, Text] = {
    Money.TAKEN: Text("The amount is held, not charged.", "金额已冻结，未扣款。"),
    Money.GIVEN_BACK: Text("The hold is released within days.", "冻结将于数日内解除。"),
    Money.NOT_TAKEN: Text("Nothing is held.", "未冻结。"),
    Money.UNKNOWN: Text(
        "It is not yet clear whether it is held; we find out.", "是否冻结尚不明确，我们会查清。"
    ),
}
_RELEASE_WHERE: Mapping[Money, Text] = {
    Money.TAKEN: Text("The hold is released.", "冻结已解除。"),
    Money.GIVEN_BACK: Text("The hold stands again.", "冻结恢复。"),
    Money.NOT_TAKEN: Text("The hold stands.", "冻结仍有效。"),
    Money.UNKNOWN: Text("The hold may have been released.", "冻结可能已解除。"),
}


def turned(found: Diagnosis, kind: Kind) -> Diagnosis:
    """Give a diagnosis in the words that fit the kind; name and combination stay the same."""
    name = Text(kind.title("en"), kind.title("zh"))
    if kind in _RETURNS:
        happened, where, tell, dont = _RETURN_WORDS[found.money]
        return replace(found, happened=_filled(happened, name), where=where, tell=tell, dont=dont)
    if kind in _RELEASES and found.money in _RELEASE_WHERE:
        happened, _, _, dont = _RETURN_WORDS[found.money]
        where = _RELEASE_WHERE[found.money]
        return replace(found, happened=_filled(happened, name), where=where, tell=where, dont=dont)
    if kind is Kind.PREAUTH and found.money in _HOLD_WHERE and found.name != "completed":
        return replace(found, where=_HOLD_WHERE[found.money], tell=_HOLD_TELL[found.money])
    return found


def _filled(text: Text, name: Text) -> Text:
    return Text(text.english.format(kind=name.english), text.chinese.format(kind=name.chinese))
