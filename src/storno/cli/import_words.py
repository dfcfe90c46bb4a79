"""What became of an imported file, told to a person or as JSON.

Rule: amounts carry their currency, every refusal its place. Must not import a command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from storno.cli.text import t
from storno.money import Money
from storno.statements.line import LineKind
from storno.statements.line_words import KINDS
from storno.statements.total_words import currency_of, currency_of_all, told

if TYPE_CHECKING:
    from pathlib import Path

    from storno.statements.catalogue import StoredFile
    from storno.statements.importing import Outcome
    from storno.statements.line import FileRefused

REJECTS_SHOWN = 5


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as `--json` prints it."""
    body: dict[str, Any] = {"file": outcome.source, "already": outcome.already}
    if outcome.skipped:
        return body | {"skipped": True, "format": None, "lines": 0, "rejects": 0, "totals": {}}
    one, refused = outcome.stored, outcome.refused
    if one is None:
        assert refused is not None, "an outcome without a file is a refusal"
        why = {"code": refused.code, "what": t(refused.english, refused.chinese), "line": refused.line_no}
        body |= {"format": None, "lines": 0, "rejects": 0, "totals": {}, "refused": why, "read": None}
        if outcome.read is not None:
            body |= {"format": outcome.read.format, "read": _counts(outcome.read)}
    else:
        body |= file_data(one)
    body["first_rejects"] = [
        {"line": r.line_no, "code": r.code, "what": t(r.english, r.chinese)} for r in outcome.first_rejects
    ]
    return body


def file_data(one: StoredFile) -> dict[str, Any]:
    """Give an imported file as JSON shows it."""
    return {
        "file_id": one.file_id, "format": one.format, "variant": one.variant or None, "role": one.role.value,
        **_counts(one),
        "complete": one.complete, "accepted": one.accepted, "rejects_file": one.rejects_file or None,
        "supersedes": list(one.supersedes), "superseded_by": one.superseded_by or None,
        "withdrawn": bool(one.withdrawn_ms),
    }  # fmt: skip


def _counts(one: StoredFile) -> dict[str, Any]:
    currency = currency_of_all(s.currency for s in one.sums)
    return {
        "lines": one.lines, "rejects": one.rejects, "repeats": one.repeats,
        "first_day": one.first_day, "last_day": one.last_day,
        "totals": {
            "computed": [
                {"kind": s.kind.value, "currency": s.currency, "lines": s.lines, "amount_minor": s.amount_minor,
                 "fee_minor": s.fee_minor, "net_minor": s.net_minor}
                for s in one.sums
            ],
            "declared": [
                {"name": d.name, "currency": currency_of(d, currency) or None, "declared": d.declared,
                 "counted": d.counted, "met": d.met, "line": d.where}
                for d in one.totals
            ],
        },
    }  # fmt: skip


def tell(outcome: Outcome, home: Path) -> None:
    """Print an outcome; refusals and rejected lines go to stderr."""
    if outcome.skipped:
        click.echo(f"{outcome.source}: " + t("no data, skipped", "非明细文件，已跳过"))
        return
    if outcome.refused is not None:
        _print_refused(outcome, outcome.refused)
        return
    one = outcome.stored
    assert one is not None, "an outcome without a file is a refusal"
    where, file_id = outcome.source, one.file_id
    if outcome.already:
        old = one.superseded_by
        gone = t(f", superseded by {old}", f"，已被 {old} 取代") if old else ""
        click.echo(
            t(f"{where}: already imported as {file_id}", f"{where}：此前已导入，编号 {file_id}") + gone
        )
        return
    kind = f"{one.format} {one.variant}".strip()
    days = one.first_day if one.first_day == one.last_day else f"{one.first_day}-{one.last_day}"
    about = ", ".join(filter(None, (kind, days)))
    click.echo(
        t(
            f"{where}: {one.lines} line{'' if one.lines == 1 else 's'}, {one.rejects} rejected ({about}) as {file_id}",
            f"{where}：{one.lines} 行，拒收 {one.rejects} 行（{about}），编号 {file_id}",
        )
    )
    if not one.lines and not one.rejects:
        click.echo("  " + no_rows())
    for s in one.sums:
        fee = f"  {t('fees', '手续费')} {Money(s.fee_minor, s.currency)}" if s.fee_minor else ""
        click.echo(f"  {_kinds(s.kind)}: {s.lines}  {Money(s.amount_minor, s.currency)}{fee}")
    currency = currency_of_all(s.currency for s in one.sums)
    for d in one.totals:
        click.echo("  " + t(*told(d, currency)))
    for old in one.supersedes:
        click.echo("  " + t(f"takes the place of {old}", f"取代 {old}"))
    if one.repeats:
        click.echo(
            "  "
            + t(
                f"{one.repeats} line{' repeats' if one.repeats == 1 else 's repeat'} another word for word",
                f"{one.repeats} 行与其他行完全相同",
            )
        )
    _print_rejects(outcome)
    if one.rejects_file:
        click.echo("  " + t("rejected lines: ", "拒收明细：") + str(home / one.rejects_file))


def no_rows() -> str:
    """Say what a file without rows may mean."""
    return t(
        "There is no row in it: right for a day without transactions, else ask the sender for the whole file.",
        "文件中没有明细行：若当日确无交易则正常，否则请向发送方索取完整文件。",
    )


def _kinds(kind: LineKind) -> str:
    english, chinese = KINDS[kind]
    return t(english if kind is LineKind.OTHER else f"{english}s", chinese)


def _print_refused(outcome: Outcome, refused: FileRefused) -> None:
    where = t(f", line {refused.line_no}", f"，第 {refused.line_no} 行") if refused.line_no else ""
    click.echo(
        t(
            f"{outcome.source}: REFUSED{where}: {refused.english.removeprefix(f'line {refused.line_no}: ')}",
            f"{outcome.source}：已拒绝{where}：{refused.chinese.removeprefix(f'第 {refused.line_no} 行：')}",
        ),
        err=True,
    )
    _print_rejects(outcome)


def _print_rejects(outcome: Outcome) -> None:
    for r in outcome.first_rejects[:REJECTS_SHOWN]:
        click.echo("  " + t(f"line {r.line_no}: {r.english}", f"第 {r.line_no} 行：{r.chinese}"), err=True)
