"""Importing: whole or not at all, once, with corrections, totals, rejects, and what counts afterwards."""

import csv
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import pyzipper

from statement_rig import CARD, VISA, Sale, acom, coma
from storno.statements import importing
from storno.statements.catalogue import Catalogue
from storno.statements.importing import ImportOptions, import_file
from storno.statements.line import FileRefused, LineKind, Role
from storno.statements.stored import checked

GOLDEN = Path(__file__).parents[1] / "golden" / "data" / "statements"
DAY = [Sale(stan=f"{n:06d}", rrn=f"11230930{n:04d}", amount=1000 + n) for n in range(1, 11)]


def put(folder, sales=DAY, name="IND26112301ACOM", write=acom):
    path = folder / name
    path.write_bytes(b"".join(write(sale) + b"\n" for sale in sales))
    return path


def take(path, home, **options):
    return list(import_file(path, home, ImportOptions(**options), now_ms=1_000))


def only(path, home, **options):
    (outcome,) = take(path, home, **options)
    return outcome


def visible(home):
    return [
        str(one.relative_to(home))
        for one in sorted(home.rglob("*"))
        if one.is_file() and one.suffix != ".lock"
    ]


def rows(home, stored):
    return pq.read_table(Catalogue(home).path(stored)).to_pylist()


# ------------------------------------------------------------------ what is kept


def test_lines_are_kept_as_parquet_with_a_manifest(tmp_path):
    home = tmp_path / "home"
    outcome = only(put(tmp_path), home)
    stored = outcome.stored
    assert (stored.lines, stored.rejects, stored.format, stored.role) == (
        10,
        0,
        "unionpay_acom",
        Role.NETWORK,
    )
    assert (stored.first_day, stored.last_day, stored.accounts) == ("20261123", "20261123", ("48021000",))
    assert [(s.kind, s.lines, s.amount_minor, s.fee_minor) for s in stored.sums] == [
        (LineKind.PAYMENT, 10, 10_055, -390)
    ]
    assert stored.complete
    assert visible(home) == [
        f"statements/202611/{stored.file_id}.parquet", f"statements/catalogue/{stored.file_id}.json"
    ]  # fmt: skip
    first = rows(home, stored)[0]
    assert (first["line_no"], first["kind"], first["amount_minor"], first["net_minor"]) == (
        1,
        "payment",
        1001,
        None,
    )
    assert (first["mark"], first["file_id"], first["role"], first["format"], first["source"]) == (
        "none", stored.file_id, "network", "unionpay_acom", "IND26112301ACOM"
    )  # fmt: skip
    assert Catalogue(home).files() == (stored,)


def test_rows_come_in_bounded_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("storno.statements.store.GROUP_ROWS", 4)
    stored = only(put(tmp_path), tmp_path / "home").stored
    file = pq.ParquetFile(Catalogue(tmp_path / "home").path(stored))
    assert [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)] == [4, 4, 2]
    assert len({row["line_key"] for row in file.read().to_pylist()}) == 10


def test_the_same_bytes_again_change_nothing(tmp_path):
    home = tmp_path / "home"
    path = put(tmp_path)
    first = only(path, home).stored
    before = visible(home)
    again = only(put(tmp_path, name="another name.txt"), home)
    assert again.already
    assert again.stored == first
    assert visible(home) == before


def test_days_without_sales_are_told_apart_by_name(tmp_path):
    home = tmp_path / "home"
    days = []
    for name in ("IND26112301ACOM", "IND26112401ACOM", "IND26112301ACOM"):
        path = tmp_path / name
        path.write_bytes(b"\n")
        days.append(only(path, home))
    assert [one.already for one in days] == [False, False, True]
    assert [one.first_day for one in Catalogue(home).files()] == ["20261123", "20261124"]


def test_no_card_number_is_kept_anywhere(tmp_path):
    home = tmp_path / "home"
    path = put(tmp_path, [replace(DAY[0], card=VISA), *DAY[1:]])
    good = path.read_bytes()
    broken = acom(Sale()).replace(b"000000010000", b"0000000A0000")
    path.write_bytes(good + broken + b"\n" + acom(Sale())[:100] + b"\n" + b"x" + acom(Sale()) + b"\n")
    stored = only(path, home).stored
    assert stored.rejects == 3
    for file in home.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert CARD.encode() not in data
            assert VISA.encode() not in data
    kept = (home / stored.rejects_file).read_text(encoding="utf-8-sig")
    lines = list(csv.reader(io.StringIO(kept)))
    assert [(line[0], line[1]) for line in lines[1:]] == [
        ("11", "amount"),
        ("12", "length"),
        ("13", "columns"),
    ]
    assert "622202*********0128" in kept
    assert "622202*********0128" in {row["card"] for row in rows(home, stored)}
    assert not stored.complete


# ------------------------------------------------------------------ what is refused


def test_a_file_nobody_knows_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "junk.bin"
    path.write_bytes(bytes(range(256)) * 40)
    refused = only(path, tmp_path / "home").refused
    assert refused.code == "unknown"
    assert "--format" in refused.english
    assert not visible(tmp_path / "home")


def test_two_formats_with_one_score_are_named(tmp_path, monkeypatch):
    both = {
        name: replace(one, recognise=lambda _: 50)
        for name, one in importing.FORMATS.items()
        if "unionpay_a" in name
    }
    both["second"] = replace(both["unionpay_acom"], name="second")
    monkeypatch.setattr("storno.statements.reading.FORMATS", both)
    refused = only(put(tmp_path), tmp_path / "home").refused
    assert refused.code == "ambiguous"
    assert "second, unionpay_acom" in refused.english


def test_more_rejects_than_lines_is_another_format(tmp_path):
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(b"".join(coma(sale) + b"\n" for sale in DAY))
    outcome = only(path, tmp_path / "home", format_name="unionpay-acom")
    assert outcome.refused.code == "rejects"
    assert outcome.refused.line_no == 1
    assert len(outcome.first_rejects) == 10
    assert not visible(tmp_path / "home")


def test_half_of_the_lines_broken_is_still_taken(tmp_path):
    path = put(tmp_path, DAY[:5])
    path.write_bytes(path.read_bytes() + b"broken\n" * 5)
    assert only(path, tmp_path / "home").stored.rejects == 5
    path.write_bytes(path.read_bytes() + b"broken\n")
    assert only(path, tmp_path / "home").refused.code == "rejects"


def test_a_file_written_twice_over_is_refused_and_single_repeats_are_not(tmp_path):
    path = put(tmp_path)
    path.write_bytes(path.read_bytes() * 2)
    assert only(path, tmp_path / "home").refused.code == "doubled"
    path = put(tmp_path, [*DAY, DAY[3]], "IND26112302ACOM")
    assert only(path, tmp_path / "home").stored.repeats == 1


BILL = GOLDEN / "wechat_bill" / "wechat_trade_ALL_24_columns_2014.utf8.csv"


def test_totals_that_are_not_met_refuse_the_file_unless_somebody_takes_it(tmp_path):
    home = tmp_path / "home"
    path = tmp_path / "bill.csv"
    path.write_bytes(BILL.read_bytes().replace(b"`2,`0.02", b"`3,`0.03"))
    refused = only(path, home).refused
    assert refused.code == "totals"
    assert "declared 3, counted 2" in refused.english
    assert refused.line_no > 0
    assert not visible(home)
    stored = only(path, home, accept_totals=True).stored
    assert stored.accepted
    assert not stored.complete
    assert [total.met for total in stored.totals].count(False) == 2
    assert not only(BILL, tmp_path / "other").stored.accepted


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = put(tmp_path)
    look = importing._look

    def late(member, tell):
        found = look(member, tell)
        path.write_bytes(path.read_bytes() + acom(Sale(stan="000999")) + b"\n")
        return found

    monkeypatch.setattr(importing, "_look", late)
    assert only(path, tmp_path / "home").refused.code == "changed"
    assert not visible(tmp_path / "home")


def test_a_missing_file_is_an_error_of_the_surroundings(tmp_path):
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "nothing", tmp_path / "home")


def test_two_imports_at_once_do_not_meet(tmp_path):
    home = tmp_path / "home"
    first = import_file(put(tmp_path), home)
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for n in (1, 2):
            archive.writestr(f"IND2611230{n}ACOM", acom(replace(DAY[0], stan=f"00000{n}")) + b"\n")
    slow = import_file(tmp_path / "two.zip", home)
    assert next(slow).stored is not None
    assert next(first).refused.code == "busy"
    assert [one.stored.lines for one in slow] == [1]


# ------------------------------------------------------------------ archives


def test_each_statement_of_an_archive_has_its_own_outcome(tmp_path):
    home = tmp_path / "home"
    path = tmp_path / "day.zip"
    with pyzipper.AESZipFile(
        path, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(b"sesame")
        archive.writestr("IND26112301ACOM", put(tmp_path).read_bytes())
        archive.writestr("汇总.csv", "x")
        archive.writestr("readme.txt", "\x00\x01")
    (locked,) = take(path, home)
    assert locked.refused.code == "password"
    acom_, summary, readme = take(path, home, passwords=("sesame",))
    assert (acom_.stored.lines, acom_.source) == (10, "day.zip/IND26112301ACOM")
    assert summary.skipped
    assert readme.refused.code == "unknown"
    assert only(tmp_path / "IND26112301ACOM", home).already


# ------------------------------------------------------------------ corrections and overlaps


def test_a_corrected_file_needs_to_be_called_one(tmp_path):
    home = tmp_path / "home"
    old = only(put(tmp_path), home).stored
    path = put(tmp_path, [replace(DAY[0], amount=7777), *DAY[1:]])
    refused = only(path, home).refused
    assert refused.code == "overlap"
    assert old.file_id in refused.english
    assert "10 of its 10 lines" in refused.english
    new = only(path, home, correct=True).stored
    assert new.supersedes == (old.file_id,)
    assert [one.file_id for one in Catalogue(home).active()] == [new.file_id]
    listed = {one.file_id: one.superseded_by for one in Catalogue(home).files()}
    assert listed == {old.file_id: new.file_id, new.file_id: ""}
    again = only(put(tmp_path), home)
    assert again.already
    assert again.stored.superseded_by == new.file_id


def test_what_a_withdrawn_correction_replaced_counts_again(tmp_path):
    home = tmp_path / "home"
    old = only(put(tmp_path), home).stored
    new = only(put(tmp_path, [replace(DAY[0], amount=7777), *DAY[1:]]), home, correct=True).stored
    importing.withdraw(new.file_id, home, now_ms=5)
    assert [one.file_id for one in Catalogue(home).active()] == [old.file_id]
    assert len(Catalogue(home).files()) == 2


def test_a_predecessor_can_be_named(tmp_path):
    home = tmp_path / "home"
    old = only(put(tmp_path), home).stored
    path = put(tmp_path, [replace(DAY[0], stan="999999", rrn="0" * 12)], "IND26112309ACOM")
    new = only(path, home, supersedes=(old.file_id[:8],)).stored
    assert new.supersedes == (old.file_id,)
    path = put(tmp_path, [replace(DAY[0], stan="888888", rrn="1" * 12)], "IND26112308ACOM")
    assert only(path, home, supersedes=("ffffffff",)).refused.code == "supersedes"


def test_files_of_one_day_without_a_common_line_are_its_parts(tmp_path):
    home = tmp_path / "home"
    take(put(tmp_path, DAY[:5], "IND26112301ACOM"), home)
    second = only(put(tmp_path, DAY[5:], "IND26112302ACOM"), home).stored
    assert second.supersedes == ()
    assert len(Catalogue(home).active()) == 2


def test_a_correction_that_leaves_days_out_must_name_what_it_replaces(tmp_path):
    home = tmp_path / "home"
    later = Sale(stan="000500", at="1124093015", rrn="112409300500")

    def write(sale):
        return coma(sale, cleared=sale.at[:4])

    old = only(put(tmp_path, [*DAY, later], "IND26112401COMA", write), home).stored
    assert [day for _, day in old.coverage] == ["20261123", "20261124"]
    less = put(tmp_path, [replace(DAY[0], amount=5), *DAY[1:]], "IND26112402COMA", write)
    refused = only(less, home, correct=True).refused
    assert refused.code == "supersedes"
    assert old.file_id in refused.english
    assert only(less, home, supersedes=(old.file_id,)).stored.supersedes == (old.file_id,)


def test_nothing_to_correct_is_said(tmp_path):
    assert only(put(tmp_path), tmp_path / "home", correct=True).refused.code == "supersedes"


def test_lines_can_be_let_count_beside(tmp_path):
    home = tmp_path / "home"
    take(put(tmp_path), home)
    assert only(put(tmp_path, DAY[:3], "IND26112302ACOM"), home, beside=True).stored.supersedes == ()


def test_where_two_formats_report_one_day_the_higher_counts(tmp_path):
    home = tmp_path / "home"
    low = only(put(tmp_path), home).stored
    high = only(put(tmp_path, name="IND26112301COMA", write=coma), home).stored
    shadows = {one.file_id: one.shadowed for one in Catalogue(home).active("20261123", "20261123")}
    assert shadows == {low.file_id: (("48021000", "20261123"),), high.file_id: ()}
    assert Catalogue(home).active("20261124") == ()
    assert Catalogue(home).active(roles=(Role.BANK,)) == ()


# ------------------------------------------------------------------ what a killed import leaves


def test_leftovers_are_cleared_at_the_next_import(tmp_path):
    home = tmp_path / "home"
    kept = only(put(tmp_path), home).stored
    month = home / "statements" / "202611"
    (month / "feedfeedfeedfeed.parquet").write_bytes(b"half")
    (month / "feedfeedfeedfeed.rejects.csv").write_bytes(b"half")
    (home / "statements" / "work").mkdir()
    (home / "statements" / "work" / "lines.parquet").write_bytes(b"half")
    (home / "statements" / "catalogue" / "feedfeedfeedfeed.new").write_bytes(b"{")
    assert Catalogue(home).files() == (kept,)
    take(put(tmp_path, DAY[:1], "IND26112401ACOM"), home)
    assert not [one for one in visible(home) if "feed" in one or "work" in one]


def test_a_damaged_manifest_is_named(tmp_path):
    home = tmp_path / "home"
    stored = only(put(tmp_path), home).stored
    (home / "statements" / "catalogue" / f"{stored.file_id}.json").write_text("{", encoding="utf-8")
    with pytest.raises(FileRefused) as refused:
        Catalogue(home).files()
    assert stored.file_id in refused.value.english


def test_progress_is_told_to_the_end(tmp_path):
    path = put(tmp_path)
    seen = []
    list(import_file(path, tmp_path / "home", None, lambda *told: seen.append(told)))
    assert seen[-1] == ("IND26112301ACOM", 2 * path.stat().st_size, 2 * path.stat().st_size)


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "save it as XLSX or CSV"),
        (b"%PDF-1.7\n", "a PDF is for people"),
        (b"Rar!\x1a\x07\x00", "unpack it first"),
        (b"\r\n<html xmlns:x='excel'><table><tr><td>1</td></tr></table></html>", "a web page"),
    ],
)
def test_what_people_try_although_it_is_not_read_is_told_by_name(tmp_path, first, what):
    path = tmp_path / "statement.xls"
    path.write_bytes(first)
    refused = only(path, tmp_path / "home").refused
    assert refused.code == "unknown"
    assert what in refused.english
    assert refused.chinese


# ------------------------------------------------------------------ stored lines that are gone or damaged


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def bent(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(bytes(data))


HARM = pytest.mark.parametrize("harm", [Path.unlink, cut, bent])


@HARM
def test_the_same_bytes_again_put_damaged_lines_back(tmp_path, harm):
    home, path = tmp_path / "home", put(tmp_path)
    first = only(path, home).stored
    lines = rows(home, first)
    harm(Catalogue(home).path(first))
    again = only(path, home)
    assert (again.already, again.refused, again.stored.file_id) == (False, None, first.file_id)
    assert rows(home, again.stored) == lines
    assert Catalogue(home).files() == (again.stored,)
    assert only(path, home).already


def test_a_correction_that_is_put_back_is_still_one(tmp_path):
    home = tmp_path / "home"
    first = only(put(tmp_path), home).stored
    better = put(tmp_path, [*DAY[:9], replace(DAY[9], amount=5)], "IND26112302ACOM")
    second = only(better, home, correct=True).stored
    Catalogue(home).path(second).unlink()
    assert only(better, home).stored.supersedes == (first.file_id,)


@HARM
def test_a_file_that_cannot_be_compared_with_damaged_lines_is_refused(tmp_path, harm):
    home = tmp_path / "home"
    first = only(put(tmp_path), home).stored
    harm(Catalogue(home).path(first))
    refused = only(put(tmp_path, DAY[:5], "IND26112302ACOM"), home).refused
    assert refused.code == "stored"
    for said in (refused.english, refused.chinese):
        assert first.file_id in said
        assert first.name in said


def test_lines_that_were_imported_before_digests_were_kept_are_counted(tmp_path):
    home = tmp_path / "home"
    stored = only(put(tmp_path), home).stored
    manifest = home / "statements" / "catalogue" / f"{stored.file_id}.json"
    manifest.write_text(manifest.read_text("utf-8").replace(stored.parquet_sha256, ""), "utf-8")
    (old,) = Catalogue(home).files()
    assert checked(Catalogue(home), old) == stored.parquet_sha256
    pq.write_table(pq.read_table(Catalogue(home).path(old))[:4], Catalogue(home).path(old))
    with pytest.raises(FileRefused, match="damaged"):
        checked(Catalogue(home), old)
