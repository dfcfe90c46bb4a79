"""The live picture of a demonstration: shops, reversals under way, money at risk, causes, what was just done.

Rule: reads the world, changes nothing. Fits 80 columns by 24 lines, and uses two columns where there is room.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from storno.cli import demo_words as say
from storno.cli.text import t
from storno.cli.width import cells
from storno.sim.live import Stage

if TYPE_CHECKING:
    from rich.console import RenderableType

    from storno.sim.live import World

WIDE = 120
_EVENTS = 3
_OTHER_LINES = 16
"""Everything but the rows of the shops, in the narrow picture."""
_LEAST_SHOPS = 3
_SHARE_OF_REVERSALS = 4


class View:
    """What is drawn, some times a second."""

    def __init__(self, console: Console) -> None:
        self.world: World | None = None
        self._console = console
        self._events: deque[str] = deque(maxlen=_EVENTS)

    def tell(self, name: str) -> None:
        """Take in an event."""
        at = self.world.elapsed_s if self.world is not None else 0.0
        self._events.append(f"{at:5.1f} s  {say.event(name)}")

    def render(self) -> RenderableType:
        """Draw the world as it is now."""
        world = self.world
        if world is None:
            return Text(t("starting…", "启动中…"))
        world.gauge.look()
        world.tail.look()
        width, height = self._console.size
        room = max(12, height - 1)
        if width >= WIDE:
            sides = Table.grid(padding=(0, 3), expand=True)
            sides.add_column(ratio=1)
            sides.add_column(ratio=1)
            right = Group(self._risk(world, 10), Text(), self._causes(world, 8))
            sides.add_row(self._shops(world, room - 9), right)
            return Group(self._head(world), Text(), sides, Text(), self._told())
        shops = max(_LEAST_SHOPS, room - _OTHER_LINES)
        return Group(
            self._head(world), Text(), self._shops(world, shops), Text(),
            self._risk(world, _SHARE_OF_REVERSALS), self._causes(world, 2), Text(), self._told(),
        )  # fmt: skip

    def _head(self, world: World) -> RenderableType:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(no_wrap=True)
        grid.add_column(ratio=1)
        grid.add_column(justify="right", no_wrap=True)
        done = world.stage not in (Stage.STARTING, Stage.WORKING, Stage.KILLED)
        bar = ProgressBar(total=1.0, completed=world.progress, complete_style="cyan", pulse=done)
        clock = f"{min(world.elapsed_s, world.plan.seconds):.0f}/{world.plan.seconds:.0f} s"
        style = "bold red" if world.stage is Stage.KILLED else "bold"
        grid.add_row(Text("Storno", "bold cyan"), bar, Text(clock))
        down = not (world.supervisor.gateway.alive and world.supervisor.host.alive)
        state = Text(say.up(world.supervisor), "bold red" if down else "green")
        line = Table.grid(padding=(0, 2), expand=True)
        line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        line.add_column(justify="right", no_wrap=True)
        line.add_row(Text(say.stage(world.stage), style), state)
        return Group(grid, line)

    def _shops(self, world: World, rows_max: int) -> Table:
        table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
        table.add_column(t("terminal", "终端"), no_wrap=True, width=8)
        table.add_column(t("what the cashier sees", "收银员所见"), ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(t("done", "笔数"), justify="right", no_wrap=True, width=6)
        fits = len(world.shops) <= rows_max
        shown = world.shops if fits else world.shops[: max(1, rows_max - 1)]
        for shop in shown:
            words, style = say.shop(shop.face)
            table.add_row(shop.post.tid, Text(words, style), str(shop.face.orders))
        hidden = len(world.shops) - len(shown)
        if hidden:
            table.add_row("…", Text(t(f"and {hidden} more", f"另有 {hidden} 台"), "dim"), "")
        return table

    def _risk(self, world: World, rows_max: int) -> RenderableType:
        waiting = world.gauge.open_reversals()
        cases = world.gauge.cases()
        risk = sum(one.amount_minor for one in waiting) + sum(
            case.amount_minor for case in cases if case.at_risk
        )
        figures = world.gauge.figures
        title = Text(t("Money at risk ", "待定资金 "), "bold").append(
            say.money(risk), "bold red" if risk else "bold green"
        )
        title.append(
            t(
                f" · reversals open {len(waiting)}, done {figures.reversed} · cases {len(cases)}",
                f" · 冲正中 {len(waiting)}，已完成 {figures.reversed} · 差错 {len(cases)}",
            )
        )
        table = Table.grid(padding=(0, 1), expand=True)
        for justify, ratio in (("left", None), ("right", None), ("left", 1), ("right", None)):
            table.add_column(justify=justify, ratio=ratio, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
        now_ms = time.time() * 1000
        for one in waiting[: rows_max - (len(waiting) > rows_max)]:
            age = max(0.0, now_ms - one.since_ms) / 1000
            sent = (
                t(f"sent {one.attempts} times", f"已发 {one.attempts} 次")
                if one.attempts
                else t("not sent yet", "尚未发出")
            )
            tries = t(f"{sent}, {age:.0f} s old", f"{sent}，{age:.0f} 秒")
            table.add_row(
                f"{one.tid}/{one.stan}",
                say.money(one.amount_minor),
                say.cause(one.trigger) if one.trigger else "",
                tries,
            )
        if len(waiting) > rows_max:
            table.add_row(
                "…",
                "",
                t(f"and {len(waiting) - rows_max + 1} more", f"另有 {len(waiting) - rows_max + 1} 笔"),
                "",
            )
        for _ in range(rows_max - min(len(waiting), rows_max)):
            table.add_row("", "", "", "")
        return Group(title, table)

    def _causes(self, world: World, rows_max: int) -> RenderableType:
        faults, causes = world.tail.counts, world.gauge.figures.causes
        if rows_max <= _EVENTS:
            return Group(
                _one_line(
                    t("Faults", "故障"),
                    [(say.fault(k), n) for k, n in faults.most_common()],
                    self._console.width,
                ),
                _one_line(
                    t("Undone", "冲正原因"),
                    [(say.cause(k), n) for k, n in causes.most_common()],
                    self._console.width,
                ),
            )
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(ratio=1)
        grid.add_column(ratio=1)
        grid.add_row(
            _column(
                t("Faults injected", "已注入故障"),
                [(say.fault(k), n) for k, n in faults.most_common(rows_max)],
            ),
            _column(
                t("Why undone", "冲正原因"), [(say.cause(k), n) for k, n in causes.most_common(rows_max)]
            ),
        )
        return grid

    def _told(self) -> RenderableType:
        lines = [Text(one, "bold", no_wrap=True, overflow="ellipsis") for one in self._events]
        return Group(*lines)


def _one_line(title: str, counts: list[tuple[str, int]], columns: int) -> Text:
    """Show as many as fit whole; what does not fit is counted as "others"."""
    left = sum(count for _, count in counts)
    text = Text(f"{title} {left}", "bold", no_wrap=True, overflow="ellipsis")
    for name, count in counts:
        left -= count
        part = f" · {name} {count}"
        rest = t(f" · others {left}", f" · 其他 {left}") if left else ""
        if text.cell_len + cells(part) + cells(rest) > columns:
            text.append(t(f" · others {left + count}", f" · 其他 {left + count}"), "not bold")
            break
        text.append(part, "not bold")
    return text


def _column(title: str, counts: list[tuple[str, int]]) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    table.add_column(title, ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("", justify="right")
    for name, count in counts:
        table.add_row(name, str(count))
    return table
