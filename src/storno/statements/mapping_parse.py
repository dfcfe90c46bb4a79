"""Turn a mapping's TOML into a `Mapping`, refusing what cannot be used with its place in the TOML.

Key by key by `mapping_check.py`; here what must fit together. Must not read files.
"""

from __future__ import annotations

import tomllib
from typing import Any

from storno.money import LETTERS
from storno.statements.cells import format_parts
from storno.statements.line import LineKind, Role
from storno.statements.mapping import (
    BalanceRule,
    FixedField,
    IgnoreRule,
    KindRule,
    Mapping,
    MappingError,
    MarkRule,
    MoneyRule,
    Table,
    TextRule,
    TotalRule,
    WhenRule,
)
from storno.statements.mapping_check import check, unknown
from storno.statements.mapping_keys import (
    COUNTERS,
    MEMBERS,
    MONEY_MEMBERS,
    TEXT_MEMBERS,
    WHEN_MEMBERS,
    table_of,
)

_TABLES = ("csv", "xlsx", "fixed", "table", "columns", "balance", "totals")


def parse_mapping(text: str, name: str = "") -> Mapping:
    """Read a mapping from TOML text. Raises MappingError with the place in the TOML."""
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(name, f"this is no TOML: {error}", f"不是有效的 TOML：{error}") from None
    top = check("", data, "", _TABLES)
    layout = top.get("kind", "csv")
    for part, fits in (("csv", ("csv", "xlsx")), ("xlsx", ("csv", "xlsx")), ("fixed", ("fixed",))):
        if part in data and layout not in fits:
            raise MappingError(
                part, f"has no place in a mapping of kind {layout!r}", f"不适用于 kind = {layout!r}"
            )
    csv = check("csv", data.get("csv", {}), "csv")
    quote = csv.get("quote", '"')
    if len(quote) > 1:
        raise MappingError(
            "csv.quote", f"{quote!r} must be one character or empty", f"{quote!r} 应为一个字符或空"
        )
    fixed = check("fixed", data.get("fixed", {}), "fixed") if layout == "fixed" else {}
    columns = _columns(data.get("columns", {}))
    mapping = Mapping(
        name=top.get("name", name),
        role=Role(top["role"]),
        layout=layout,
        **{key: top[key] for key in top if key not in ("name", "role", "kind")},
        delimiter=csv.get("delimiter", ""),
        quote=quote,
        sheet=check("xlsx", data.get("xlsx", {}), "xlsx").get("sheet", ""),
        record_bytes=fixed.get("record_bytes", 0),
        fields=tuple(FixedField(*one) for one in fixed.get("fields", ())),
        table=_table(data.get("table", {})),
        **columns,
        balance=BalanceRule(**check("balance", data["balance"], "balance")) if "balance" in data else None,
        totals=_totals(data.get("totals", [])),
    )
    _agree(mapping)
    return mapping


def _table(found: object) -> Table:
    values = check("table", found, "table")
    ignore = tuple(IgnoreRule(*one) for one in values.pop("ignore", ()))
    return Table(**values, ignore=ignore)


def _columns(found: object) -> dict[str, Any]:
    if not isinstance(found, dict) or not found:
        raise MappingError(
            "columns",
            "is missing: say at least amount and kind, as in [columns] amount = 'Amount'",
            "缺少：至少写明 amount 与 kind，例如 [columns] amount = '金额'",
        )
    for name in found:
        if name not in MEMBERS:
            raise unknown("columns", name, MEMBERS)
    for name, english, chinese in (("amount", "the amount", "金额"), ("kind", "the kind", "交易类型")):
        if name not in found:
            raise MappingError(
                "columns",
                f"{name!r} is missing: say where {english} stands",
                f"缺少 {name!r}：请写明{chinese}所在列",
            )
    rules: dict[str, dict[str, Any]] = {}
    for name, value in found.items():
        rule = (
            {"column": value}
            if isinstance(value, str | int | list) and not isinstance(value, bool)
            else value
        )
        rules[name] = check(table_of(name), rule, f"columns.{name}")
    out: dict[str, Any] = {name: _money(name, rules[name]) for name in MONEY_MEMBERS if name in rules}
    out["kind"] = _kind(rules["kind"])
    if "mark" in rules:
        out["mark"] = MarkRule(**rules["mark"])
    out["whens"] = tuple((name, WhenRule(**rules[name])) for name in WHEN_MEMBERS if name in rules)
    for name, rule in out["whens"]:
        _formats(name, rule)
    for name in TEXT_MEMBERS:
        if name in rules and ("column" in rules[name]) == ("constant" in rules[name]):
            raise MappingError(
                f"columns.{name}", "needs either column or constant", "须且仅须写 column 或 constant 之一"
            )
    out["texts"] = tuple((name, TextRule(**rules[name])) for name in TEXT_MEMBERS if name in rules)
    return out


def _formats(name: str, rule: WhenRule) -> None:
    for one in rule.formats:
        try:
            whole = one in ("auto", "excel") or ({"D"} <= (parts := format_parts(one)) and parts & {"M", "b"})
        except ValueError:
            whole = False
        if not whole:
            raise MappingError(
                f"columns.{name}.formats",
                f"{one!r} is no date format: use YYYY YY MM MON DD hh mm ss, each once, or auto, or excel",
                f"{one!r} 不是日期格式：用 YYYY YY MM MON DD hh mm ss（各一次），或 auto、excel",
            )


def _money(name: str, values: dict[str, Any]) -> MoneyRule:
    where = f"columns.{name}"
    rule = MoneyRule(**values)
    pair = bool(rule.debit) + bool(rule.credit)
    if bool(rule.column) == bool(pair) or pair == 1:
        raise MappingError(
            where, "needs either column, or both debit and credit", "须写 column，或同时写 debit 与 credit"
        )
    if pair and rule.sign != "given":
        raise MappingError(
            f"{where}.sign",
            "has no place beside debit and credit: they are the sign",
            "已有 debit 与 credit，不能再写 sign",
        )
    if (rule.sign == "marked") != bool(rule.sign_column):
        raise MappingError(
            where,
            'sign = "marked" and sign_column belong together',
            'sign = "marked" 与 sign_column 须同时出现',
        )
    if rule.sign == "cost" and name == "amount":
        raise MappingError(f"{where}.sign", '"cost" is for fees', '"cost" 仅用于手续费')
    return rule


def _kind(values: dict[str, Any]) -> KindRule:
    for key in ("constant", "positive", "negative"):
        if key in values:
            values[key] = LineKind(values[key])
    rule = KindRule(**values)
    if rule.constant is not None and len(values) > 1:
        raise MappingError("columns.kind", "constant stands alone", "constant 不能与其他键同用")
    if (rule.values or rule.common or rule.patterns) and not rule.column:
        raise MappingError(
            "columns.kind",
            "values, common and patterns need a column",
            "values、common、patterns 需要 column",
        )
    if rule.column and not (rule.values or rule.common or rule.patterns):
        raise MappingError(
            "columns.kind",
            "say what the column's words mean: values = { '消费' = 'payment' } or common = true",
            "请说明该列取值的含义：values = { '消费' = 'payment' } 或 common = true",
        )
    if not values:
        raise MappingError("columns.kind", "is empty", "为空")
    if rule.constant is None and not rule.column and not (rule.positive and rule.negative):
        raise MappingError(
            "columns.kind",
            "without a column both positive and negative are needed",
            "无 column 时须同时写 positive 与 negative",
        )
    return rule


def _totals(found: object) -> tuple[TotalRule, ...]:
    if not isinstance(found, list):
        raise MappingError("totals", "must be written as [[totals]]", "应写作 [[totals]]")
    rules = []
    for number, one in enumerate(found, 1):
        where = f"totals[{number}]"
        rule = TotalRule(**check("totals[]", one, where))
        named = [*rule.match.groupindex, *(name for name, _ in rule.columns)]
        for name in named:
            if name not in COUNTERS:
                raise unknown(where, name, COUNTERS)
        if not named:
            raise MappingError(
                where,
                f"declares nothing: name a group or a column for {', '.join(COUNTERS)}; a note is table.skip",
                f"没有申报任何合计项（{'、'.join(COUNTERS)}）；若只是说明行，请用 table.skip",
            )
        rules.append(rule)
    return tuple(rules)


def _agree(mapping: Mapping) -> None:
    """Refuse what is right key by key and wrong together."""
    if mapping.currency and mapping.currency not in LETTERS:
        raise MappingError(
            "currency",
            f"{mapping.currency!r} is no ISO 4217 code such as CNY",
            f"{mapping.currency!r} 不是 CNY 之类的币种代码",
        )
    if mapping.currency and any(name == "currency" for name, _ in mapping.texts):
        raise MappingError(
            "currency", "stands beside columns.currency: keep one", "与 columns.currency 重复，只留其一"
        )
    if mapping.layout == "fixed" and (mapping.table.header or mapping.table.no_header):
        raise MappingError("table.header", "a fixed-width file has no header row", "定长文件没有表头行")
    if mapping.table.no_header and mapping.table.header:
        raise MappingError("table.no_header", "stands beside header: keep one", "与 header 矛盾，只留其一")
    if mapping.table.no_header and not mapping.delimiter and mapping.layout == "csv":
        raise MappingError(
            "csv.delimiter", "without a header the delimiter must be said", "无表头时须写明分隔符"
        )
    ends = [one.start + one.length for one in mapping.fields]
    if mapping.record_bytes and any(end > mapping.record_bytes for end in ends):
        raise MappingError("fixed.fields", "a field ends behind record_bytes", "有字段超出 record_bytes")
