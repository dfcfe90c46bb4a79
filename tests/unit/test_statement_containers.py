"""Files inside files: zip, AES zip, nested, gzip; bombs, damage, names in GBK."""

import gzip
import io
import zipfile

import pytest
import pyzipper
from hypothesis import given
from hypothesis import strategies as st

from storno.statements.containers import Limits, members
from storno.statements.line import FileRefused


def listed(path, *passwords, limits=None):
    with members(path, passwords, limits=limits) as inside:
        found = []
        for one in inside:
            if one.skipped:
                found.append((one.path, None))
                continue
            with one.open() as stream:
                found.append((one.path, stream.read()))
        return found


def code_of(path, *passwords, limits=None):
    with pytest.raises(FileRefused) as refused:
        listed(path, *passwords, limits=limits)
    assert refused.value.chinese
    return refused.value.code


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "."), data)
    return out.getvalue()


def test_a_plain_file_is_itself(tmp_path):
    path = tmp_path / "bill.csv"
    path.write_bytes(b"a,b\n")
    assert listed(path) == [("bill.csv", b"a,b\n")]


def test_members_come_in_order_and_what_is_no_data_is_named(tmp_path):
    path = tmp_path / "bills.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("2026/b.csv", "a.csv", "__MACOSX/a.csv", ".DS_Store", "x/2026_业务明细(汇总).csv"):
            archive.writestr(name, name)
    found = listed(path)
    assert [where for where, data in found if data is not None] == ["bills.zip/2026/b.csv", "bills.zip/a.csv"]
    assert len(found) == 5


@pytest.mark.parametrize("password", ["sesame", "密码"])
def test_an_aes_zip_opens_with_its_password_only(tmp_path, password):
    path = tmp_path / "bills.zip"
    with pyzipper.AESZipFile(
        path, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(password.encode())
        archive.writestr("账单.csv", b"hello")
    assert listed(path, "wrong", password) == [("bills.zip/账单.csv", b"hello")]
    assert code_of(path) == "password"
    assert code_of(path, "wrong") == "password"


def test_a_name_in_gbk_is_read(tmp_path):
    path = tmp_path / "bills.zip"
    raw = zipped(ABCD__csv=b"1")
    path.write_bytes(raw.replace(b"ABCD.csv", "账单.csv".encode("gbk")))
    assert listed(path) == [("bills.zip/账单.csv", b"1")]


def test_archives_in_archives_are_opened_to_a_depth(tmp_path):
    data = b"x,y\n"
    for _ in range(3):
        data = zipped(a__zip=data)
    path = tmp_path / "deep.zip"
    path.write_bytes(data)
    assert listed(path) == [("deep.zip/a.zip/a.zip/a.zip", b"x,y\n")]
    path.write_bytes(zipped(a__zip=data))
    assert code_of(path) == "depth"


def test_gzip_is_opened_and_what_is_in_it_too(tmp_path):
    path = tmp_path / "bill.csv.gz"
    path.write_bytes(gzip.compress(b"a\n"))
    assert listed(path) == [("bill.csv.gz/bill.csv", b"a\n")]
    path.write_bytes(gzip.compress(zipped(b__csv=b"b\n")))
    assert listed(path) == [("bill.csv.gz/bill.csv/b.csv", b"b\n")]


def test_a_spreadsheet_is_no_archive(tmp_path):
    book = zipped(**{"[Content_Types]__xml": b"<x/>", "xl/workbook__xml": b"<x/>"})
    path = tmp_path / "bill.xlsx"
    path.write_bytes(book)
    assert listed(path) == [("bill.xlsx", book)]
    path = tmp_path / "bill.zip"
    path.write_bytes(zipped(bill__xlsx=book))
    assert listed(path) == [("bill.zip/bill.xlsx", book)]


def test_a_bomb_is_refused_by_what_comes_out(tmp_path):
    limits = Limits(ratio=50, free_bytes=1 << 20)
    path = tmp_path / "bomb.zip"
    path.write_bytes(zipped(a__csv=b"0" * (8 << 20)))
    assert code_of(path, limits=limits) == "bomb"
    path.write_bytes(zipped(a__zip=zipped(b__csv=b"0" * (8 << 20))))
    assert code_of(path, limits=limits) == "bomb"
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"0" * (8 << 20)))
    assert code_of(path, limits=limits) == "bomb"


def test_reading_a_member_twice_costs_its_bound_once(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(zipped(a__csv=b"0" * 900_000))
    with members(path, limits=Limits(ratio=1, free_bytes=1_000_000)) as inside:
        for one in inside:
            assert [len(one.open().read()) for _ in range(3)] == [900_000] * 3


def test_too_many_members_are_refused(tmp_path):
    path = tmp_path / "many.zip"
    path.write_bytes(zipped(**{f"f{n}": b"" for n in range(20)}))
    assert code_of(path, limits=Limits(members=19)) == "bomb"


ARCHIVES = [zipped(a__csv=b"1,2,3\n" * 40, b__csv=b"x"), gzip.compress(b"1,2,3\n" * 40)]


@given(st.sampled_from(ARCHIVES), st.data())
def test_a_damaged_archive_is_refused_or_read_whole(tmp_path_factory, archive, data):
    place = data.draw(st.integers(0, len(archive) - 1))
    spoilt = bytearray(archive)
    if data.draw(st.booleans()):
        spoilt[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del spoilt[place:]
    path = tmp_path_factory.mktemp("spoilt") / "a.bin"
    path.write_bytes(spoilt)
    try:
        found = listed(path, "p")
    except FileRefused:
        return
    whole = {b"1,2,3\n" * 40, b"x", bytes(spoilt)}
    assert {content for _, content in found if content is not None} <= whole
