"""`storno codes`: what a response code means, and what to do; as answer, as reason, as answer to a 0400.

Thin: the tables are data of `diagnosis`; a home folder's codes.toml overrides them. Must not judge.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from storno.app import home_dir
from storno.cli.open_journal import home_option
from storno.cli.text import language, t
from storno.cli.trouble import ExitCode, Trouble
from storno.cli.why_ask import override_trouble, overrides_of
from storno.diagnosis import codes as tables
from storno.diagnosis.codebook import OverrideError, codebook
from storno.diagnosis.knowledge import condition_title, conditions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storno.diagnosis.codebook import Codebook
    from storno.diagnosis.codes import Code


@click.command(
    name="codes",
    help=t(
        "Explain a response code: meaning, advice, retry, money, sources; also as the reason of a reversal and as the "
        "answer to one, which are other tables. Without CODE: list all. Codes of an acquirer come from codes.toml in "
        "the home folder. Exit code 1 if there are no words for it.",
        "解释应答码：含义、处理、能否重试、资金影响、来源；同一代码作冲正原因、作冲正应答时另有含义。"
        "不带 CODE 时全部列出。收单机构自有代码写在数据目录的 codes.toml 中。未收录时退出码为 1。",
    ),
)
@click.argument("code", required=False, default="")
@home_option
@click.option("--acquirer", default="", help=t("Whose table.", "哪家收单机构的表。"))
@click.option(
    "--edition", default="", help=t("older or newer edition of the table.", "表的版本：older 或 newer。")
)
@click.option("--json", "as_json", is_flag=True, help=t("Print JSON.", "输出 JSON。"))
def codes(code: str, home: str | None, acquirer: str, edition: str, as_json: bool) -> int:  # noqa: FBT001
    """Print what is known."""
    try:
        book = codebook(edition, acquirer, overrides_of(home_dir(home)))
    except OverrideError as error:
        raise override_trouble(error) from None
    if not code:
        every = list(book.codes.values())
        if as_json:
            click.echo(json.dumps([as_data(one) for one in every], ensure_ascii=False))
        else:
            for one in every:
                click.echo(_row(one))
        return ExitCode.DONE
    asked = code.strip().upper()
    known = _known(asked, book)
    if not known:
        raise Trouble(
            t(f"no words for {asked!r}", f"未收录 {asked!r}"),
            todo=t("`storno codes` lists what there is; add your own to codes.toml",
                   "`storno codes` 列出全部；可在 codes.toml 中补充"),
            code=ExitCode.DISAGREES,
        )  # fmt: skip
    if as_json:
        click.echo(json.dumps(known, ensure_ascii=False))
    else:
        for text in _lines(asked, book):
            click.echo(text)
    return ExitCode.DONE


def _row(one: Code) -> str:
    words = t(one.english, one.chinese)
    return f"{one.code}  {one.operator_class or '-'}  {_outcome(one)}  {words}"


def _outcome(one: Code) -> str:
    if one.outcome is None:
        return "-"
    return {
        tables.Outcome.APPROVED: t("approved", "批准"), tables.Outcome.DECLINED: t("declined", "拒绝"),
        tables.Outcome.DOUBTFUL: t("doubtful", "存疑"),
    }[one.outcome]  # fmt: skip


def _known(code: str, book: Codebook) -> dict[str, Any]:
    """Give all tables that have the code, as data."""
    found: dict[str, Any] = {}
    if (one := book.find(code)) is not None:
        found["response"] = as_data(one)
    if (reason := tables.reason_fact(code)) is not None:
        found["reason"] = {
            "code": code, "words": tables.reason(code, language()), "money": reason.money,
            "iso_2003": reason.iso_2003 or None, "suspects": list(reason.suspects), "derived": True,
        }  # fmt: skip
    if (answer := tables.answer_fact(code)) is not None:
        found["reversal_answer"] = {
            "code": code, "words": tables.reversal_answer(code, language()), "then": answer.then,
            "may_mean": list(t_list(answer)), "proves_undone": answer.proves_undone, "sources": list(answer.sources),
        }  # fmt: skip
    if (condition := conditions().get(code)) is not None:
        found["condition"] = {
            "code": code, "words": condition.words.say(language()), "money": condition.money,
            "reversal": condition.reversal, "suspects": list(condition.suspects), "sources": list(condition.sources),
        }  # fmt: skip
    return found


def t_list(answer: tables.AnswerFact) -> tuple[str, ...]:
    """Give what an answer to a reversal may mean, in the chosen language."""
    return answer.may_mean_zh if language() == "zh" else answer.may_mean_en


def _lines(code: str, book: Codebook) -> Iterator[str]:
    one = book.find(code)
    if one is not None:
        yield t("As an answer: ", "作为应答：") + book.meaning(code, language())
        yield f"  {t('advice: ', '处理：')}{t(one.advice_en, one.advice_zh)}"
        yield f"  {t('outcome: ', '结果：')}{_outcome(one)}   {t('class: ', '类别：')}{one.operator_class or '-'}"
        if one.derived is not None:
            yield from _derived_lines(one.derived)
        if one.visa:
            yield f"  Visa{t(': category ', '：类别 ')}{one.visa}"
        yield f"  {t('sources: ', '来源：')}{' '.join(one.sources)}   {t('from: ', '取自：')}{one.origin}"
        for name in tables.editions():
            other = tables.of_edition(name).get(code)
            if other is not None:
                yield f"  {t('edition', '版本')} {name}{t(': ', '：')}{t(other.english, other.chinese)}"
        for name in tables.acquirers():
            other = tables.of_acquirer(name).get(code)
            if other is not None:
                yield f"  {t('at acquirer', '收单机构')} {name}{t(': ', '：')}{t(other.english, other.chinese)}"
    if tables.reason_fact(code) is not None:
        yield t("As the reason of a reversal: ", "作为冲正原因：") + tables.reason(code, language())
    answer = tables.answer_fact(code)
    if answer is not None:
        yield t("As the answer to a reversal: ", "作为冲正应答：") + tables.reversal_answer(code, language())
        yield f"  {t('may mean: ', '可能表示：')}{t('; ', '；').join(t_list(answer))}"
        yield f"  {t('only clearing proves that the money is back', '资金是否退回以清算为准')}"
    if code in conditions():
        yield t("As a condition of the terminal: ", "作为终端状况：") + condition_title(code, language())


def _derived_lines(derived: tables.Derived) -> Iterator[str]:
    technical = t("technical", "技术性") if derived.technical else t("not technical", "非技术性")
    yield (
        f"  {t('derived (review with the acquirer): ', '推导值（须与收单机构核对）：')}{technical}, "
        f"{t('retry', '重试')} {derived.retry.value}, {t('money', '资金')} {derived.effect.value}, "
        f"{t('suspects', '可疑方')} {' '.join(derived.suspects) or '-'}"
    )


def as_data(one: Code) -> dict[str, Any]:
    """Give a code as plain data; the derived columns stand apart."""
    derived = one.derived
    return {
        "code": one.code, "english": one.english, "chinese": one.chinese,
        "outcome": None if one.outcome is None else one.outcome.value, "class": one.operator_class or None,
        "advice_en": one.advice_en, "advice_zh": one.advice_zh, "visa_category": one.visa or None,
        "sources": list(one.sources), "origin": one.origin,
        "derived": None if derived is None else {
            "nature": derived.nature, "retry": derived.retry.value, "money": derived.effect.value,
            "reversal": derived.reversal, "technical": derived.technical, "suspects": list(derived.suspects),
        },
    }  # fmt: skip
