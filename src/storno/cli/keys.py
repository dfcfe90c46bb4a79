"""`storno keys`: terminals' master keys, the key of the line to the network, and the vault's own master key.

Thin: the vault stores, check values are all that is shown. A running gateway shares the key file; each command says
when it has to be restarted.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.app.build import CARDS, JOURNAL, KEYS, MASTER, master_key
from storno.app.orders import running
from storno.cli.key_entry import LENGTHS, Sources, enter, refuse_argv, sound_tid, source_options
from storno.cli.open_journal import home_option
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.iso8583.cipher import BilingualError, KeyKind
from storno.iso8583.keys import check_value
from storno.journal.base import JournalError
from storno.journal.lock import WriterLock
from storno.vault import FileCardVault, FileKeyStore, load_master, rotate_key_file, rotate_master
from storno.vault.master import VARIABLE, read_key_file, write_key_file
from storno.vault.sealed import MASTER_SIZE
from storno.vault.testkeys import TEST_TMK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storno.vault import KeyStore

LINK = "host"
LINK_LENGTHS = (8, 16, 24)
LOOSE = {"ignore_unknown_options": True, "allow_extra_args": True}
"""A key typed as an argument must reach `refuse_argv`, not click's own message, which repeats it."""


def json_option(command: Any) -> Any:
    """Add `--json`."""
    return click.option(
        "--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。")
    )(command)


@click.group(
    name="keys",
    help=t(
        "Import and list keys. Keys are never shown and never taken from the command line; compare check values.",
        "导入、查看密钥。密钥从不显示，也不接受写在命令行；请核对校验值。",
    ),
)
def keys() -> None:
    """Hold the commands about keys."""


# -------------------------------------------------------------------- opening
@contextmanager
def _told() -> Iterator[None]:
    """Turn what the vault refuses into words for a person."""
    try:
        yield
    except BilingualError as error:
        raise Trouble(error.say(language())) from None


@contextmanager
def _store(home: Path, *, create: bool = False) -> Iterator[FileKeyStore]:
    with _told():
        if not create and not (home / KEYS).exists():
            raise Trouble(
                t("there are no keys here yet", "此处还没有密钥"),
                where=str(home / KEYS),
                todo=t("import one with `storno keys add TID`", "请用 `storno keys add 终端号` 导入"),
                code=ExitCode.DISAGREES,
            )
        master = master_key(home, _warn) if create else load_master(os.environ, home / MASTER, create=False)
        store = FileKeyStore(home / KEYS, master)
        try:
            yield store
        finally:
            store.close()


def _warn(english: str, chinese: str) -> None:
    click.echo(t(english, chinese), err=True)


def _say(body: dict[str, Any], text: str, *, as_json: bool) -> None:
    click.echo(json.dumps(body, ensure_ascii=False) if as_json else text)


# -------------------------------------------------------------------- list, check
def _terminal(store: KeyStore, tid: str) -> dict[str, Any]:
    working = store.working(tid)
    kind = "sm4" if working is not None and working.kind is KeyKind.SM4 else "3des"
    value = store.master_check_value(tid, kind)
    return {
        "tid": tid,
        "check_value": value,
        "kind": kind,
        "test_key": value == check_value(TEST_TMK, kind).hex().upper(),
        "working": {} if working is None else dict(working.check_values),
    }


@keys.command(
    name="list", help=t("List terminals and links with their check values.", "列出终端与线路密钥的校验值。")
)
@home_option
@json_option
def list_(home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Print what the store holds."""
    with _store(home_dir(home)) as store:
        terminals = [_terminal(store, tid) for tid in store.terminals()]
        links = list(store.links())
    lines = [_line(one) for one in terminals]
    lines += [t(f"link {name}: has a key", f"线路 {name}：已有密钥") for name in links]
    text = "\n".join(lines) or t("No keys.", "没有密钥。")
    _say({"terminals": terminals, "links": links}, text, as_json=as_json)
    return ExitCode.DONE


def _line(one: dict[str, Any]) -> str:
    working = "  ".join(f"{name} {value}" for name, value in one["working"].items())
    parts = [f"{one['tid']}  TMK {one['check_value']} ({one['kind']})"]
    parts.append(working or t("not signed in yet", "尚未签到"))
    if one["test_key"]:
        parts.append(t("TEST KEY: everybody knows it", "测试密钥：众所周知"))
    return "  ".join(parts)


@keys.command(
    name="check",
    context_settings=LOOSE,
    short_help=t("Check every key, or one terminal's against the paper.", "检查密钥，或与密钥信封核对。"),
    help=t(
        "Check that every key opens and none is the published test key; or one terminal's TMK against the paper. "
        "Exit code 1 if not.",
        "检查全部密钥可用且不是公开的测试密钥；或将某终端的主密钥与密钥信封上的校验值核对。不符时退出码为 1。",
    ),
)
@click.argument("tid", required=False)
@click.option(
    "--check-value", default="", metavar="HEX", help=t("What the paper says.", "密钥信封上的校验值。")
)
@click.option("--kind", type=click.Choice(sorted(LENGTHS)), default="3des", show_default=True)
@home_option
@json_option
@click.pass_context
def check(
    context: click.Context,
    tid: str | None,
    check_value: str,
    kind: str,
    home: str | None,
    as_json: bool,  # noqa: FBT001
) -> int:
    """Check keys."""
    refuse_argv(context.args)
    folder = home_dir(home)
    problems: list[str] = []
    with _store(folder) as store:
        if tid is None:
            problems += _check_all(store, store.terminals())
        else:
            value = store.master_check_value(sound_tid(tid), kind)
            wanted = "".join(check_value.split()).upper()
            if wanted and not (len(wanted) >= 4 and value.startswith(wanted)):
                problems.append(t(f"{tid}: the check value is {value}", f"{tid}：校验值为 {value}"))
            problems += _check_all(store, (tid,))
        count = len(store.terminals()) if tid is None else 1
    if tid is None and (folder / CARDS).exists():
        with _told():
            FileCardVault(folder / CARDS, load_master(os.environ, folder / MASTER, create=False)).close()
    sound = t(f"{count} terminals: every key opens.", f"{count} 台终端：密钥全部可用。")
    _say(
        {"terminals": count, "problems": problems},
        "\n".join(f"✗ {one}" for one in problems) or sound,
        as_json=as_json,
    )
    return ExitCode.DISAGREES if problems else ExitCode.DONE


def _check_all(store: KeyStore, tids: tuple[str, ...]) -> list[str]:
    problems = []
    for tid in tids:
        try:
            if _terminal(store, tid)["test_key"]:
                problems.append(
                    t(f"{tid}: its TMK is the published test key", f"{tid}：主密钥是公开的测试密钥")
                )
        except BilingualError as error:
            problems.append(f"{tid}: {error.say(language())}")
    return problems


# -------------------------------------------------------------------- add, remove
@keys.command(
    name="add",
    context_settings=LOOSE,
    short_help=t("Import a terminal's master key (TMK).", "导入终端主密钥（TMK）。"),
    help=t(
        "Import a terminal's master key (TMK) from two or three components, or whole. Asks for the components unless a "
        "file or --stdin is given.",
        "导入终端主密钥（TMK）：两到三个分量，或完整密钥。未指定文件或 --stdin 时逐个提示输入分量。",
    ),
)
@click.argument("tid")
@click.option("--kind", type=click.Choice(sorted(LENGTHS)), default="3des", show_default=True)
@source_options
@home_option
@json_option
@click.pass_context
def add(
    context: click.Context, tid: str, kind: str, component_files: tuple[str, ...], key_file: str, stdin: bool,  # noqa: FBT001
    prompted: int, check_value: str, home: str | None, as_json: bool,  # noqa: FBT001
) -> int:  # fmt: skip
    """Import a TMK."""
    refuse_argv(context.args)
    sound_tid(tid)
    folder = home_dir(home)
    with _told():
        sources = Sources(component_files, key_file, stdin, prompted)
        entered = enter(sources, kind, check_value, LENGTHS[kind])
    if entered.key == TEST_TMK:
        _warn("this is the published test key: for trials only", "这是公开的测试密钥：仅限试用")
    with _store(folder, create=True) as store:
        replaced = store.has_terminal(tid)
        store.add_master_key(tid, entered.key, kind)
    gateway = running(folder) is not None
    body = {
        "tid": tid, "kind": kind, "component_check_values": list(entered.component_check_values),
        "check_value": entered.check_value, "replaced": replaced, "gateway_running": gateway, "restart_needed": False,
    }  # fmt: skip
    lines = [
        t(f"component {number}: check value {value}", f"分量 {number}：校验值 {value}")
        for number, value in enumerate(entered.component_check_values, 1)
        if len(entered.component_check_values) > 1
    ]
    lines.append(
        t(
            f"{tid}: TMK stored, check value {entered.check_value}",
            f"{tid}：主密钥已保存，校验值 {entered.check_value}",
        )
    )
    if replaced:
        lines.append(
            t(
                "It replaces the one before; working keys stay until the next sign-in.",
                "已替换原主密钥；工作密钥在下次签到前不变。",
            )
        )
    if gateway:
        lines.append(
            t("The running gateway uses it from now on; no restart.", "运行中的网关即时生效，无需重启。")
        )
    _say(body, "\n".join(lines), as_json=as_json)
    return ExitCode.DONE


@keys.command(name="remove", help=t("Forget a terminal's keys.", "删除终端的密钥。"))
@click.argument("tid")
@click.option("--yes", is_flag=True, help=t("Do not ask.", "不再询问。"))
@home_option
@json_option
def remove(tid: str, yes: bool, home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flags
    """Forget a terminal."""
    sound_tid(tid)
    folder = home_dir(home)
    question = t(
        f"Forget the keys of {tid}? Its reversals cannot be sent then.",
        f"删除 {tid} 的密钥？之后无法发送其冲正。",
    )
    with _store(folder) as store:
        if not store.has_terminal(tid):
            raise Trouble(
                t(f"terminal {tid} has no keys here", f"终端 {tid} 没有密钥"), code=ExitCode.DISAGREES
            )
        if not yes and not click.confirm(question, err=True):
            raise click.Abort
        store.remove_terminal(tid)
    text = t(
        f"{tid}: forgotten; a running gateway refuses it from now on",
        f"{tid}：已删除；运行中的网关即时拒绝该终端",
    )
    _say({"tid": tid, "removed": True}, text, as_json=as_json)
    return ExitCode.DONE


# -------------------------------------------------------------------- link
@keys.group(name="link", help=t("The MAC key of the line to the network.", "与网络之间线路的 MAC 密钥。"))
def link() -> None:
    """Hold the commands about line keys."""


@link.command(
    name="add",
    context_settings=LOOSE,
    help=t("Import the MAC key of a line (NAME: host).", "导入线路 MAC 密钥（NAME 默认 host）。"),
)
@click.argument("name", required=False, default=LINK)
@source_options
@home_option
@json_option
@click.pass_context
def link_add(
    context: click.Context, name: str, component_files: tuple[str, ...], key_file: str, stdin: bool, prompted: int,  # noqa: FBT001
    check_value: str, home: str | None, as_json: bool,  # noqa: FBT001
) -> int:  # fmt: skip
    """Import a line's key."""
    refuse_argv(context.args)
    sound_tid(name)
    folder = home_dir(home)
    with _told():
        entered = enter(
            Sources(component_files, key_file, stdin, prompted), "3des", check_value, LINK_LENGTHS
        )
    if not any(entered.key):
        raise Trouble(t("the key is all zero", "密钥全零"))
    with _store(folder, create=True) as store:
        replaced = name in store.links()
        store.add_link_key(name, entered.key)
    gateway = running(folder) is not None
    restart = replaced and gateway
    text = t(
        f"{name}: key stored, check value {entered.check_value}",
        f"{name}：密钥已保存，校验值 {entered.check_value}",
    )
    if restart:
        text += "\n" + t(
            "RESTART the gateway: it still works with the old one.", "请重启网关：它仍在使用旧密钥。"
        )
    body = {
        "link": name, "check_value": entered.check_value, "replaced": replaced, "gateway_running": gateway,
        "restart_needed": restart,
    }  # fmt: skip
    _say(body, text, as_json=as_json)
    return ExitCode.DONE


# -------------------------------------------------------------------- the vault's own master key
@keys.command(
    name="rotate-master",
    help=t(
        "Seal every vault file under a new master key. The gateway must be stopped. Interrupted? Run it again.",
        "用新的主密钥重新加密保险库文件。须先停止网关；若中断，重新执行即可。",
    ),
)
@click.option(
    "--new-key-file", default="", metavar="FILE",
    help=t(f"With {VARIABLE}: private file of the new key.", f"使用 {VARIABLE} 时新密钥的文件。"),
)  # fmt: skip
@home_option
@json_option
def rotate(new_key_file: str, home: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """Rotate the master key."""
    folder = home_dir(home)
    paths = [folder / name for name in (KEYS, CARDS) if (folder / name).exists()]
    if not paths:
        raise Trouble(
            t("there is nothing to rotate here", "此处没有可更换的内容"),
            where=str(folder),
            code=ExitCode.DISAGREES,
        )
    from_variable = bool(os.environ.get(VARIABLE, "").strip())
    if from_variable and not new_key_file:
        raise Trouble(
            t(f"the master key comes from {VARIABLE}", f"主密钥来自 {VARIABLE}"),
            todo=t(
                "name a file for the new one: --new-key-file FILE", "请用 --new-key-file 指定存放新密钥的文件"
            ),
        )
    with _told():
        changed = _rotated(folder, paths, new_key_file if from_variable else "")
    text = t(f"{changed} files sealed under the new master key.", f"已用新主密钥重新加密 {changed} 个文件。")
    if from_variable:
        text += "\n" + t(f"Set {VARIABLE} to what {new_key_file} holds, then start the gateway.",
                         f"请将 {VARIABLE} 设为 {new_key_file} 中的内容，再启动网关。")  # fmt: skip
    else:
        text += "\n" + t(
            "Copy the new key file to its safe place; old backups need the old one.",
            "请备份新的密钥文件；旧备份仍需旧密钥。",
        )
    _say({"changed": changed, "variable_to_set": VARIABLE if from_variable else None}, text, as_json=as_json)
    return ExitCode.DONE


def _rotated(folder: Path, paths: list[Path], new_key_file: str) -> int:
    from pathlib import Path

    try:
        lock = WriterLock(folder / JOURNAL)  # who holds it keeps a gateway from starting meanwhile
    except JournalError:
        raise Trouble(
            t("the gateway runs: it would go on with the old keys", "网关正在运行，仍会使用旧密钥"),
            todo=t("stop it, then rotate", "请先停止网关再更换"),
            code=ExitCode.OUTSIDE,
        ) from None
    try:
        if not new_key_file:
            return rotate_key_file(folder / MASTER, paths)
        coming = Path(new_key_file)
        if not coming.exists():
            write_key_file(coming, os.urandom(MASTER_SIZE))
        return rotate_master(
            paths, load_master(os.environ, folder / MASTER, create=False), read_key_file(coming)
        )
    finally:
        lock.release()
