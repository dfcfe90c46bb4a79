"""`storno watch`: follow the journal, say what stands out, keep the alerts.

Thin: `storno.watch` counts and judges; this opens the journal and shows. `--replay` looks at the whole past in memory.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.orders import running
from storno.cli import alert_words as words
from storno.cli.alerts import lines, open_alerts
from storno.cli.explain import settings_of
from storno.cli.open_journal import home_option, open_journal
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.diagnosis.story import local_text
from storno.money import Money
from storno.watch.alerts import LOUD
from storno.watch.levels import EVERYTHING, Level, read_fleet
from storno.watch.outcome import MEASURES, Bad
from storno.watch.replay import replay as run_again
from storno.watch.run import Watcher
from storno.watch.tally import TallyError

if TYPE_CHECKING:
    from storno.watch.alerts import Alert
    from storno.watch.levels import Fleet

_SHOWN = 12
_PORTION = 20_000


@click.command(
    name="watch",
    help=t(
        "Watch rates of reversals, time-outs, technical declines and the like at every level, live; alerts are kept "
        "(see `storno alerts`). --once looks once and ends; exit code 1 if an alert is open. Attributes of terminals "
        "come from fleet.toml or fleet.csv in the home folder.",
        "实时监视各层级的冲正、超时、技术性拒绝等比率，告警会保存（见 `storno alerts`）。"
        "--once 只看一次，有未处理告警时退出码为 1。终端属性取自数据目录中的 fleet.toml 或 fleet.csv。",
    ),
)
@home_option
@click.option("--once", is_flag=True, help=t("Look once and end.", "只看一次。"))
@click.option(
    "--replay", is_flag=True,
    help=t(
        "Look at the whole journal anew, in memory: what was raised, in what order.",
        "在内存中重看全部流水：产生过哪些告警、先后次序。",
    ),
)  # fmt: skip
@click.option(
    "--every", "seconds", type=click.FloatRange(1, 600), default=5.0, show_default=True,
    help=t("Seconds between looks.", "两次查看间隔秒数。"),
)  # fmt: skip
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help=t(
        "Print one JSON object (with --once or --replay).", "输出一个 JSON 对象（配合 --once 或 --replay）。"
    ),
)
def watch(home: str | None, once: bool, replay: bool, seconds: float, as_json: bool) -> int:  # noqa: FBT001
    """Watch."""
    folder = home_dir(home)
    try:
        fleet = read_fleet(folder)
    except TallyError as error:
        raise Trouble(t(error.english, error.chinese), where=str(folder)) from None
    if replay:
        return _replay(home, fleet, as_json=as_json)
    if as_json and not once:
        raise Trouble(t("--json goes with --once or --replay", "--json 须与 --once 或 --replay 同用"))
    offset_min = settings_of(home).node.utc_offset_min
    with open_journal(home) as journal, open_alerts(home) as store:
        if once:
            watcher = Watcher(store, journal, fleet)
            _follow(watcher, home)
            click.echo(
                json.dumps(_data(watcher), ensure_ascii=False)
                if as_json
                else "\n".join(_state(watcher, offset_min))
            )
            return ExitCode.DISAGREES if _loud(watcher) else ExitCode.DONE
        _live(Watcher(store, journal, fleet), home, offset_min, seconds)
    return ExitCode.DONE


def _follow(watcher: Watcher, home: str | None) -> None:
    while watcher.follow(limit=_PORTION).facts == _PORTION:
        pass  # what is far behind is read in portions: in between, people get at the alerts
    now_ms = int(time.time() * 1000)
    seen_ms = now_ms if running(home_dir(home)) is not None else watcher.now_ms
    watcher.follow(now_ms, gateway_ms=seen_ms or now_ms)


def _live(watcher: Watcher, home: str | None, offset_min: int, seconds: float) -> None:
    from rich.live import Live
    from rich.text import Text

    with Live(auto_refresh=False, screen=False) as view:
        while True:
            _follow(watcher, home)
            view.update(Text("\n".join(_state(watcher, offset_min))), refresh=True)
            time.sleep(seconds)


def _loud(watcher: Watcher) -> list[Alert]:
    return [one for one in watcher.store.alerts() if one.standing in LOUD]


# -------------------------------------------------------------------- show
def _state(watcher: Watcher, offset_min: int) -> list[str]:
    live, loud = watcher.store.alerts(), _loud(watcher)
    upto = local_text(watcher.now_ms, offset_min)[:19] if watcher.now_ms else t("nothing", "无")
    found = [
        t(f"journal read to {upto}, fact {watcher.seq:,}", f"流水读至 {upto}，第 {watcher.seq:,} 条"), ""
    ]  # fmt: skip
    found += _rates(watcher)
    sums: dict[str, int] = {}
    for _, one in watcher.outcomes.in_doubt():
        sums[one.currency] = sums.get(one.currency, 0) + one.amount_minor
    doubt = ", ".join(str(Money(minor, currency)) for currency, minor in sorted(sums.items())) or t(
        "none", "无"
    )
    found += [t(f"money of unknown outcome: {doubt}", f"去向不明资金：{doubt}"), ""]
    found += lines(loud[-_SHOWN:], live, offset_min)
    quiet = len(live) - len(loud)
    found.append(
        t(
            f"{len(loud)} alerts open, {quiet} more explained or silenced",
            f"未处理告警 {len(loud)} 条，另有 {quiet} 条已解释或静默",
        )
    )
    return found


def _rates(watcher: Watcher) -> list[str]:
    found = []
    for bad in MEASURES:
        seen = watcher.rates.standing((Level.ALL, EVERYTHING), bad)
        if seen is not None and bad is not Bad.TROUBLE:
            found.append(
                t(
                    f"{seen.failed / max(seen.total, 1):7.2%}  {words.measure(str(bad.name).lower())}"
                    f"  (usual {seen.expected:.2%})",
                    f"{seen.failed / max(seen.total, 1):7.2%}  {words.measure(str(bad.name).lower())}"
                    f"（平时 {seen.expected:.2%}）",
                )
            )
    return found


def _data(watcher: Watcher) -> dict[str, Any]:
    rates = {}
    for bad in MEASURES:
        seen = watcher.rates.standing((Level.ALL, EVERYTHING), bad)
        if seen is not None:
            rates[str(bad.name).lower()] = {
                "failed": round(seen.failed, 3), "total": round(seen.total, 3), "usual": round(seen.expected, 6)
            }  # fmt: skip
    return {
        "seq": watcher.seq, "now_ms": watcher.now_ms, "rates": rates,
        "in_doubt": [tx_id for tx_id, _ in watcher.outcomes.in_doubt()],
        "open": len(_loud(watcher)), "alerts": [words.as_data(one) for one in watcher.store.alerts()],
    }  # fmt: skip


def _replay(home: str | None, fleet: Fleet, *, as_json: bool) -> int:
    offset_min = settings_of(home).node.utc_offset_min
    with open_journal(home) as journal:
        store = run_again(journal, fleet).store
    every = store.alerts(live_only=False)
    roots = [one for one in every if not one.cause]
    if as_json:
        click.echo(
            json.dumps(
                {"raised": len(every), "alerts": [words.as_data(one) for one in every]}, ensure_ascii=False
            )
        )
        return ExitCode.DISAGREES if roots else ExitCode.DONE
    for one in roots:
        click.echo("\n".join(lines([one], [], offset_min)))
        ends = [entry for entry in store.history(one.id) if entry.move.value in ("over", "close")]
        for entry in ends:
            click.echo(f"    {words.move(entry.move)} {local_text(entry.at_ms, offset_min)[:16]}")
        under = sum(1 for child in every if child.cause == one.id)
        if under:
            click.echo(t(f"    explained {under} more", f"    解释了另外 {under} 条"))
    click.echo(
        t(f"{len(every)} raised, {len(roots)} by themselves", f"共产生 {len(every)} 条，独立 {len(roots)} 条")
    )
    return ExitCode.DISAGREES if roots else ExitCode.DONE
