"""`storno why`: why one transaction went as it did, where its money is, what to do, and whether it was charged twice.

Thin: `diagnosis` judges, this file brings the journal, reconciliation and signals together and prints. What is printed
holds no card data but the masked number.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storno.app import home_dir
from storno.cli.explain import printable, settings_of
from storno.cli.find import find_one
from storno.cli.finding_line import finding_line
from storno.cli.open_journal import home_option, open_journal, same_home
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode
from storno.cli.why_ask import ask, book_of
from storno.cli.why_view import as_data, lines
from storno.diagnosis import orders
from storno.diagnosis.verdict import diagnose
from storno.journal.exception_table import UNSETTLED

if TYPE_CHECKING:
    from storno.diagnosis.path import Path as TxPath


@click.command(
    name="why",
    help=t(
        "Say why one transaction went as it did: the verdict with its evidence, the four ledgers, the next steps, a "
        "retry or double charge. ID is a journal id, an RRN, or TID/STAN[/date]. Signals are taken from the journal, "
        "and from --signals (default: the folder `signals` in the home folder). Exit code 1 if there is no such "
        "transaction, or the cause is not known.",
        "说明一笔交易为何如此：结论与依据、四本账、下一步、重试或重复扣款。"
        "ID 可为流水编号、参考号，或 终端号/流水号[/日期]。"
        "信号取自流水日志，以及 --signals（默认为数据目录下的 signals 文件夹）。没有该交易或原因不明时退出码为 1。",
    ),
)
@click.argument("what", metavar="ID")
@home_option
@click.option(
    "--signals", "signals", type=click.Path(path_type=Path, exists=True),
    help=t("File (Parquet, CSV) or folder of signals.", "信号文件（Parquet、CSV）或其文件夹。"),
)  # fmt: skip
@click.option("--acquirer", default="", help=t("Whose codes to read by.", "按哪家收单机构的应答码解读。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print JSON.", "输出 JSON。"))
def why(what: str, home: str | None, signals: Path | None, acquirer: str, as_json: bool) -> int:  # noqa: FBT001
    """Judge and print."""
    folder, offset_min = home_dir(home), settings_of(home).node.utc_offset_min
    book = book_of(folder, acquirer)
    with open_journal(home) as journal:
        row = find_one(journal, what, offset_min)
        asked = ask(journal, row.tx_id, folder, signals)
    verdict = diagnose(asked.me, asked.around, book)
    if as_json:
        click.echo(json.dumps(as_data(asked, verdict, language(), offset_min), ensure_ascii=False))
    else:
        commands = [same_home(one, home) for one in _commands(asked.path)]
        found = [finding_line(one, home) for one in asked.found if one.standing in UNSETTLED]
        for text in lines(asked, verdict, language(), offset_min, commands, found):
            click.echo(printable(text))
    return ExitCode.DONE if verdict.known else ExitCode.DISAGREES


def _commands(path: TxPath) -> list[str]:
    record = path.record
    if not orders.unsettled(record):
        return []
    return [orders.command(record.tx_id, one) for one in orders.allowed(record)]
