"""A mapping's TOML: what is taken, and that each refusal says where and what to do."""

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storno.statements.base import ReadOptions
from storno.statements.line import FileRefused, LineKind, Mark, Role
from storno.statements.mapping import MappingError
from storno.statements.mapping_keys import MEMBERS, TABLES, reference
from storno.statements.mapping_load import load_mapping, presets
from storno.statements.mapping_parse import parse_mapping
from storno.statements.signature import preset_of
from storno.statements.table import Row, Session, parts

GOOD = """
name = "bank"
role = "bank"
[columns]
amount = "Amount"
settled_on = "Date"
[columns.kind]
constant = "deposit"
"""


def test_a_small_mapping_is_read_with_its_defaults():
    mapping = parse_mapping(GOOD)
    assert (mapping.name, mapping.role, mapping.layout, mapping.encoding) == (
        "bank",
        Role.BANK,
        "csv",
        "auto",
    )
    assert mapping.amount.column == ("Amount",)
    assert (mapping.amount.unit, mapping.amount.decimal, mapping.amount.sign) == ("yuan", ".", "given")
    assert mapping.kind.constant is LineKind.DEPOSIT
    assert mapping.delimiter == ""


def test_every_part_of_a_mapping_is_read():
    mapping = parse_mapping("""
        role = "terminal"
        kind = "xlsx"
        currency = "HKD"
        utc_offset_min = 0
        [xlsx]
        sheet = 2
        [table]
        skip = "^note"
        ignore = [{ column = "state", values = "failed" }]
        [columns]
        amount = { column = ["A", 3], unit = "fen", sign = "marked", sign_column = "DC", plus = "in", minus = ["out"] }
        fee = { column = "F", sign = "cost" }
        at = { column = "day", time = "clock", formats = ["DD/MM/YYYY"] }
        mark = { column = "state", values = { bad = "declined" } }
        stan = { column = "no", digits = 6 }
        text = { constant = "x" }
        kind = { column = "type", values = { buy = "payment" }, patterns = [{ match = "back", kind = "refund" }] }
        [balance]
        column = "B"
        order = "newest_first"
        [[totals]]
        match = "^sum (?P<lines>\\\\d+)"
        columns = { amount = "A" }
        required = true
    """)
    assert mapping.sheet == 2
    assert mapping.amount.column == ("A", 3)
    assert mapping.amount.minus == ("out",)
    assert mapping.mark is not None
    assert mapping.mark.values == (("bad", Mark.DECLINED),)
    assert mapping.table.ignore[0].values == ("failed",)
    assert mapping.balance is not None
    assert mapping.balance.order == "newest_first"
    assert mapping.totals[0].required


@pytest.mark.parametrize(
    ("change", "where", "hint"),
    [
        (("role", "rolle"), "rolle", "role"),
        (('"bank"\n[', '"banc"\n['), "role", "bank"),
        (("role =", "# role ="), "role", "missing"),
        (("amount =", "amont ="), "columns", "amount"),
        (('amount = "Amount"', ""), "columns", "amount"),
        (('"Amount"', '{ column = "A", unt = "fen" }'), "columns.amount", "unit"),
        (('"Amount"', '{ column = "A", unit = "jiao" }'), "columns.amount.unit", "yuan"),
        (('"Amount"', '{ debit = "A" }'), "columns.amount", "credit"),
        (('"Amount"', '{ debit = "A", credit = "B", sign = "negated" }'), "columns.amount.sign", "debit"),
        (('"Amount"', '{ column = "A", sign = "marked" }'), "columns.amount", "sign_column"),
        (('"Amount"', '{ column = "A", sign = "cost" }'), "columns.amount.sign", "fees"),
        (('"Amount"', "true"), "columns.amount", "table"),
        (('"Amount"', "0"), "columns.amount", "from 1"),
        (('"Amount"', '""'), "columns.amount", "header name"),
        (('"Amount"', "[]"), "columns.amount", "empty"),
        (('"Date"', '{ column = "D", formats = ["%d"] }'), "columns.settled_on.formats", "YYYY"),
        (('"Date"', '{ column = "D", formats = ["DDDDMM"] }'), "columns.settled_on.formats", "once"),
        (('"deposit"', '"deposits"'), "columns.kind.constant", "deposit"),
        (("constant =", "column ="), "columns.kind", "values"),
        (('constant = "deposit"', 'positive = "deposit"'), "columns.kind", "negative"),
        (('constant = "deposit"', ""), "columns.kind", "empty"),
        (('constant = "deposit"', 'values = { a = "payment" }'), "columns.kind", "column"),
        (('constant = "deposit"', 'column = "a"\nvalues = { a = "paymnt" }'), "columns.kind.values.a", "payment"),
        (('constant = "deposit"', 'column = "a"\npatterns = [{ match = "(", kind = "fee" }]'),
         "patterns[1].match", "regular"),
        (('constant = "deposit"', 'constant = "fee"\ncommon = true'), "columns.kind", "alone"),
        (("name =", "currency = 'yuan'\nname ="), "currency", "ISO"),
        (("name =", "utc_offset_min = 8000\nname ="), "utc_offset_min", "-900"),
        (("name =", "kind = 'fixed'\nname ="), "fixed", "fields"),
        (("[columns]", "[fixed]\nrecord_bytes = 1\n[columns]"), "fixed", "csv"),
        (("[columns]", "[csv]\nquote = '<>'\n[columns]"), "csv.quote", "one character"),
        (("[columns]", "[table]\nno_header = true\n[columns]"), "csv.delimiter", "delimiter"),
        (("[columns]", "[table]\nheader = ['a']\nno_header = true\n[columns]"), "table.no_header", "header"),
        (("[columns]", "[[totals]]\nmatch = 'x'\n[columns]"), "totals[1]", "declares nothing"),
        (("[columns]", "[[totals]]\nmatch = '(?P<sum>x)'\n[columns]"), "totals[1]", "unknown"),
        (("[columns]", "[totals]\nmatch = 'x'\n[columns]"), "totals", "[[totals]]"),
        (("[columns]", "[balance]\n[columns]"), "balance", "column"),
        (("[columns.kind]", "[columns.card]\n[columns.kind]"), "columns.card", "constant"),
        (("[columns]", "[columns"), "", "TOML"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_says_where_and_what_to_do(change, where, hint):
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(MappingError) as caught:
        parse_mapping(text)
    assert where in caught.value.english
    assert hint in caught.value.english
    assert caught.value.chinese
    assert caught.value.chinese != caught.value.english


def test_a_fixed_mapping_counts_bytes_from_one():
    mapping = parse_mapping("""
        role = "network"
        kind = "fixed"
        [fixed]
        record_bytes = 12
        fields = { a = { at = 1, length = 4 }, b = { at = 5, length = 8 } }
        [columns]
        amount = { column = "b", unit = "fen" }
        kind = { constant = "payment" }
    """)
    assert [(one.name, one.start, one.length) for one in mapping.fields] == [("a", 0, 4), ("b", 4, 8)]


def test_a_mapping_that_is_nowhere_is_met_with_the_presets_there_are(tmp_path):
    with pytest.raises(FileRefused) as caught:
        load_mapping("storno_bnk")
    assert "storno_bank" in caught.value.english
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileRefused, match="UTF-8"):
        load_mapping(str(tmp_path / "x.toml"))
    (tmp_path / "y.toml").write_text(GOOD.replace("role", "roll"), encoding="utf-8")
    with pytest.raises(FileRefused, match=r"y\.toml.*roll"):
        load_mapping(str(tmp_path / "y.toml"))


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_says_what_it_is_and_knows_its_own_header(name):
    preset = presets()[name]
    assert preset.title
    assert preset.title_zh
    assert preset.source
    assert preset.table.header or preset.table.no_header, "a preset is found by its header, if files have one"
    for header in preset.table.header:
        assert preset_of([header]) is preset
        assert preset_of([[" " + header[0], *header[1:], ""]]) is preset
        assert preset_of([header[1:]]) is None
        assert preset_of([[*header, "more"]]) is None


# -------------------------------------------------------------------- whatever stands in it
KEYS = sorted(
    {key.name for keys in TABLES.values() for key in keys}
    | set(MEMBERS)
    | set(TABLES)
    | {"columns", "totals"}
)
WORDS = sorted({word for keys in TABLES.values() for key in keys for word in key.type.split("|")} - {""})
LEAVES = st.one_of(
    st.sampled_from([*WORDS, "", "(", "(?P<lines>x)", "A", "DD/MM/YYYY", ","]),
    st.integers(-2, 10**9),
    st.booleans(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*KEYS, "at", "length"]), inner, max_size=4),
    ),
    max_leaves=8,
)


def toml(value):
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4),
    st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=3),
)
def test_any_toml_is_a_mapping_or_refused_with_its_place(top, columns):
    whole = {"role": "bank", "columns": {"amount": "A", "kind": {"constant": "fee"}, **columns}, **top}
    text = "\n".join(f"{json.dumps(name)} = {toml(value)}" for name, value in whole.items())
    try:
        mapping = parse_mapping(text)
    except MappingError as error:
        said = error
    else:
        with suppress(FileRefused):  # whatever it says, rows are parts or the file is refused
            rows = [Row(1, ["A", "Amount", "date"]), Row(2, ["1.00", "x", "2026-11-01"]), Row(3, ["1"])]
            assert list(parts(rows, Session(mapping, ReadOptions(year=2026))))
        return
    assert said.english
    assert said.chinese


# -------------------------------------------------------------------- the page
DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("page", "chinese"), [("mapping.md", False), ("mapping.zh-CN.md", True)])
def test_the_page_lists_every_key_and_its_examples_are_mappings(page, chinese):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text.endswith("-->\n\n" + reference(chinese=chinese))
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        parse_mapping(example if "[columns]" in example else GOOD + example)
