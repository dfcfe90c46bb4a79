"""`storno sim`: live through many simulated days, or through one of them again, and say what became of the money.

Thin: the worlds are in `storno.sim.world`. A broken promise ends with exit code 1 and the one line that replays it.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno import __version__
from storno.cli.sim_words import table
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode

if TYPE_CHECKING:
    from storno.sim.world.scoreboard import Score

_SEED_MAX = 2**63 - 1


class SeedType(click.ParamType):  # type: ignore[type-arg] # generic only in the newest stubs
    """A seed: decimal, or hexadecimal with 0x."""

    name = "seed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if isinstance(value, int):
            return value
        try:
            seed = int(str(value), 0)
        except ValueError:
            seed = -1
        if not 0 <= seed <= _SEED_MAX:
            self.fail(
                t(f"{value!r} is no seed; write 42 or 0x2a", f"{value!r} 不是种子，请写 42 或 0x2a"),
                param,
                ctx,
            )
        return seed


SEED = SeedType()


@click.command("sim")
@click.option(
    "--seeds",
    default=200,
    show_default=True,
    type=click.IntRange(1),
    help=t("How many days.", "模拟多少天。"),
)
@click.option("--start", default=0, show_default=True, type=SEED, help=t("The first seed.", "第一个种子。"))
@click.option("--seed", type=SEED, help=t("This day only.", "只运行这一个种子。"))
@click.option("--explain", type=SEED, help=t("Tell the story of this day.", "讲述这个种子当天的经过。"))
@click.option(
    "--until",
    type=click.IntRange(1),
    metavar="MS",
    help=t(
        "End each day after so many milliseconds, without an evening.", "每天只模拟到该毫秒数，不做日终。"
    ),
)
@click.option(
    "--small",
    is_flag=True,
    help=t("Small days: two terminals, six orders each.", "小型的一天：两台终端，各六笔。"),
)
@click.option(
    "--jobs", default=1, show_default=True, type=click.IntRange(1, 64), help=t("Processes.", "进程数。")
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False),
    help=t("Append the scoreboard to this file.", "把记分板追加到此文件。"),
)
@click.option("--json", "as_json", is_flag=True, help=t("Print JSON.", "输出 JSON。"))
def sim(**given: Any) -> int:
    """Run worlds."""
    if given["explain"] is not None:
        return _explain(given["explain"], given["until"], small=given["small"], as_json=given["as_json"])
    seeds = (
        range(given["start"], given["start"] + given["seeds"])
        if given["seed"] is None
        else range(given["seed"], given["seed"] + 1)
    )
    score, cpu_s = _run(seeds, given)
    body = {**_head(seeds, cpu_s, score), "small": given["small"], **score.as_json()}
    if given["record"]:
        with open(given["record"], "a", encoding="utf-8") as file:  # noqa: PTH123 - append
            file.write(json.dumps(body, ensure_ascii=False) + "\n")
    if given["as_json"]:
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for line in table(score, cpu_s):
            click.echo(line)
    for one in score.broken:
        where = f" [{one.key}]" if one.key is not None else ""
        click.echo(f"{one.replay}    # {one.promise}: {one.text}{where}", err=given["as_json"])
    return ExitCode.DISAGREES if score.broken else ExitCode.DONE


sim.help = t(
    "Live through simulated days in which everything goes wrong, and prove where the money is.",
    "在什么都会出错的模拟日子里运行，并证明每一笔钱的去向。",
)


def _head(seeds: range, cpu_s: float, score: Score) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "first_seed": seeds.start,
        "seeds": len(seeds),
        "cpu_s": round(cpu_s, 1),
        "tx_per_cpu_s": round(score.transactions / cpu_s) if cpu_s else 0,
        "hardware": {
            "cpu": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
        },
    }


def _processor() -> str:
    """Name the processor; what the system calls it where there is no list."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text("utf-8").splitlines() if listed.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()


def _run(seeds: range, given: dict[str, Any]) -> tuple[Score, float]:
    """Live through all seeds; give their score and the seconds of processor time it took."""
    from storno.sim.world.many import run
    from storno.sim.world.scoreboard import Score

    total, cpu_s = Score(), 0.0
    label = t("days", "天")
    shown = not given["as_json"] and sys.stderr.isatty()
    days = run(seeds, given["until"], given["jobs"], small=given["small"])
    with click.progressbar(length=len(seeds), label=label, file=sys.stderr, hidden=not shown) as bar:
        for score, spent_s in days:
            total.add(score)
            cpu_s += spent_s
            bar.update(score.worlds)
    return total, cpu_s


def _explain(seed: int, until_ms: int | None, *, small: bool, as_json: bool) -> int:
    """Tell the story of the transaction that broke a promise; of everything when none did."""
    from storno.sim.world.story import Story
    from storno.sim.world.swarm import draw
    from storno.sim.world.violation import Violation
    from storno.sim.world.world import World

    swarm, story = draw(seed, small=small), Story()
    world = World(swarm, story)
    key, failed = None, ""
    try:
        world.run(until_ms)
    except Violation as violation:
        key, failed = violation.key, str(violation)
    except AssertionError as error:
        failed = f"contract: {error}"
    except Exception as error:  # noqa: BLE001 - whatever the code under test raises ends a story, not the telling
        failed = f"crash: {type(error).__name__}: {error}"
    zh = language() == "zh"
    told = [(line.at_ms - swarm.start_ms, line, line.zh if zh else line.en) for line in story.about(key)]
    if as_json:
        lines = [{"ms": ms, "tid": line.tid, "stan": line.stan, "what": text} for ms, line, text in told]
        body = {"seed": f"{seed:#x}", "small": small, "until_ms": until_ms, "broken": failed, "key": str(key or ""),
                "lines": lines}  # fmt: skip
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        for ms, line, text in told:
            who = f"{line.tid}/{line.stan}" if line.tid else ""
            click.echo(f"{ms / 1000:10.3f} s  {who:15}  {text}")
        click.echo(failed or t("no promise was broken", "没有违反任何保证"))
    return ExitCode.DISAGREES if failed else ExitCode.DONE
