"""How the command line says no: what went wrong, where, what to do about it, and the exit code.

A command raises `Trouble` for what a person can mend. It never carries card data: `what` and `where` are
printed. It must not import any command.
"""

from __future__ import annotations

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
        return [f"{label}: {text}" for label, text in rows if text]
