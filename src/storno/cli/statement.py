"""`storno statement`: propose a mapping for a file, list the presets, and read a file without importing it.

Thin: `statements.propose` guesses, `statements.formats` read. Nothing is stored.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storno.cli import statement_view as view
from storno.cli.currency_option import currency_option
from storno.cli.text import t
from storno.cli.trouble import ExitCode, Trouble
from storno.statements.base import HEAD_BYTES, Format, ReadOptions
from storno.statements.encoding import make_head
from storno.statements.line import FileRefused, LineKind, Reject, StatementLine, Total
from storno.statements.line_words import ROLES
from storno.statements.mapping_load import presets
from storno.statements.propose import propose
from storno.statements.reading import choose, masked, traits_of

if TYPE_CHECKING:
    from storno.statements.base import Traits
    from storno.statements.line import Part
    from storno.statements.mapping import Mapping

SHOWN = 5
_JSON = t("Print one JSON object.", "输出一个 JSON 对象。")


@click.group(
    name="statement",
    help=t(
        "Describe statement files that Storno does not know, and try them before they are imported.",
        "描述 Storno 尚不认识的账单文件，并在导入前试读。",
    ),
)
def statement() -> None:
    """Hold the commands about statement files."""


# -------------------------------------------------------------------- map
@statement.command(
    name="map",
    help=t(
        "Propose a mapping for a CSV or XLSX file from its header and first rows, with reasons and doubts.",
        "根据表头和前几行，为 CSV 或 XLSX 文件生成映射草案，并说明依据与疑点。",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--out", type=click.Path(dir_okay=False), help=t("Write the mapping to a file.", "将映射写入文件。")
)
@click.option("--force", is_flag=True, help=t("Overwrite the file.", "覆盖已有文件。"))
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def map_(file: str, out: str | None, force: bool, as_json: bool) -> int:  # noqa: FBT001 - click's flags
    """Propose a mapping."""
    name = Path(out).stem if out else Path(file).stem
    if out and Path(out).exists() and Path(out).samefile(file):
        raise Trouble(
            t("the mapping would take the statement's place", "映射会覆盖对账文件本身"),
            where=out,
            todo=t("choose another name for --out", "请为 --out 换一个名字"),
        )
    try:
        with Path(file).open("rb") as source:
            proposal = propose(source, name)
    except FileRefused as error:
        raise _trouble(error, file) from None
    if out:
        _save(Path(out), proposal.toml, force=force)
    if as_json:
        click.echo(json.dumps(view.as_data(proposal), ensure_ascii=False))
    else:
        view.show(proposal, file, out)
    return ExitCode.DONE


def _save(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Trouble(
            t("the file is there already", "文件已存在"),
            where=str(path),
            todo=t("choose another name, or overwrite it with --force", "请换名，或用 --force 覆盖"),
        ) from None


# -------------------------------------------------------------------- presets
@statement.command(
    name="presets",
    help=t(
        "List the mappings that come with Storno; with a name, print that one as TOML to start from.",
        "列出自带的映射；给出名称则输出其 TOML，可作为起点。",
    ),
)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def presets_(name: str | None, as_json: bool) -> int:  # noqa: FBT001 - click's flag
    """List the presets, or print one."""
    known = presets()
    if name is not None:
        if name not in known:
            raise Trouble(
                t(f"no preset {name!r}", f"没有预设 {name!r}"),
                todo=t("there are: ", "可用：") + t(", ", "、").join(known),
            )
        text = (resources.files("storno.statements") / "presets" / f"{name}.toml").read_text(encoding="utf-8")
        if as_json:
            click.echo(json.dumps({**_preset_data(known[name]), "toml": text}, ensure_ascii=False))
        else:
            click.echo(text, nl=False)
        return ExitCode.DONE
    if as_json:
        rows = [_preset_data(one) for one in known.values()]
        click.echo(json.dumps({"presets": rows}, ensure_ascii=False))
        return ExitCode.DONE
    view.table(
        [(one.name, t(*ROLES[one.role]), t(one.title, one.title_zh)) for one in known.values()],
        (t("name", "名称"), t("role", "角色"), t("what", "说明")),
    )
    return ExitCode.DONE


def _preset_data(one: Mapping) -> dict[str, Any]:
    return {
        "name": one.name, "role": one.role.value, "kind": one.layout, "title": one.title, "title_zh": one.title_zh,
        "headers": [list(header) for header in one.table.header],
    }  # fmt: skip


# -------------------------------------------------------------------- check
@dataclass(slots=True)
class Seen:
    """What came out of a file that was only read."""

    lines: int = 0
    rejects: int = 0
    first_lines: list[StatementLine] = field(default_factory=list)
    first_rejects: list[Reject] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    sums: Counter[tuple[LineKind, str]] = field(default_factory=Counter)
    counts: Counter[tuple[LineKind, str]] = field(default_factory=Counter)

    def take(self, part: Part, shown: int) -> None:
        """Count a part and keep the first ones."""
        if isinstance(part, StatementLine):
            self.lines += 1
            self.counts[part.kind, part.currency] += 1
            self.sums[part.kind, part.currency] += part.amount_minor
            if len(self.first_lines) < shown:
                self.first_lines.append(masked(part))
        elif isinstance(part, Reject):
            self.rejects += 1
            if len(self.first_rejects) < shown:
                self.first_rejects.append(part)
        elif isinstance(part, Total):
            self.totals.append(part)

    def by_kind(self) -> list[tuple[LineKind, str, int]]:
        """Give kind, currency and sum, ordered."""
        found = ((kind, currency, amount) for (kind, currency), amount in self.sums.items())
        return sorted(found, key=lambda one: (one[0].value, one[1]))

    @property
    def agrees(self) -> bool:
        """Say whether every line was read and every total is met."""
        return not self.rejects and all(total.met for total in self.totals)


@statement.command(
    name="check",
    help=t(
        "Read a file without importing it: first lines, rejects, declared totals.",
        "试读文件而不导入：显示前几行、拒收行与申报合计。",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--mapping", default="", help=t("Preset or TOML file.", "预设名或 TOML 文件。"))
@click.option(
    "--format",
    "format_name",
    default="",
    help=t("Format, if not found.", "格式，无法识别时给出。"),
)
@currency_option(t("Where the file has none.", "文件未注明时采用。"))
@click.option(
    "--year", type=click.IntRange(1990, 2099), help=t("Of dates without a year.", "日期没有年份时采用。")
)
@click.option("-n", "shown", type=click.IntRange(0, 1000), default=SHOWN, show_default=True,
              help=t("Lines and rejects shown.", "显示的行数。"))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=_JSON)
def check(
    file: str, mapping: str, format_name: str, currency: str, year: int | None, shown: int, as_json: bool  # noqa: FBT001
) -> int:  # fmt: skip
    """Read a file and say what came out."""
    path = Path(file)
    options = ReadOptions(name=path.name, currency=currency, year=year or 0, mapping=mapping)
    seen = Seen()
    try:
        with path.open("rb") as source:
            head = make_head(path.name, source.read(HEAD_BYTES))
            one = choose(head, format_name, mapping)
            traits = traits_of(one, head, options)
            source.seek(0)
            for part in one.read(source, options):
                seen.take(part, shown)
    except FileRefused as error:
        raise _trouble(error, file) from None
    if as_json:
        click.echo(json.dumps(_check_data(file, one, traits, seen), ensure_ascii=False))
    else:
        view.show_check(file, one, traits, seen)
    return ExitCode.DONE if seen.agrees else ExitCode.DISAGREES


def _check_data(file: str, one: Format, traits: Traits, seen: Seen) -> dict[str, Any]:
    return {
        "file": file,
        "format": one.name,
        "variant": traits.variant,
        "role": traits.role.value,
        "agrees": seen.agrees,
        "lines": seen.lines,
        "rejects": seen.rejects,
        "sums": [
            {
                "kind": kind.value,
                "currency": currency,
                "lines": seen.counts[kind, currency],
                "amount_minor": amount,
            }
            for kind, currency, amount in seen.by_kind()
        ],
        "totals": [{**asdict(total), "met": total.met} for total in seen.totals],
        "first_lines": [view.line_data(line) for line in seen.first_lines],
        "first_rejects": [asdict(reject) for reject in seen.first_rejects],
    }


def _trouble(error: FileRefused, file: str) -> Trouble:
    where = f"{file}:{error.line_no}" if error.line_no else file
    return Trouble(t(error.english, error.chinese), where=where)
