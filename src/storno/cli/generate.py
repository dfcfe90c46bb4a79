"""`storno generate`: realistic days with every side's files, planted differences, and the truth in a folder apart.

Thin: the days are in `storno.sim.days`. It writes into an empty folder only, and says what it planted.
"""

from __future__ import annotations

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.cli.day_option import DAY
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.money import Money

if TYPE_CHECKING:
    from storno.sim.days.plan import Plan
    from storno.sim.days.run import Done

_TRUTH = "truth"
_SEED_MAX = 2**63 - 1


@click.command(
    "generate",
    help=t(
        "Write realistic days: terminals' journals, our books, the network's clearing, wallets' bills and the bank's "
        "statement, with differences planted in them. What is true is written to a folder of its own.",
        "生成逼真的交易日：终端流水、本方账目、清算文件、钱包账单和银行流水，并埋入差异；真相另存一个目录。",
    ),
)
@click.option("--days", type=click.IntRange(1, 3660), default=1, show_default=True, help=t("Days.", "天数。"))
@click.option(
    "--sales", type=click.IntRange(1, 20_000_000), default=10_000, show_default=True,
    help=t("Sales a day; voids, refunds and the like come on top.", "每天消费笔数；撤销、退货等另计。"),
)  # fmt: skip
@click.option(
    "--faults", type=click.FloatRange(0, 0.5), default=0.01, show_default=True, metavar="RATE",
    help=t("Share of sales with a technical fault, 0 to 0.5.", "发生技术故障的消费占比，0 到 0.5。"),
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(0, _SEED_MAX), default=1, show_default=True,
    help=t("The same seed gives the same bytes.", "同一种子生成的文件逐字节相同。"),
)  # fmt: skip
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True,
    help=t("Folder to write to; it must be empty or new.", "输出目录，须为空目录或新目录。"),
)  # fmt: skip
@click.option(
    "--truth", type=click.Path(file_okay=False, path_type=Path),
    help=t("Folder of the truth (beside --out, with -truth).", "真相目录（缺省为 --out 加 -truth）。"),
)  # fmt: skip
@click.option(
    "--merchants",
    type=click.IntRange(1, 9_999),
    default=40,
    show_default=True,
    help=t("Merchants.", "商户数。"),
)
@click.option(
    "--terminals",
    type=click.IntRange(1, 100_000),
    default=120,
    show_default=True,
    help=t("Terminals.", "终端数。"),
)
@click.option(
    "--formats", default="acom,bank_csv", show_default=True,
    help=t(
        "One of acom, coma, zm; one of bank_csv, camt, mt940; and wechat, alipay as wanted.",
        "acom、coma、zm 选一，bank_csv、camt、mt940 选一，另可加 wechat、alipay。",
    ),
)  # fmt: skip
@click.option(
    "--damaged", type=click.FloatRange(0, 0.5), default=0.0, show_default=True,
    help=t("Share of clearing lines with a damaged key.", "清算文件中关联要素受损的行占比。"),
)  # fmt: skip
@click.option(
    "--plant", default="all", show_default=True, metavar="all|none|NAMES",
    help=t("Differences to plant, by name, with commas.", "要埋入的差错种类，以逗号分隔。"),
)  # fmt: skip
@click.option(
    "--plant-count", type=click.IntRange(0, 100_000),
    help=t("How many of each a day (by the number of sales).", "每种每天埋几笔（缺省按交易量）。"),
)  # fmt: skip
@click.option(
    "--first",
    type=DAY,
    help=t("The first day (2026-11-02).", "第一天（2026-11-02）。"),
)
@click.option("--holiday", "holidays", type=DAY, multiple=True,
              help=t("A day on which no bank works; may be repeated.", "银行休息日，可多次给出。"))  # fmt: skip
@click.option(
    "--journal", is_flag=True, help=t("Write our books as a real journal too.", "另写一份真实流水日志。")
)
@click.option(
    "--no-signals", is_flag=True, help=t("Leave the signals out: faster.", "不写信号文件，速度更快。")
)
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def generate(**given: Any) -> int:
    """Generate days."""
    from storno.sim.days.plan import PlanError
    from storno.sim.days.run import Generator

    plan = _plan(given)
    began = time.monotonic()
    try:
        plan.check()
    except PlanError as error:
        raise Trouble(t(error.english, error.chinese)) from None
    for folder in (plan.out, plan.truth):
        _empty(folder)
    show = not given["as_json"] and plan.days > 1
    done = Generator(plan, _progress if show else lambda _done, _total: None).run()
    seconds = time.monotonic() - began
    if given["as_json"]:
        click.echo(json.dumps(_as_data(plan, done, seconds), ensure_ascii=False))
    else:
        for line in _lines(plan, done, seconds):
            click.echo(line)
    return ExitCode.DONE


def _plan(given: dict[str, Any]) -> Plan:
    from storno.recon.finding import RULE_NAMES
    from storno.sim.days.plan import FIRST_DAY, Plan

    out: Path = given["out"]
    named = {"all": RULE_NAMES, "none": ()}.get(given["plant"])
    return Plan(
        out,
        given["truth"] or out.with_name(f"{out.name}-{_TRUTH}"),
        days=given["days"], sales=given["sales"], faults=given["faults"], seed=given["seed"],
        merchants=min(given["merchants"], given["terminals"]), terminals=given["terminals"],
        formats=_names(given["formats"]), damaged=given["damaged"],
        plant=_names(given["plant"]) if named is None else named, plant_count=given["plant_count"],
        first=_day(given["first"]) if given["first"] else FIRST_DAY,
        holidays=frozenset(map(_day, given["holidays"])), signals=not given["no_signals"],
        journal=given["journal"],
    )  # fmt: skip


def _day(moment: datetime) -> date:
    return moment.date()


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _empty(folder: Path) -> None:
    """Make the folder, or refuse one that holds something."""
    if folder.exists() and any(folder.iterdir()):
        raise Trouble(
            t("this folder is not empty; nothing was written", "该目录不为空，未写入任何内容"),
            where=str(folder),
            todo=t("name a new folder, or empty it yourself", "请指定新目录，或自行清空"),
        )
    folder.mkdir(parents=True, exist_ok=True)


def _progress(done: int, total: int) -> None:
    if done in (1, total) or done * 10 // total != (done - 1) * 10 // total:
        click.echo(t(f"  day {done} of {total}", f"  第 {done}/{total} 天"), err=True)


def _as_data(plan: Plan, done: Done, seconds: float) -> dict[str, Any]:
    return {
        "out": str(plan.out), "truth": str(plan.truth), "seed": plan.seed, "days": plan.days,
        "transactions": done.transactions, "terminal_rows": done.terminal_rows, "book_rows": done.book_rows,
        "lines": done.lines, "damaged": done.damaged, "deposits": done.deposits, "books_minor": done.books_minor,
        "cleared_minor": done.cleared_minor, "fees_minor": done.fees_minor, "paid_minor": done.paid_minor,
        "planted": dict(sorted(done.planted.items())), "causes": dict(sorted(done.causes.items())),
        "files": done.files, "seconds": round(seconds, 2),
    }  # fmt: skip


def _lines(plan: Plan, done: Done, seconds: float) -> list[str]:
    from storno.recon.rules import RULES

    rate = done.transactions / seconds if seconds else 0.0
    rows = [
        t(
            f"{done.transactions:,} transactions on {plan.days} days, {len(done.files)} files in {seconds:.1f} s "
            f"({rate:,.0f}/s), seed {plan.seed}",
            f"{plan.days} 天共 {done.transactions:,} 笔交易，{len(done.files)} 个文件，用时 {seconds:.1f} 秒"
            f"（每秒 {rate:,.0f} 笔），种子 {plan.seed}",
        ),
        t(
            f"our books {Money(done.books_minor)}, cleared {Money(done.cleared_minor)}, "
            f"fees {Money(done.fees_minor)}, paid by the bank {Money(done.paid_minor)}",
            f"本方账目 {Money(done.books_minor)}，清算 {Money(done.cleared_minor)}，"
            f"手续费 {Money(done.fees_minor)}，银行入账 {Money(done.paid_minor)}",
        ),
    ]
    if done.damaged:
        rows.append(t(f"{done.damaged:,} lines have a damaged key", f"{done.damaged:,} 行关联要素受损"))
    total = sum(done.planted.values())
    rows.append(t(f"differences planted: {total}", f"埋入差异：{total} 笔"))
    rows += [f"  {count:>6}  {name}  {t(*RULES[name].title)}" for name, count in sorted(done.planted.items())]
    rows.append(t(f"sides: {plan.out}", f"各方文件：{plan.out}"))
    rows.append(
        t(f"truth: {plan.truth} (do not give it to whom you test)", f"真相：{plan.truth}（不要交给被测一方）")
    )
    return rows
