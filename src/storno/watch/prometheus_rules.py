"""Alert rules for Prometheus over the gateway's metrics, as YAML; deploy/prometheus/storno.rules.yml is this text.

Burn-rate alerts follow the table of Google's SRE workbook (chapter 5, table 5-8: 14.4x over 1 h and 5 min, 6x over
6 h and 30 min, 1x over 3 d and 6 h) and stand on the pooled level of all gateways only, above a least number of
transactions: with few of them one failure would be an alarm. Pure text; `storno.cli.monitordoc` writes the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

PAGE, TICKET = "page", "ticket"
_NAME = re.compile(r"\bstorno_[a-z_]+\b")


@dataclass(frozen=True, slots=True)
class Window:
    """A pair of windows: the long one says that it matters, the short one that it still goes on."""

    long: str
    short: str
    factor: float
    severity: str
    share: str
    """Part of a 30 days' budget that is gone when it fires."""


WINDOWS = (
    Window("1h", "5m", 14.4, PAGE, "2 %"),
    Window("6h", "30m", 6, PAGE, "5 %"),
    Window("3d", "6h", 1, TICKET, "10 %"),
)
LEAST = 200
"""Transactions in the long window below which no burn rate is judged."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A share of transactions that may go wrong: name in recording rules, what goes wrong, out of what."""

    name: str
    alert: str
    budget: float
    bad: str
    all: str
    en: str
    zh: str


_FAILED = 'storno_transactions_total{result=~"timeout|bad_answer|doubtful|not_sent|recovered"}'
OBJECTIVES = (
    Objective(
        "technical_failures",
        "StornoTechnicalFailures",
        0.005,
        f'sum(rate({_FAILED}[W])) + sum(rate(storno_unreachable_total{{when="before"}}[W]))',
        'sum(rate(storno_transactions_total[W])) + sum(rate(storno_unreachable_total{when="before"}[W]))',
        "transactions that fail for technical reasons",
        "因技术原因失败的交易",
    ),
    Objective(
        "reversals",
        "StornoReversals",
        0.005,
        'sum(rate(storno_reversals_begun_total{reason!="recovered"}[W]))',
        "sum(rate(storno_transactions_total[W]))",
        "transactions that have to be undone",
        "需要冲正的交易",
    ),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert rule; `wait` is how long it must hold."""

    name: str
    expr: str
    wait: str
    severity: str
    en: str
    zh: str
    todo_en: str
    todo_zh: str


ALERTS = (
    Alert(
        "StornoWatchdog", "vector(1)", "", "none",
        "Always firing: when it stops, alerts do not arrive.", "始终触发：一旦消失，说明告警链路中断。",
        "Have the receiver raise an alarm when this is missing.", "请让接收端在收不到本告警时报警。",
    ),
    Alert(
        "StornoHalted", "max by (instance) (storno_halted) == 1", "", PAGE,
        "The gateway has stopped: its journal cannot be written.", "网关已停止服务：流水无法写入。",
        "Make room or mend the disk, then start it again.", "请清理空间或修复磁盘后重新启动。",
    ),
    Alert(
        "StornoNoLink", "max by (instance) (storno_links_up) == 0", "1m", PAGE,
        "No link to the host is up: requests are answered as not sent.", "主机链路全部中断：请求一律答复未发出。",
        "Look at the network and at the host.", "请检查网络与主机。",
    ),
    Alert(
        "StornoLinkMissing",
        "max by (instance) (storno_links_wanted - storno_links_up) > 0 and max by (instance) (storno_links_up) > 0",
        "5m", TICKET,
        "Some links to the host are missing.", "部分主机链路缺失。",
        "See `storno status` and the log for which ones.", "请用 `storno status` 和日志查看是哪几条。",
    ),
    Alert(
        "StornoReversalOpenLong", "max by (instance) (storno_reversal_oldest_open_seconds) > 21600", "5m", PAGE,
        "A reversal has been open for more than six hours.", "有冲正超过 6 小时仍未完成。",
        "See `storno cases`; ask the acquirer whether it answers reversals.",
        "请看 `storno cases`，并向收单机构确认冲正是否应答。",
    ),
    Alert(
        "StornoReversalOpen", "max by (instance) (storno_reversal_oldest_open_seconds) > 1800", "5m", TICKET,
        "A reversal has been open for more than half an hour.", "有冲正超过半小时仍未完成。",
        "See `storno status`.", "请看 `storno status`。",
    ),
    Alert(
        "StornoMoneyWaits",
        'sum by (currency) (storno_unknown_money_minor{standing="case"}) > 0', "1h", TICKET,
        "Money of unknown outcome waits for a person ({{ $value }} minor units of {{ $labels.currency }}).",
        "有结果未知的资金待人工处理（{{ $labels.currency }} {{ $value }} 最小单位）。",
        "See `storno cases`; do not charge the card again meanwhile.", "请看 `storno cases`；处理完毕前勿再次扣款。",
    ),
    Alert(
        "StornoReversalRefused",
        'sum(increase(storno_reversal_answers_total{answer="refused"}[1h])) > 0', "", TICKET,
        "The host refused a reversal.", "主机拒绝了冲正。",
        "See `storno cases`: the money is in doubt until clearing.", "请看 `storno cases`：清算之前资金待定。",
    ),
    Alert(
        "StornoMacFailures",
        "sum by (side) (increase(storno_mac_failures_total[15m])) > 20 and on () "
        "sum(increase(storno_mac_failures_total[15m])) > 0.05 * sum(increase(storno_requests_total[15m]))",
        "5m", TICKET,
        "Many messages with a wrong MAC from the {{ $labels.side }} side: keys may be out of step.",
        "{{ $labels.side }} 侧 MAC 错误增多：密钥可能不同步。",
        "Let the terminals sign in again; do not load keys by guess.", "请让终端重新签到；不要凭猜测灌装密钥。",
    ),
    Alert(
        "StornoKeyTrouble", "sum(increase(storno_key_trouble_total[1h])) > 0", "", TICKET,
        "Working keys did not prove themselves.", "工作密钥校验不符。",
        "Compare the master key with the acquirer's.", "请与收单机构核对主密钥。",
    ),
    Alert(
        "StornoUndelivered",
        "sum(increase(storno_undelivered_total[30m])) > 10", "", TICKET,
        "Approvals do not reach terminals and are undone.", "批准应答送不到终端，正在冲正。",
        "Look at the network between terminals and the gateway.", "请检查终端到网关的网络。",
    ),
    Alert(
        "StornoHostSlow",
        "histogram_quantile(0.95, sum by (le) (rate(storno_host_response_seconds_bucket[10m]))) > 10", "10m", TICKET,
        "One in twenty answers of the host takes more than 10 s: time-outs and reversals come next.",
        "主机应答 5% 超过 10 秒，随后可能出现超时与冲正。",
        "Tell the acquirer.", "请联系收单机构。",
    ),
    Alert(
        "StornoJournalSlow",
        "histogram_quantile(0.99, sum by (le, instance) (rate(storno_journal_group_seconds_bucket[10m]))) > 0.5",
        "10m", TICKET,
        "Writing the journal takes more than half a second.", "写流水耗时超过半秒。",
        "Look at the disk: other load, wear, room.", "请检查磁盘负载、损耗与空间。",
    ),
    Alert(
        "StornoCasesUnread", "time() - max by (instance) (storno_cases_read_timestamp_seconds) > 300", "5m", TICKET,
        "The journal cannot be read for open exceptions.", "无法从流水读取待处理差错。",
        "Run `storno journal verify`.", "请运行 `storno journal verify`。",
    ),
)  # fmt: skip


def ratio(objective: Objective, window: str) -> str:
    """Name the recording rule of an objective over a window."""
    return f"storno:{objective.name}:ratio_rate{window}"


def _ratio_expr(objective: Objective, window: str) -> str:
    return f"({objective.bad}) / ({objective.all})".replace("[W]", f"[{window}]")


def burn_alerts() -> Iterator[Alert]:
    """Give the burn-rate alerts of every objective and pair of windows."""
    for one in OBJECTIVES:
        for window in WINDOWS:
            bound = f"{window.factor * one.budget:g}"
            least = f"sum(increase(storno_transactions_total[{window.long}])) > {LEAST}"
            limit = f"{one.budget:.1%}".replace(".0%", "%").replace("%", " %")
            yield Alert(
                f"{one.alert}{window.long}",
                f"{ratio(one, window.long)} > {bound} and {ratio(one, window.short)} > {bound} and {least}",
                "",
                window.severity,
                f"{one.en}: {window.factor:g} times the allowed {limit} over {window.long} and {window.short}"
                f" ({window.share} of the month's budget is gone).",
                f"{one.zh}：{window.long} 与 {window.short} 内为允许值 {limit} 的 {window.factor:g} 倍"
                f"（已用去月度额度的 {window.share}）。",
                "See which result, kind or reason grows (dashboard), then `storno why` on one of them.",
                "先在看板上看是哪种结果、类型或起因增多，再对其中一笔运行 `storno why`。",
            )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _alert_lines(alert: Alert) -> Iterator[str]:
    yield f"      - alert: {alert.name}"
    yield f"        expr: {_quoted(alert.expr)}"
    if alert.wait:
        yield f"        for: {alert.wait}"
    yield "        labels:"
    yield f"          severity: {_quoted(alert.severity)}"
    yield "        annotations:"
    yield f"          summary: {_quoted(alert.en)}"
    yield f"          summary_zh: {_quoted(alert.zh)}"
    yield f"          todo: {_quoted(alert.todo_en)}"
    yield f"          todo_zh: {_quoted(alert.todo_zh)}"


def rules() -> str:
    """Write the rules file."""
    lines = [
        "# Written by `python -m storno.cli.monitordoc`; do not edit. 由脚本生成，请勿手工修改。",
        "# Levels are pooled over all gateways that are scraped; terminals are watched by Storno itself.",
        "groups:",
        "  - name: storno_ratios",
        "    rules:",
    ]
    spans = dict.fromkeys(span for window in WINDOWS for span in (window.short, window.long))
    for one in OBJECTIVES:
        for span in spans:
            lines += [
                f"      - record: {ratio(one, span)}",
                f"        expr: {_quoted(_ratio_expr(one, span))}",
            ]
    lines += ["  - name: storno_burn_rates", "    rules:"]
    lines += [line for alert in burn_alerts() for line in _alert_lines(alert)]
    lines += ["  - name: storno_alerts", "    rules:"]
    lines += [line for alert in ALERTS for line in _alert_lines(alert)]
    return "\n".join(lines) + "\n"


def names_in(text: str) -> frozenset[str]:
    """List the gateway's metrics that rules or a dashboard name; the groups of the rules file are none."""
    without = re.sub(r"(?m)^ *- name: .*$", "", text)
    return frozenset(_NAME.findall(without))
