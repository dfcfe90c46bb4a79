"""The `storno` command: the table of its commands and the one door by which errors leave.

A command returns an exit code (or nothing, for 0) and raises `Trouble` for what a person can mend; a
traceback is shown only with STORNO_DEBUG=1. Commands are imported when called: `storno --help` stays quick.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, NoReturn

import click

from storno import __version__
from storno.cli.text import Language, UnknownLanguageError, speak, split_language, t
from storno.cli.trouble import ExitCode, Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Entry:
    """One command in a line: `storno NAME` is the click object NAME in the module `storno.cli.NAME`.

    A name that is a Python keyword has an underscore behind it there.
    """

    name: str
    en: str
    zh: str

    def load(self) -> click.Command:
        """Import the module and return the command."""
        name = f"{self.name}_" if iskeyword(self.name) else self.name
        command = getattr(import_module(f"storno.cli.{name}"), name)
        assert isinstance(command, click.Command), f"storno.cli.{name}:{name} is no click command"
        return command


COMMANDS = (
    Entry("demo", "show it all: host, gateway, terminals and faults", "一键演示：主机、网关、终端与故障"),
    Entry("decode", "read an ISO 8583 message, masked", "解析 ISO 8583 报文（卡号掩码）"),
    Entry("gateway", "stand between terminals and the host", "运行终端与主机之间的网关"),
    Entry("terminal", "be a POS: sign in, sell, void, settle", "模拟 POS：签到、消费、撤销、结算"),
    Entry("host", "be an acquirer's host with real books and faults", "模拟收单主机：真实记账，可注入故障"),
    Entry("keys", "import and list terminal and host keys", "导入、查看终端与主机密钥"),
    Entry("status", "say how the gateway is and what waits for a person", "查看网关状态与待处理事项"),
    Entry(
        "cases", "list what needs a person; retry, settle, close", "列出需人工处理的交易；重试、了结、关闭"
    ),
    Entry("explain", "tell the whole story of one transaction", "讲清一笔交易的来龙去脉"),
    Entry("why", "say why one transaction failed and what to do", "说明一笔交易为何失败、怎么办"),
    Entry("codes", "explain response codes", "解释应答码"),
    Entry("ledger", "show balances and prove they sum to zero", "查看余额并证明借贷平衡"),
    Entry("import", "take in statements of networks, wallets and banks", "导入银联、钱包、银行对账文件"),
    Entry("statement", "describe unknown statements and try them", "描述未知账单并试读"),
    Entry("reconcile", "compare our books with what was imported", "与已导入的文件对账并给出结论"),
    Entry("exceptions", "what reconciliation found, and who works on it", "对账差异：查看、分派、处理、复核"),
    Entry(
        "watch", "follow rates and raise alerts with their common cause", "监视各类比率，产生告警并指出共因"
    ),
    Entry("alerts", "list, acknowledge, silence and close alerts", "告警：查看、确认、静默、关闭"),
    Entry("localise", "find what failures have in common", "找出失败的共同点（运营商、机型、版本等）"),
    Entry("journal", "verify, follow or export the journal", "校验、跟踪或导出流水日志"),
    Entry("export", "write the journal as Parquet for auditors", "导出流水为 Parquet，供审计"),
    Entry("generate", "write realistic days with planted differences", "生成逼真的交易日并埋入差异"),
    Entry("sim", "live through days in which everything goes wrong", "模拟什么都会出错的日子，验证资金"),
)


class StornoGroup(click.Group):
    """A group that knows its commands from the table and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the table's order: the order a newcomer needs them in."""
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load the command of that name, or None if the table has none."""
        return next((entry.load() for entry in COMMANDS if entry.name == cmd_name), None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt one is met with the likely one."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            close = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = t(f" Did you mean {close[0]!r}?", f"是否要用 {close[0]!r}？") if close else ""
            raise click.UsageError(t(f"No such command {name!r}.", f"没有命令 {name!r}。") + hint, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table and the exit codes without importing a command."""
        with formatter.section(t("Commands", "命令")):
            formatter.write_dl([(entry.name, t(entry.en, entry.zh)) for entry in COMMANDS])
        with formatter.section(t("Exit codes", "退出码")):
            formatter.write_dl([(str(code.value), code.meaning) for code in ExitCode])
        with formatter.section(t("Environment", "环境变量")):
            formatter.write_dl(
                [
                    ("STORNO_HOME", t("folder of all state (~/.storno)", "存放全部数据的目录（~/.storno）")),
                    (
                        "STORNO_CONFIG",
                        t(
                            "storno.toml to use (the one in the folder)",
                            "使用的 storno.toml（缺省为目录中的）",
                        ),
                    ),
                    (
                        "STORNO_MASTER_KEY",
                        t("64 hex digits, instead of a key file", "64 位十六进制，代替密钥文件"),
                    ),
                    (
                        "STORNO_LANG",
                        t("en or zh; the locale decides without it", "en 或 zh；未设置时看系统语言"),
                    ),
                    ("STORNO_DEBUG", t("1 shows the traceback of an error", "设为 1 时显示错误的调用栈")),
                ]
            )


def build() -> StornoGroup:
    """Return the `storno` group with its texts in the chosen language."""
    group = StornoGroup(
        name="storno",
        help=t(
            "Storno finds POS transactions that went wrong and undoes each exactly once in effect.",
            "Storno 找出出错的 POS 交易，并让每一笔只冲正一次、效果恰好一次。",
        ),
        epilog=t("Begin with: storno demo", "从这里开始：storno demo"),
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        params=[
            click.Option(
                ["--lang"],
                type=click.Choice([lang.value for lang in Language]),
                expose_value=False,
                help=t("Language; works after any command too.", "语言；写在任何命令之后也有效。"),
            )
        ],
    )
    return click.version_option(__version__, prog_name="storno", message="%(prog)s %(version)s")(group)


def choose(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Choose the language for the whole process and return the arguments without `--lang`."""
    chosen, rest = split_language(argv, environ)
    speak(chosen)
    if chosen is Language.ZH:
        from storno.cli import click_zh  # nobody else pays for it

        click_zh.install()
    return rest


def run(argv: list[str]) -> int:
    """Run one command line (without the program's name) and return its exit code; errors go to stderr."""
    try:
        rest = choose(argv, os.environ)
        outcome = build().main(args=rest or ["--help"], prog_name="storno", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return ExitCode.BAD_INPUT
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, a person gets a sentence
        if os.environ.get("STORNO_DEBUG") == "1":
            traceback.print_exc()
        trouble = explain(error)
        for line in trouble.lines():
            click.echo(line, err=True)
        return trouble.code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return outcome if isinstance(outcome, int) else ExitCode.DONE


def explain(error: Exception) -> Trouble:
    """Turn any error into what to tell the person, without a word of what the error may carry by accident."""
    match error:
        case Trouble():
            return error
        case UnknownLanguageError():
            what = t(f"no language {error.name!r}", f"没有语言 {error.name!r}")
            return Trouble(what, where="--lang / STORNO_LANG", todo=t("use en or zh", "请用 en 或 zh"))
        case click.Abort():
            return Trouble(t("stopped", "已中断"), code=ExitCode.INTERRUPTED)
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "storno"
            return Trouble(
                _without_dot(error.format_message()),
                where=path,
                todo=t(f"see {path} --help", f"请看 {path} --help"),
            )
        case click.ClickException():
            return Trouble(error.format_message())
        case OSError():
            return _outside(error)
        case _:
            return _our_fault(error)


def _without_dot(message: str) -> str:
    """End a Chinese sentence in Chinese: click ends each with a point of its own."""
    return t(message, message.removesuffix("."))


def _outside(error: OSError) -> Trouble:
    todo = {
        errno.EADDRINUSE: t(
            "stop the other program or choose another port", "请停掉占用端口的程序，或换一个端口"
        ),
        errno.ECONNREFUSED: t("check that the other side is running", "请确认对方已启动"),
        errno.ENOSPC: t(
            "free some disk space; nothing acknowledged is lost", "请腾出磁盘空间；已应答的交易不会丢失"
        ),
        errno.EACCES: t("check the permissions", "请检查权限"),
        errno.ENOENT: t("check the path", "请检查路径"),
    }.get(
        error.errno or 0, t("check the network, the disk and storno.toml", "请检查网络、磁盘和 storno.toml")
    )
    return Trouble(
        error.strerror or type(error).__name__,
        where=str(error.filename or ""),
        todo=todo,
        code=ExitCode.OUTSIDE,
    )


def _our_fault(error: Exception) -> Trouble:
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f"{last[0].filename}:{last[0].lineno}" if last else ""
    return Trouble(
        t(f"a fault in Storno: {type(error).__name__}", f"Storno 自身出错：{type(error).__name__}"),
        where=where,
        todo=t("run again with STORNO_DEBUG=1 and report it", "请设 STORNO_DEBUG=1 重试，并反馈问题"),
        code=ExitCode.OUR_FAULT,
    )


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit code."""
    sys.exit(_without_broken_pipe(run(sys.argv[1:])))


def _without_broken_pipe(code: int) -> int:
    """Close standard output quietly: `storno journal tail | head` is no error."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
