"""What the demonstration says, in words: events, stages, shops, faults, causes.

Rule: texts only, in both languages; no figure is made up here. Must not touch sockets, files or the run itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storno.cli.text import language, t
from storno.diagnosis import words
from storno.money import Money
from storno.reversal.record import Trigger
from storno.sim.faults import FaultKind
from storno.sim.live import Stage
from storno.terminal.outcome import Advice

if TYPE_CHECKING:
    from storno.sim.shop import Face
    from storno.sim.supervisor import Supervisor


def stage(one: Stage) -> str:
    """Name a stage."""
    return {
        Stage.STARTING: t("starting host and gateway", "正在启动主机与网关"),
        Stage.WORKING: t("shops at work, faults on", "门店营业中，故障已开启"),
        Stage.KILLED: t("gateway killed (kill -9)", "网关被 kill -9 杀死"),
        Stage.SETTLING: t("settling: nothing new, reversals finish", "收尾：不再受理新交易，等待冲正完成"),
        Stage.COMPARING: t("comparing the three books", "正在核对三方账目"),
        Stage.DONE: t("done", "完成"),
    }[one]


def event(name: str) -> str:
    """Say what was just done to the world."""
    head, _, tid = name.partition(":")
    return {
        "working": t("host and gateway are up; the shops open", "主机与网关已就绪，门店开始营业"),
        "power_cut": t(
            f"power cut at terminal {tid} in the middle of a transaction", f"终端 {tid} 在交易途中断电"
        ),
        "killed": t(
            "kill -9: gateway and journal writer are dead, transactions still open",
            "kill -9：网关与流水写入进程已死，仍有交易未了结",
        ),
        "restarted": t(
            "gateway restarted: it folded its journal and undoes what was in doubt",
            "网关已重启：从流水恢复，并冲正存疑交易",
        ),
        "settling": t("closing time: no new orders", "打烊：不再有新订单"),
        "faults_off": t(
            "host restarted without faults; terminals and gateway finish their reversals",
            "主机已重启并关闭故障；终端与网关完成剩余冲正",
        ),
        "comparing": t("comparing host, journal and terminals", "核对主机、流水与终端账目"),
        "closing": t(
            "the day's end: clearing file and bank statement, with differences planted in them",
            "日终：导入清算文件与银行流水（其中埋有差异）并对账",
        ),
    }[head]


def fault(name: str) -> str:
    """Describe a fault the host injected."""
    return FaultKind(name).title(language())


def cause(name: str) -> str:
    """Say why something had to be undone."""
    return words.title(Trigger(name), language())


def money(minor: int) -> str:
    """Write an amount."""
    return str(Money(minor, "CNY"))


def shop(face: Face) -> tuple[str, str]:
    """Say what a shop is doing: the words, and their colour."""
    lang = language().value
    if face.busy is not None:
        name = face.busy.operation.title(lang)
        sum_text = f" {money(face.busy.amount_minor)}" if face.busy.amount_minor else ""
        return f"… {name}{sum_text}", "cyan"
    if face.cut:
        return t("power was cut; back, reversal first", "断电后恢复，先冲正"), "magenta"
    result = face.last
    if result is None:
        return t("signing in", "签到中"), "dim"
    said = result.advice(Advice.HAPPENED, lang)
    name = result.operation.title(lang)
    amount = f" {money(result.amount_minor)}" if result.amount_minor else ""
    undone = t(f" · reversed {len(result.reversed_stans)}", f" · 已冲正 {len(result.reversed_stans)} 笔")
    return f"{name}{amount}{t(': ', '：')}{said}" + (undone if result.reversed_stans else ""), COLOURS.get(
        result.outcome.value, ""
    )


COLOURS = {
    "approved": "green",
    "partial": "green",
    "declined": "yellow",
    "doubtful": "magenta",
    "unknown": "magenta",
    "no_answer": "magenta",
    "not_sent": "red",
}


def up(supervisor: Supervisor) -> str:
    """Say whether host and gateway run."""
    on, off = t("up", "运行"), t("DOWN", "停止")
    host = on if supervisor.host.alive else off
    gateway = on if supervisor.gateway.alive else off
    return t(f"host {host} · gateway {gateway}", f"主机 {host} · 网关 {gateway}")
