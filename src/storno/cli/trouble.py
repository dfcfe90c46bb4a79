"""How the command line says no: what went wrong, where, what to do about it, and the exit code.

A command raises `Trouble` for what a person can mend. It never carries card data: `what` and `where` are
printed. It must not import any command.
"""

from __future__ import annotations

import errno
from enum import IntEnum

from storno.cli.text import t


class ExitCode(IntEnum):
    """What a `storno` command tells the shell; listed in `storno --help`."""

    DONE = 0
    DISAGREES = 1
    BAD_INPUT = 2
    OUTSIDE = 3
    OUR_FAULT = 70
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """Explain the code in the chosen language."""
        return {
            ExitCode.DONE: t("done, and everything agrees", "完成，且各方一致"),
            ExitCode.DISAGREES: t(
                "done, but the answer is no: declined, books differ, check failed",
                "已执行，但结论为否：交易被拒、账不平或校验未通过",
            ),
            ExitCode.BAD_INPUT: t(
                "bad input: an argument, a file, a message or storno.toml",
                "输入有误：参数、文件、报文或 storno.toml",
            ),
            ExitCode.OUTSIDE: t(
                "the surroundings refused: network, port, disk, permission",
                "外部环境不允许：网络、端口、磁盘或权限",
            ),
            ExitCode.OUR_FAULT: t("a fault in Storno itself", "Storno 自身的错误"),
            ExitCode.INTERRUPTED: t("stopped by Ctrl-C", "被 Ctrl-C 中断"),
        }[self]


class Trouble(Exception):  # noqa: N818 - it is an answer to a person, not an error in a program
    """Stop a command with an explanation: what went wrong, where, what to do, and the exit code."""

    def __init__(
        self, what: str, *, where: str = "", todo: str = "", code: ExitCode = ExitCode.BAD_INPUT
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.todo = todo
        self.code = code

    def lines(self) -> list[str]:
        """Return the explanation as lines for the terminal."""
        rows = [
            (t("error", "错误"), self.what),
            (t("where", "位置"), self.where),
            (t("to do", "处理"), self.todo),
        ]
        return [f"{label}{t(': ', '：')}{text}" for label, text in rows if text]


_NO_LISTENING = {
    errno.EADDRINUSE: (
        "another program has this port already",
        "端口已被其他程序占用",
    ),
    errno.EADDRNOTAVAIL: ("this machine does not have that address", "本机没有该地址"),
    errno.EACCES: ("this port needs more rights", "没有使用该端口的权限"),
}


def cannot_listen(error: OSError, address: str) -> Trouble:
    """Say why nobody can listen at an address; any other error is said in the system's words."""
    english, chinese = _NO_LISTENING.get(error.errno or 0, (error.strerror or str(error),) * 2)
    return Trouble(
        t(f"cannot listen: {english}", f"无法监听：{chinese}"),
        where=address,
        todo=t("stop the other program or choose another port", "请停掉占用端口的程序，或换一个端口"),
        code=ExitCode.OUTSIDE,
    )
