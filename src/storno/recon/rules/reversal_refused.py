"""A reversal that the host would not take.

The pair's columns are in `recon.pair`; tried in the order of `order`.
"""

from __future__ import annotations

from storno.recon.finding import Leg, Rule, Whose
from storno.recon.rules._example import Example, undone

RULE = Rule(
    name="reversal_refused",
    leg=Leg.NETWORK,
    order=30,
    when="b_state = 'refused'",
    money="CASE WHEN o_there THEN o_effect ELSE b_amount END",
    whose=Whose.ACQUIRER,
    days=1,
    title=("reversal refused", "冲正被拒"),
    what=(
        (
            "The host refused our reversal, so nobody undid the transaction for us. If it was charged, the "
            "cardholder has paid for a sale that failed."
        ),
        "主机拒绝了冲正请求，交易未被冲正。若持卡人已扣款，则为长款。",
    ),
    next_step=(
        (
            "Settlement clerk: ask the acquirer by RRN or STAN whether it was charged; if so, return it by a "
            "credit adjustment (贷记调整), then `storno cases settle`."
        ),
        (
            "清算人员：凭检索参考号或流水号向收单机构查询是否扣款；"
            "已扣款的做贷记调整退回持卡人，再用 `storno cases settle` 了结。"
        ),
    ),
    not_do=("Do not repeat the sale before the answer is known.", "查清之前不要让持卡人重复刷卡。"),
)
EXAMPLE = Example(books=(undone(state="refused", position="suspense", told="unknown"),))
COUNTER_EXAMPLE = Example(books=(undone(),))
