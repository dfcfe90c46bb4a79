"""Writes what monitoring needs: alert rules, dashboard, and docs/metrics*.md with its table of metrics.

`python -m storno.cli.monitordoc` writes all four under a folder (default: here); a test compares, so none can grow old.
It must not name a metric itself: the table is the gateway's, rules and dashboard are `storno.watch`'s.
"""

from __future__ import annotations

import sys
from pathlib import Path

from storno.gateway.counts import HOST_MS, JOURNAL_S
from storno.gateway.metric_table import METRICS
from storno.watch.grafana import dashboard
from storno.watch.prometheus_rules import ALERTS, burn_alerts, rules

TABLES = "<!-- written by `python -m storno.cli.monitordoc` -->"
END = "<!-- end of what is written -->"


def metric_table(lang: str) -> str:
    """Give the tables of metrics and alerts in a language, as Markdown."""
    zh = lang == "zh"
    rows = [
        "| 指标 | 类型 | 标签 | 含义 |" if zh else "| metric | type | labels | what it is |",
        "|---|---|---|---|",
    ]
    for one in METRICS:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.name}` | {one.kind.value} | {labels} | {one.zh if zh else one.en} |")
    host = ", ".join(f"{bound / 1000:g}" for bound in HOST_MS)
    journal = ", ".join(f"{bound:g}" for bound in JOURNAL_S)
    rows += [
        "",
        f"分桶上界（秒）：主机应答 {host}；流水 {journal}。"
        if zh
        else f"Bounds of the buckets in seconds: host {host}; journal {journal}.",
        "",
        "| 告警 | 级别 | 含义 | 处理 |" if zh else "| alert | severity | what it says | what to do |",
        "|---|---|---|---|",
    ]
    for alert in (*burn_alerts(), *ALERTS):
        said, todo = (alert.zh, alert.todo_zh) if zh else (alert.en, alert.todo_en)
        rows.append(f"| `{alert.name}` | {alert.severity} | {said} | {todo} |")
    return "\n".join(rows)


def page(old: str, lang: str) -> str:
    """Give a page with its tables written anew; what stands around them is written by hand."""
    before, begin, rest = old.partition(TABLES)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise AssertionError("the page has lost the marks between which its tables stand")
    return f"{before}{TABLES}\n\n{metric_table(lang)}\n\n{END}{after}"


def files(root: Path) -> dict[Path, str]:
    """Give every file and what it should hold."""
    pages = {root / "docs/metrics.md": "en", root / "docs/metrics.zh-CN.md": "zh"}
    return {
        root / "deploy/prometheus/storno.rules.yml": rules(),
        root / "deploy/grafana/storno.json": dashboard(),
        **{path: page(path.read_text(encoding="utf-8"), lang) for path, lang in pages.items()},
    }


if __name__ == "__main__":
    for path, text in files(Path(sys.argv[1] if len(sys.argv) > 1 else ".")).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
