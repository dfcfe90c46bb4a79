"""A Grafana dashboard over the gateway's metrics, written as JSON; deploy/grafana/storno.json is this text.

Titles stand in Chinese and in English. Every panel shows numerators beside denominators or a ratio made of both; the
data source is asked for when it is imported. Pure text; `storno.cli.monitordoc` writes the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from storno.watch.prometheus_rules import OBJECTIVES, ratio

WIDTH = 24
HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: title (en, zh), unit, width in 24ths, and pairs of query and legend."""

    en: str
    zh: str
    unit: str
    width: int
    queries: tuple[tuple[str, str], ...]
    single: bool = False
    """A figure instead of a line over time."""


def _rate(name: str, by: str) -> str:
    return f'sum by ({by}) (rate({name}{{instance=~"$instance"}}[$__rate_interval]))'


def _now(how: str, name: str) -> str:
    return f'{how}({name}{{instance=~"$instance"}})'


def _quantiles(name: str) -> tuple[tuple[str, str], ...]:
    rate = _rate(f"{name}_bucket", "le")
    return tuple(
        (f"histogram_quantile({part}, {rate})", f"p{part[2:]:0<2}") for part in ("0.5", "0.95", "0.99")
    )


_APPROVED = (
    'sum(rate(storno_transactions_total{result="approved",instance=~"$instance"}[$__rate_interval])) / '
    'sum(rate(storno_transactions_total{instance=~"$instance"}[$__rate_interval]))'
)
PANELS = (
    Panel("Host links up", "主机链路", "short", 4, (
        (_now("sum", "storno_links_up"), "up"), (_now("sum", "storno_links_wanted"), "wanted")), single=True),
    Panel("Open reversals", "未完成冲正", "short", 4, ((_now("sum", "storno_reversals_open"), ""),), single=True),
    Panel("Oldest open reversal", "最早未完成冲正", "s", 4, (
        (_now("max", "storno_reversal_oldest_open_seconds"), ""),), single=True),
    Panel("Exceptions for a person", "待人工处理的差错", "short", 4, (
        (_now("sum", "storno_cases_open"), ""),), single=True),
    Panel("Money of unknown outcome, minor units (fen)", "结果未知的资金（分）", "short", 8, (
        (_now("sum by (currency, standing) ", "storno_unknown_money_minor"), "{{currency}} {{standing}}"),),
        single=True),
    Panel("Transactions by result", "交易结果", "reqps", 12, (
        (_rate("storno_transactions_total", "result"), "{{result}}"),)),
    Panel("Transactions by kind", "交易类型", "reqps", 12, (
        (_rate("storno_transactions_opened_total", "kind"), "{{kind}}"),)),
    Panel("Share of technical failures and of reversals (1 h, all gateways)", "技术失败与冲正占比（1 小时，全部网关）",
          "percentunit", 12, tuple((ratio(one, "1h"), f"{one.en} / {one.zh}") for one in OBJECTIVES)),
    Panel("Approval share of decided transactions", "批准占比", "percentunit", 12, (
        (_APPROVED, "approved"),)),
    Panel("Reversals begun, by reason", "发起冲正（按起因）", "reqps", 12, (
        (_rate("storno_reversals_begun_total", "reason"), "{{reason}}"),)),
    Panel("Reversals ended, by state", "冲正结束（按状态）", "reqps", 12, (
        (_rate("storno_reversals_ended_total", "state"), "{{state}}"),)),
    Panel("Reversals sent and answered", "冲正发送与应答", "reqps", 12, (
        (_rate("storno_reversals_sent_total", "sending"), "{{sending}}"),
        (_rate("storno_reversal_answers_total", "answer"), "{{answer}}"))),
    Panel("Host response time", "主机应答时间", "s", 12, _quantiles("storno_host_response_seconds")),
    Panel("Journal group", "流水落盘时间", "s", 12, _quantiles("storno_journal_group_seconds")),
    Panel("Time-outs, late answers, repeats", "超时、迟到应答、重发", "reqps", 12, (
        (_rate("storno_timeouts_total", ""), "time-outs / 超时"),
        (_rate("storno_late_answers_total", ""), "late / 迟到"),
        (_rate("storno_repeats_total", "what"), "{{what}}"))),
    Panel("Wrong MACs and unreadable messages", "MAC 错与无法解析", "reqps", 12, (
        (_rate("storno_mac_failures_total", "side"), "MAC {{side}}"),
        (_rate("storno_unreadable_total", "side"), "unreadable / 无法解析 {{side}}"))),
    Panel("Refused by the gateway, host unreachable", "网关拒绝与主机不可达", "reqps", 12, (
        (_rate("storno_refused_total", "reason"), "{{reason}}"),
        (_rate("storno_unreachable_total", "when"), "unreachable / 不可达 {{when}}"))),
    Panel("Terminals connected, requests in flight", "已连接终端与在途请求", "short", 12, (
        (_now("sum", "storno_terminal_connections"), "terminals / 终端"),
        (_now("sum", "storno_requests_in_flight"), "in flight / 在途"))),
    Panel("Exceptions opened and waiting", "差错：新增与待处理", "short", 12, (
        ('sum(increase(storno_cases_opened_total{instance=~"$instance"}[1h]))', "opened in 1 h / 1 小时新增"),
        (_now("sum by (case) ", "storno_cases_open"), "{{case}}"))),
)  # fmt: skip


def _panel(number: int, panel: Panel, at: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "stat" if panel.single else "timeseries",
        "title": f"{panel.zh} · {panel.en}",
        "datasource": _SOURCE,
        "gridPos": {
            "x": at[0],
            "y": at[1],
            "w": panel.width,
            "h": HEIGHT // 2 if panel.single else HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expr, "legendFormat": legend}
            for place, (expr, legend) in enumerate(panel.queries)
        ],
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {"name": "source", "type": "datasource", "query": "prometheus", "label": "数据源 · data source"},
        {
            "name": "instance",
            "type": "query",
            "label": "网关 · gateway",
            "datasource": _SOURCE,
            "query": {"query": "label_values(storno_build_info, instance)", "refId": "instance"},
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": ["All"], "value": ["$__all"]},
            "refresh": 2,
        },
    ]


def dashboard() -> str:
    """Write the dashboard file."""
    panels: list[dict[str, Any]] = []
    x = y = 0
    for number, panel in enumerate(PANELS, 1):
        if x + panel.width > WIDTH:
            x, y = 0, y + panels[-1]["gridPos"]["h"]
        panels.append(_panel(number, panel, (x, y)))
        x += panel.width
    body = {
        "uid": "storno-gateway",
        "title": "Storno 网关 · gateway",
        "description": "Written by `python -m storno.cli.monitordoc`; do not edit. 由脚本生成，请勿手工修改。",
        "tags": ["storno"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": panels,
    }
    return json.dumps(body, ensure_ascii=False, indent=2) + "\n"
