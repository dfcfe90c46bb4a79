"""Every key a mapping file may have: its type, its default and what it means in both languages.

One table: the checker refuses what is not in it, and the reference in docs/mapping.md is printed from it. Data only;
must not read files.
"""

# ruff: noqa: E501 - a table keeps its rows

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from storno.statements.line import LineKind, Mark, Role

TEXT_MEMBERS: Final = (
    "tid", "mid", "batch", "stan", "rrn", "auth_code", "reference", "order", "original", "card", "account", "code",
    "text", "currency",
)  # fmt: skip
WHEN_MEMBERS: Final = ("settled_on", "at", "original_at")
MONEY_MEMBERS: Final = ("amount", "fee", "net")
MEMBERS: Final = (*MONEY_MEMBERS, *WHEN_MEMBERS, "kind", "mark", *TEXT_MEMBERS)

COUNTERS: Final = (
    "lines", "amount", "net", "fees", "credits", "debits", "payments", "refunds",
    "credits_count", "debits_count", "payments_count", "refunds_count",
)  # fmt: skip

LAYOUTS: Final = ("csv", "xlsx", "fixed")
ENCODINGS: Final = ("auto", "utf-8", "gb18030", "big5", "cp1250", "cp1252", "shift_jis")
SIGNS: Final = ("given", "negated", "by_kind", "cost", "marked")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one table."""

    name: str
    type: str
    """text, texts, flag, count, one of a choice (`a|b`), column(s), regex, regexes, words, kinds, fields, rules."""
    default: str
    en: str
    zh: str


_COLUMN = "a header name, a position from 1, or a list of which the first that is there is taken"
_COLUMN_ZH = "表头名称或列序号（从 1 起）；给出列表时取文件中第一个存在的"


def _kinds() -> str:
    return "|".join(kind.value for kind in LineKind)


TABLES: Final[dict[str, tuple[Key, ...]]] = {
    "": (
        Key("name", "text", "", "short name, shown in results", "简短名称，显示在结果中"),
        Key("title", "text", "", "what the file is, in English", "文件说明（英文）"),
        Key("title_zh", "text", "", "what the file is, in Chinese", "文件说明（中文）"),
        Key("source", "text", "", "where the layout is described", "格式出处"),
        Key(
            "role", "|".join(role.value for role in Role), "required",
            "whose witness the file is: terminal journal, network list, bank account", "文件角色：终端流水、网络清单、银行账户",
        ),
        Key("kind", "|".join(LAYOUTS), "csv", "layout; csv and xlsx may be read with each other's mapping",
            "版式；csv 与 xlsx 的映射可互用"),
        Key("encoding", "|".join(ENCODINGS), "auto", "auto: UTF-8, UTF-16, GB18030 or cp1252 by the bytes",
            "auto：按字节识别 UTF-8、UTF-16、GB18030 或 cp1252"),
        Key("currency", "text", "", "ISO letters where no column says it; empty: the books' currency",
            "无币种列时的币种代码；为空用账本币种"),
        Key("account", "text", "", "account the statement is of, where no column says it", "无账号列时的账号"),
        Key("mid", "text", "", "merchant, where no column says it", "无商户号列时的商户号"),
        Key("utc_offset_min", "offset", "none", "time zone of the file in minutes east of UTC; none: the books' own",
            "文件时区（UTC 以东分钟数）；不写则同账本时区"),
    ),
    "csv": (
        Key("delimiter", "delimiter", "auto", "a comma, ;, tab or pipe; auto: the one with which the header is found",
            ", ; tab pipe 之一；auto：以能找到表头者为准"),
        Key("quote", "text", '"', "one character; empty: no quoting", "引号字符；为空表示不用引号"),
    ),
    "xlsx": (
        Key("sheet", "sheet", "", "name or number from 1; empty: the only visible sheet with the header",
            "工作表名称或序号（从 1 起）；为空取唯一含表头的可见表"),
    ),
    "fixed": (
        Key("record_bytes", "count", "0", "exact length of a record without its line end; 0: not checked",
            "每条记录的字节数（不含行尾）；0 表示不检查"),
        Key("fields", "fields", "required", "name = { at = first byte from 1, length = bytes }",
            "字段名 = { at = 起始字节（从 1 起）, length = 字节数 }"),
    ),
    "table": (
        Key("header", "signature", "", "of presets: the whole header row, name by name (or several such lists); such a file is known "
            "without asking", "预设用：完整表头（可列多组），表头完全一致的文件自动识别"),
        Key("no_header", "flag", "false", "the file has no header row; columns are positions", "没有表头行，按列序号取值"),
        Key("width", "count", "0", "number of columns where there is no header; 0: not checked",
            "无表头时的列数；0 表示不检查"),
        Key("header_within", "count", "60", "rows in which the header must be found", "须在前多少行内找到表头"),
        Key("skip", "regexes", "", "rows that are no lines: notes, page titles", "非明细行：说明、页眉等"),
        Key("ignore", "rules", "", "{ column, values }: rows that carry no money by their own word",
            "{ column, values }：按某列取值忽略的行"),
    ),
    "balance": (
        Key("column", "columns", "required", "running balance: previous + amount = balance", "逐笔余额：上笔余额 + 金额 = 余额"),
        Key("unit", "yuan|fen", "yuan", "unit of the balance", "余额单位"),
        Key("decimal", ".|,", ".", "decimal mark", "小数点"),
        Key("order", "auto|oldest_first|newest_first", "auto", "order of the rows", "行的时间顺序"),
    ),
    "totals[]": (
        Key("match", "regex", "required", "a row's cells joined by blanks; named groups are declared counters",
            "对整行（各列以空格连接）匹配；命名组即申报的合计项"),
        Key("columns", "counters", "", "counter = column of that row", "合计项 = 该行中的列"),
        Key("unit", "yuan|fen", "yuan", "unit of declared amounts", "合计金额单位"),
        Key("decimal", ".|,", ".", "decimal mark", "小数点"),
        Key("required", "flag", "false", "a file without this row is cut short and refused", "缺此行视为文件被截断，拒收"),
    ),
    "columns.TEXT": (
        Key("column", "columns", "", _COLUMN, _COLUMN_ZH),
        Key("constant", "text", "", "the same for every line", "固定值"),
        Key("optional", "flag", "false", "the file may lack the column", "文件可无此列"),
        Key("strip", "text", "", "characters taken off both ends, besides blanks, tabs and back-ticks",
            "除空格、制表符和反引号外，两端另去除的字符"),
        Key("digits", "count", "0", "zeros in front up to this length", "前补零至此位数"),
        Key("keep", "regex", "", "the part kept: group 1, or the whole match", "只保留匹配部分（第 1 组或整个匹配）"),
        Key("values", "words", "", "words of the file = words to keep", "原值 = 替换值"),
    ),
    "columns.WHEN": (
        Key("column", "columns", "required", "the day, or day and time", "日期列，或日期时间列"),
        Key("time", "columns", "", "the time, where it has its own column", "单独的时间列"),
        Key("formats", "texts", "auto", "such as YYYY-MM-DD, DD/MM/YYYY, MM/DD/YYYY hh:mm:ss, MON DD, YYYY hh:mm AM, MMDD, excel",
            "如 YYYY-MM-DD、DD/MM/YYYY、MM/DD/YYYY hh:mm:ss、MON DD, YYYY hh:mm AM、MMDD、excel（序列日期）"),
        Key("optional", "flag", "false", "the file may lack it, a row may leave it empty", "文件可无此列，行内可为空"),
    ),
    "columns.MONEY": (
        Key("column", "columns", "", "the amount", "金额列"),
        Key("debit", "columns", "", "money away, instead of `column`", "支出（借方）列，代替 column"),
        Key("debit_negative", "flag", "false", "the debit column writes its minus itself", "支出列的金额自带负号"),
        Key("credit", "columns", "", "money in, instead of `column`", "收入（贷方）列，代替 column"),
        Key("unit", "yuan|fen", "yuan", "main or minor unit of the currency", "金额单位：元或分"),
        Key("decimal", ".|,", ".", "decimal mark", "小数点"),
        Key("sign", "|".join(SIGNS), "given", "given, negated, by_kind (a refund is away), cost (against the amount), "
            "marked (by sign_column)", "符号：原样、取反、按交易类型、成本（与金额相反）、由 sign_column 指明"),
        Key("sign_column", "columns", "", "column that says in or away", "标明收支方向的列"),
        Key("plus", "texts", "C CR 贷 …", "its words for money in", "表示收入的词"),
        Key("minus", "texts", "D DR 借 …", "its words for money away", "表示支出的词"),
        Key("optional", "flag", "false", "the file may lack it; an empty cell is nothing", "文件可无此列；空值表示没有"),
    ),
    "columns.kind": (
        Key("column", "columns", "", "column that names the kind of transaction", "交易类型列"),
        Key("constant", _kinds(), "", "the same for every line", "固定类型"),
        Key("values", "kinds", "", "words of the file = kind", "原值 = 类型"),
        Key("common", "flag", "false", "also take the common words (消费, 退货, sale, refund, …)", "同时采用常用词表"),
        Key("patterns", "patterns", "", "{ match, kind }: first regex found in the column", "{ match, kind }：按正则取类型"),
        Key("positive", _kinds(), "", "kind of money in that nothing above named", "未命中时收入的类型"),
        Key("negative", _kinds(), "", "kind of money away that nothing above named", "未命中时支出的类型"),
    ),
    "columns.mark": (
        Key("column", "columns", "required", "column that says what became of it", "交易结果列"),
        Key("values", "marks", "", "words of the file = " + "|".join(mark.value for mark in Mark), "原值 = 结果"),
        Key("optional", "flag", "false", "the file may lack the column", "文件可无此列"),
    ),
}  # fmt: skip


def table_of(member: str) -> str:
    """Give the name in TABLES of the keys of a member of a line."""
    if member in MONEY_MEMBERS:
        return "columns.MONEY"
    if member in WHEN_MEMBERS:
        return "columns.WHEN"
    return f"columns.{member}" if member in ("kind", "mark") else "columns.TEXT"


def reference(chinese: bool = False) -> str:  # noqa: FBT001, FBT002 - the language of the page
    """Print every key as Markdown tables."""
    heads = {
        "": ("top of the file", "文件顶层"),
        "totals[]": ("[[totals]], as often as needed", "[[totals]]，可重复"),
        "columns.TEXT": ("columns: " + ", ".join(TEXT_MEMBERS), "columns：" + "、".join(TEXT_MEMBERS)),
        "columns.WHEN": ("columns: " + ", ".join(WHEN_MEMBERS), "columns：" + "、".join(WHEN_MEMBERS)),
        "columns.MONEY": ("columns: " + ", ".join(MONEY_MEMBERS), "columns：" + "、".join(MONEY_MEMBERS)),
    }
    out: list[str] = []
    for table, keys in TABLES.items():
        head = heads.get(table, (f"[{table}]", f"[{table}]"))[chinese]
        out += [f"### {head}", ""]
        out.append("| 键 | 类型 | 缺省 | 含义 |" if chinese else "| key | type | default | meaning |")
        out.append("|---|---|---|---|")
        for key in keys:
            kind = key.type.replace("|", " \\| ")
            words = key.zh if chinese else key.en
            out.append(f"| `{key.name}` | {kind} | {key.default} | {words} |")
        out.append("")
    return "\n".join(out)
