"""`storno demo`: host, gateway and terminals over real sockets, with faults and a kill -9, in one command.

Thin: options in, a plan out; a live view on a terminal, lines elsewhere, one JSON object with --json. Exit code 0 only
if the three books agree or every difference has a named exception.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble

if TYPE_CHECKING:
    from rich.console import Console

    from storno.cli.demo_view import View
    from storno.sim.live import Plan, Report, World

SECONDS, TERMINALS = 18.0, 6
MARK = ".storno-demo"
RUNS_KEPT = 5
_FRAME_S, _LINE_S = 0.15, 2.0
_SEED_MAX = 1_000_000


@click.command("demo")
@click.option(
    "--headless", is_flag=True, help=t("Lines instead of the live view.", "逐行输出，不用动态界面。")
)
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=SECONDS, show_default=True,
    help=t("Time with load and faults.", "带故障营业的秒数。"),
)  # fmt: skip
@click.option(
    "--terminals", type=click.IntRange(1, 100), default=TERMINALS, show_default=True,
    help=t("How many terminals.", "终端台数。"),
)  # fmt: skip
@click.option("--seed", type=int, help=t("Seed: the same orders again.", "随机种子：重放同样的订单。"))
@click.option("--no-kill", is_flag=True, help=t("Crash nothing.", "不制造崩溃。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "只输出一个 JSON 对象。"))
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path),
    help=t(
        "Folder of this run (new; default: a new one under STORNO_HOME/demo).",
        "本次运行的目录（须为新目录；缺省在 STORNO_HOME/demo 下新建）。",
    ),
)  # fmt: skip
@click.option("--keep", is_flag=True, help=t("Keep all earlier runs.", "保留此前的全部运行数据。"))
def demo(
    *, headless: bool, seconds: float, terminals: int, seed: int | None, no_kill: bool, as_json: bool,
    home: Path | None, keep: bool,
) -> int:  # fmt: skip
    """Run the demonstration."""
    from storno.sim.live import Plan

    folder = _folder(home, keep=keep)
    chosen = secrets.randbelow(_SEED_MAX) if seed is None else seed
    plan = Plan(folder, seconds, terminals, chosen, kill=not no_kill)
    report = _play(plan, headless=headless, as_json=as_json)
    return ExitCode.DISAGREES if report.verdict == "disagree" else ExitCode.DONE


demo.help = t(
    "Show it all: shops sell over real sockets while the host misbehaves and the gateway is killed; then the books of "
    "host, journal and terminals are compared, and the day's clearing file and bank statement are reconciled.",
    "一键演示：门店经真实网络交易，主机故障不断，网关中途被强杀；最后核对主机、流水、终端三方账目，并对清算文件和银行流水做日终对账。",
)


def _folder(home: Path | None, *, keep: bool) -> Path:
    """Make the folder of this run, and remove the oldest of our own earlier ones."""
    if home is not None:
        if home.exists() and any(home.iterdir()):
            raise Trouble(
                t("this folder is not empty", "该目录不为空"),
                where=str(home),
                todo=t("name a new one, or leave --home out", "请指定新目录，或不带 --home"),
            )
        folder = home_dir(home)
    else:
        runs = home_dir() / "demo"
        folder = home_dir(_fresh(runs))
        if not keep:
            _forget_old(runs)
    (folder / MARK).touch()
    return folder


def _fresh(runs: Path) -> Path:
    """Name a run by its moment; two in one second get different names."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (stamp, *(f"{stamp}-{number}" for number in range(2, 100)))
    return next(runs / name for name in names if not (runs / name).exists())


def _forget_old(runs: Path) -> None:
    ours = sorted(one.parent for one in runs.glob(f"*/{MARK}"))
    for old in ours[: -RUNS_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)


def _play(plan: Plan, *, headless: bool, as_json: bool) -> Report:
    from rich.console import Console

    from storno.cli import demo_report
    from storno.sim.supervisor import ProcessTrouble

    console = Console(highlight=False)
    live = console.is_terminal and not headless and not as_json
    try:
        report = asyncio.run(_run(plan, console, live=live, quiet=as_json))
    except ProcessTrouble as error:
        raise Trouble(
            t(f"the {error.name} did not start", f"{error.name} 未能启动"),
            where=str(error.log),
            todo=error.tail.splitlines()[-1] if error.tail else "",
            code=ExitCode.OUTSIDE,
        ) from None
    if as_json:
        click.echo(json.dumps(demo_report.as_json(report), ensure_ascii=False))
    else:
        demo_report.show(report, console)
    return report


async def _run(plan: Plan, console: Console, *, live: bool, quiet: bool) -> Report:
    from storno.cli.demo_view import View
    from storno.sim.live import World

    view = View(console)
    if quiet:
        world = World(plan)
    elif live:
        world = World(plan, view.tell)
    else:
        world = World(plan, lambda name: _line(console, world, name))
    view.world = world
    loop = asyncio.get_running_loop()
    stopper = _Stopper(world, asyncio.current_task())
    loop.add_signal_handler(signal.SIGINT, stopper.asked)
    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed window must leave no host or gateway behind
        loop.add_signal_handler(number, stopper.end)
    if not quiet:
        _welcome(console, plan)
    running = asyncio.create_task(world.run())
    try:
        if live:
            await _draw(view, console, running)
        elif not quiet:
            await _lines(console, world, running)
        return await running
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        raise KeyboardInterrupt from None


class _Stopper:
    """Ctrl-C once ends the load and goes on to the books; twice ends it all."""

    def __init__(self, world: World, task: asyncio.Task[Report] | None) -> None:
        self._world = world
        self._task = task
        self._asked = 0

    def asked(self) -> None:
        self._asked += 1
        if self._asked == 1:
            self._world.stop()
        else:
            self.end()

    def end(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _welcome(console: Console, plan: Plan) -> None:
    console.print(
        t(
            f"Storno demo: a host that misbehaves, a gateway, {plan.terminals} terminals, all over real sockets. "
            f"Half-way the gateway is killed with kill -9. Seed {plan.seed}.",
            f"Storno 演示：一台会出错的主机、一个网关、{plan.terminals} 台终端，全部走真实网络连接；"
            f"中途会用 kill -9 杀死网关。随机种子 {plan.seed}。",
        )
        if plan.kill
        else t(
            f"Storno demo: a host that misbehaves, a gateway, {plan.terminals} terminals, all over real sockets. "
            f"Seed {plan.seed}.",
            f"Storno 演示：一台会出错的主机、一个网关、{plan.terminals} 台终端，全部走真实网络连接。"
            f"随机种子 {plan.seed}。",
        )
    )
    console.print(
        t(
            f"About {plan.seconds + 7:.0f} s; Ctrl-C goes on to the books at once. State of this run:\n{plan.home}",
            f"约 {plan.seconds + 7:.0f} 秒；按 Ctrl-C 立即进入对账。本次运行的数据：\n{plan.home}",
        ),
        style="dim",
        soft_wrap=True,
    )


async def _draw(view: View, console: Console, running: asyncio.Task[Report]) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not running.done():
            live.update(view.render(), refresh=True)
            await asyncio.wait({running}, timeout=_FRAME_S)


async def _lines(console: Console, world: World, running: asyncio.Task[Report]) -> None:
    while not running.done():
        await asyncio.wait({running}, timeout=_LINE_S)
        if not running.done() and world.started_s:
            _progress(console, world)


def _line(console: Console, world: World, name: str) -> None:
    from storno.cli import demo_words as say

    console.print(f"{world.elapsed_s:6.1f} s  {say.event(name)}", style="bold", soft_wrap=True)


def _progress(console: Console, world: World) -> None:
    from storno.cli import demo_words as say

    figures, faults = world.gauge.look(), sum(world.tail.look().values())
    waiting = world.gauge.open_reversals()
    risk = say.money(sum(one.amount_minor for one in waiting))
    console.print(
        t(
            f"{world.elapsed_s:6.1f} s  transactions {figures.opened}, faults {faults}, reversals open {len(waiting)} "
            f"({risk} at risk), done {figures.reversed}, repeats {figures.repeats}",
            f"{world.elapsed_s:6.1f} s  交易 {figures.opened}，故障 {faults}，冲正中 {len(waiting)}（待定 {risk}），"
            f"已冲正 {figures.reversed}，重发 {figures.repeats}",
        ),
        soft_wrap=True,
    )
