"""`storno localise`: what do the failures of a bad quarter of an hour have in common?

Thin: `watch.tally` reads the table, `watch.localise` finds the answer. Must not judge by itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble

if TYPE_CHECKING:
    from storno.watch.localise import Localisation, Suspect
    from storno.watch.tally import Tally

_BYTES_MAX = 512 * 1024 * 1024


@click.command(
    name="localise",
    help=t(
        "Name the smallest set of attribute values (carrier, issuer, model, version, …) that explains a rise of "
        "failures. FILE is CSV: either time, attributes, failed, total; or attributes, failed_before, total_before, "
        "failed, total. Exit code 1 if there is no rise, or its cause lies outside these attributes.",
        "找出能解释失败上升的最小属性组合（运营商、发卡行、机型、版本等）。FILE 为 CSV：时间、各属性、failed、total；"
        "或各属性、failed_before、total_before、failed、total。没有上升或原因不在这些属性之内时退出码为 1。",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--at", type=float, help=t("Time of the drop, as in the file.", "失败上升的时间，与文件中写法一致。")
)
@click.option("--time", "time_column", default="", help=t("Name of the time column.", "时间列名。"))
@click.option("--failed", "failed_column", default="", help=t("Name of the failures column.", "失败数列名。"))
@click.option("--total", "total_column", default="", help=t("Name of the totals column.", "总数列名。"))
@click.option("--json", "as_json", is_flag=True, help=t("Print one JSON object.", "输出一个 JSON 对象。"))
def localise(
    file: Path,
    at: float | None,
    time_column: str,
    failed_column: str,
    total_column: str,
    as_json: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Print the answer."""
    from storno.watch.localise import localise as find
    from storno.watch.tally import Columns, TallyError, read_tally

    text = _read(file)
    try:
        tally = read_tally(text, at, Columns(time_column, failed_column, total_column))
    except TallyError as error:
        raise Trouble(t(error.english, error.chinese), where=str(file)) from None
    found = find(tally.dims, tally.cells)
    if as_json:
        click.echo(json.dumps(_as_data(tally, found), ensure_ascii=False))
    else:
        for line in _lines(tally, found):
            click.echo(line)
    return ExitCode.DONE if found.causes else ExitCode.DISAGREES


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > _BYTES_MAX:
            raise Trouble(
                t("the table is larger than 512 MB", "表格超过 512 MB"),
                where=str(file),
                todo=t("Sum it up by minute and attribute first.", "请先按分钟与属性汇总。"),
            )
        data = file.read_bytes()
    except OSError as error:
        raise Trouble(
            t(f"cannot read it: {error.strerror}", f"无法读取：{error.strerror}"), where=str(file)
        ) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Trouble(
        t("it is neither UTF-8 nor GB18030 text", "既不是 UTF-8 也不是 GB18030 文本"), where=str(file)
    )


def _one(suspect: Suspect) -> dict[str, Any]:
    return {
        "values": dict(suspect.values),
        "failed": round(suspect.failed, 3),
        "expected": round(suspect.expected, 3),
        "total": round(suspect.total, 3),
        "share_of_rise": round(suspect.share, 4),
        "log_likelihood_gain": round(suspect.gain, 2),
    }


def _as_data(tally: Tally, found: Localisation) -> dict[str, Any]:
    return {
        "at": tally.at,
        "attributes": list(tally.dims),
        "rose": found.rose,
        "external": found.external,
        "failed": round(found.failed, 3),
        "expected": round(found.expected, 3),
        "total": round(found.total, 3),
        "causes": [_one(one) for one in found.causes],
        "ranking": [_one(one) for one in found.ranking],
    }


def _name(suspect: Suspect) -> str:
    return " & ".join(f"{name}={value or '∅'}" for name, value in suspect.values)


def _rate(failed: float, total: float) -> str:
    return f"{100 * failed / total:.2f} %" if total else "–"


def _lines(tally: Tally, found: Localisation) -> list[str]:
    when = "" if tally.at is None else t(f" at {tally.at:.0f}", f"，时间 {tally.at:.0f}")
    head = t(
        f"{_rate(found.failed, found.total)} failed{when}, {_rate(found.expected, found.total)} were to be expected "
        f"({found.failed:,.0f} of {found.total:,.0f})",
        f"失败率 {_rate(found.failed, found.total)}{when}，预期 {_rate(found.expected, found.total)}"
        f"（{found.total:,.0f} 笔中失败 {found.failed:,.0f} 笔）",
    )
    if not found.rose:
        return [
            head,
            t(
                "No rise that stands out of chance in any combination.",
                "没有任何组合的失败上升超出偶然波动。",
            ),
        ]
    lines = [head, ""]
    if found.external:
        lines.append(
            t(
                "EXTERNAL CAUSE: failures rose everywhere alike. What explains it is in none of these attributes: "
                + ", ".join(tally.dims)
                + ". Look at what all of them share (host, line, time, a change), or add an attribute.",
                "外部原因：各处失败同步上升，所给属性（" + "、".join(tally.dims) + "）都不能解释。"
                "请检查它们共有的环节（主机、线路、时间、变更），或增加属性列后再试。",
            )
        )
    else:
        lines.append(t("Explained by:", "可由以下组合解释："))
        lines += [f"  {_name(one)}   {_said(one)}" for one in found.causes]
    others = [one for one in found.ranking if one not in found.causes]
    if others:
        lines += ["", t("Next in line (each by itself):", "其次的可能（各自单独看）：")]
        lines += [f"  {_name(one)}   {_said(one)}" for one in others]
    return lines


def _said(one: Suspect) -> str:
    rate, share = _rate(one.failed, one.total), f"{100 * one.share:.0f} %"
    return t(
        f"{one.failed:,.0f} failed where {one.expected:,.0f} were expected ({rate}); {share} of the rise",
        f"失败 {one.failed:,.0f} 笔，预期 {one.expected:,.0f} 笔（失败率 {rate}），占上升的 {share}",
    )
