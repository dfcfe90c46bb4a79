"""Alerts in words: what rose, where, how much, why it is grouped, and what to do next. English and Chinese.

Thin: everything said is in the alert. Must not judge.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from storno.cli.text import t
from storno.money import Money
from storno.watch.alerts import Severity, Standing

if TYPE_CHECKING:
    from storno.watch.alerts import Alert, Entry, Move

_MEASURES = {
    "reversal": ("reversals", "冲正"), "timeout": ("time-outs", "超时"),
    "technical": ("technical declines", "技术性拒绝"), "not_sent": ("requests that could not be sent", "未能发出"),
    "mac": ("MAC errors", "MAC 错误"), "device": ("terminals that could not finish", "终端未能完成交易"),
    "fallback": ("fallback to the stripe", "降级刷磁条"), "repeat": ("repeats", "重发"),
    "amount": ("unusual amounts", "异常金额"), "trouble": ("technical trouble of any kind", "各类技术问题"),
    "few": ("too few transactions", "交易笔数偏少"), "many": ("too many transactions", "交易笔数偏多"),
    "open_reversals": ("reversals open for long", "冲正久未完成"),
    "in_doubt": ("money of unknown outcome", "去向不明资金"),
    "transactions": ("no transactions", "没有交易"), "gateway": ("no gateway", "网关未运行"),
    "watcher": ("the watch is behind", "监视滞后"),
}  # fmt: skip
_LEVELS = {
    "all": ("all transactions", "全部交易"), "issuer": ("issuer BIN", "发卡行 BIN"), "carrier": ("carrier", "运营商"),
    "model": ("model", "机型"), "version": ("software version", "软件版本"), "site": ("site", "地点"),
    "merchant": ("merchant", "商户"), "terminal": ("terminal", "终端"), "set": ("together", "组合"),
}  # fmt: skip
_STANDINGS = {
    Standing.OPEN: ("open", "未处理"), Standing.ACKNOWLEDGED: ("acknowledged", "已确认"),
    Standing.SILENCED: ("silenced", "已静默"), Standing.INHIBITED: ("explained by its cause", "已由共因解释"),
    Standing.CLOSED: ("closed", "已关闭"),
}  # fmt: skip
_MOVES = {
    "raised": ("raised", "产生"), "explained": ("put under its cause", "归入共因"),
    "unexplained": ("stands alone again", "脱离共因"), "acknowledge": ("acknowledged", "确认"),
    "silence": ("silenced", "静默"), "silence_ended": ("silence ended", "静默到期"),
    "over": ("closed by evidence", "据数据关闭"), "cause_over": ("closed with its cause", "随共因关闭"),
    "close": ("closed by a person", "人工关闭"),
}  # fmt: skip


def measure(name: str) -> str:
    """Name a measure."""
    return t(*_MEASURES[name])


def standing(one: Standing) -> str:
    """Name a standing."""
    return t(*_STANDINGS[one])


def move(one: Move) -> str:
    """Name a move."""
    return t(*_MOVES[one.value])


def where(alert: Alert) -> str:
    """Say what it is about."""
    level, value = alert.signal.level, alert.signal.value
    pairs = alert.values or ((level, value),)
    if not alert.values and level == "all":
        return value if alert.signal.source == "money" else t(*_LEVELS["all"])
    return " & ".join(f"{t(*_LEVELS[name])} {text}" for name, text in pairs)


def title(alert: Alert) -> str:
    """Say in one line what is wrong and where."""
    found = f"{measure(alert.signal.measure)}{t(': ', '：')}{where(alert)}"
    others = [measure(name) for name in alert.measures if name != alert.signal.measure]
    return found + (t("; also ", "；另有") + t(", ", "、").join(others) if others else "")


def figures(alert: Alert) -> str:
    """Say the numbers it rests on."""
    one, source = alert.figures, alert.signal.source
    if source == "money":
        return str(Money(one.amount_minor, one.currency))
    if source == "age":
        return t(f"{one.total:.0f} reversals", f"{one.total:.0f} 笔冲正")
    if source == "count":
        return t(
            f"{one.total:,.0f} in the hour, {one.expected:,.0f} expected ({one.score:+.1f} standard deviations)",
            f"该小时 {one.total:,.0f} 笔，预期 {one.expected:,.0f} 笔（偏离 {one.score:+.1f} 个标准差）",
        )
    if source == "watchdog":
        return t(f"for {one.total:.0f} min", f"已 {one.total:.0f} 分钟")
    if source == "burn":
        return t(
            f"{one.rate:.1%} failed, the budget is spent {one.score:g} times too fast",
            f"失败率 {one.rate:.1%}，误差预算消耗速度为 {one.score:g} 倍",
        )
    return t(
        f"{one.rate:.1%} where {one.expected:.2%} is usual (score {one.score:.1f})",
        f"{one.rate:.1%}，平时 {one.expected:.2%}（得分 {one.score:.1f}）",
    )


def advice(alert: Alert) -> str:
    """Say who looks first, and at what."""
    level = alert.values[0][0] if len(alert.values) == 1 else alert.signal.level
    if alert.signal.source in ("money", "age"):
        return t("See: storno cases", "请看：storno cases")
    if alert.signal.source == "watchdog":
        return t(
            "Look whether gateway, lines and terminals are up: storno status",
            "检查网关、线路和终端：storno status",
        )
    return {
        "all": t("Host, acquirer, gateway or line: storno status, then ask the acquirer.",
                 "主机、收单、网关或线路：先看 storno status，再联系收单机构。"),
        "issuer": t("Ask the acquirer about this issuer.", "向收单机构查询该发卡行。"),
        "carrier": t("Ask the carrier; nothing is wrong with the terminals.", "联系运营商，终端本身无故障。"),
        "model": t("Compare with other models; ask the maker.", "与其他机型对比，联系厂家。"),
        "version": t("Stop the roll-out of this version; go back to the last one.", "停止推送该版本，回退到上一版本。"),
        "site": t("Power, network or people at this site.", "检查该地点的电源、网络和人员操作。"),
        "merchant": t("Call the merchant.", "致电商户。"),
        "terminal": t("Clean or change the reader, check keys and settings of this terminal.",
                      "清洁或更换读卡器，检查该终端的密钥与设置。"),
    }.get(level, t("Look at what these have in common: storno localise", "查看共同点：storno localise"))  # fmt: skip


def severity(one: Severity) -> str:
    """Name a severity."""
    return t("NOW", "立即") if one is Severity.PAGE else t("today", "当日")


def as_data(alert: Alert) -> dict[str, Any]:
    """Give an alert as JSON members."""
    return asdict(alert) | {
        "key": alert.signal.key, "severity": alert.severity.value, "standing": alert.standing.value,
        "title": title(alert), "values": dict(alert.values),
    }  # fmt: skip


def entry_data(entry: Entry) -> dict[str, Any]:
    """Give a line of history as JSON members."""
    return asdict(entry) | {"move": entry.move.value, "standing": entry.standing.value}
