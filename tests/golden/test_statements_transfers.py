"""What transfers and editors do to a file without changing what it says: line ends, marks, wide encodings, archives.

Each sample is changed so and imported; its lines must say the same of money. What is broken is refused in words.
"""

import bz2
import gzip
import io
import lzma
import tarfile

import pytest

from storno.statements.encoding import make_head
from storno.statements.importing import ImportOptions, import_file
from storno.statements.line import FileRefused
from storno.statements.reading import choose
from wallet_bank_rig import DATA, read

ENCODINGS = {
    "unionpay_acom/IND26112301ACOM": "gb18030",
    "unionpay_acom/IND26112301ACOMN": "gb18030",
    "unionpay_coma/IND26112301COMA": "gb18030",
    "unionpay_zm/INN26112388ZM_777290058110097": "gb18030",
    "wechat_bill/traps_27.utf8bom.csv": "utf-8-sig",
    "wechat_fund/day.utf8bom.csv": "utf-8-sig",
    "alipay_bill/traps.gb18030.csv": "gb18030",
    "alipay_record/export.gb18030.csv": "gb18030",
    "mt940/reversals_pages.cp1252.sta": "cp1252",
    "ofx/sgml_102.cp1252.qfx": "cp1252",
    "bai2/traps.bai": "utf-8",
    "abn_amro_tab/TXT261124080000.TAB": "cp1252",
    "mapped_csv/bank_zh.csv": "utf-8",
    "camt/camt053.v8.traps.xml": "utf-8",
}


def unix(data):
    return data.replace(b"\r\n", b"\n")


def tar(name, data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        folder = tarfile.TarInfo("bills")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        link = tarfile.TarInfo("bills/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo(f"bills/{name}")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


CHANGES = {
    "old Mac": lambda name, data, codec: unix(data).replace(b"\n", b"\r"),
    "a second carriage return": lambda name, data, codec: unix(data).replace(b"\n", b"\r\r\n"),
    "UTF-16": lambda name, data, codec: data.decode(codec).encode("utf-16"),
    "UTF-16, big end first": lambda name, data, codec: b"\xfe\xff" + data.decode(codec).encode("utf-16-be"),
    "UTF-16, old Mac": lambda name, data, codec: unix(data).replace(b"\n", b"\r").decode(codec).encode("utf-16"),
    "a second mark": lambda name, data, codec: b"\xef\xbb\xbf" * 2 + data.decode(codec).encode(),
    "the end mark of CP/M": lambda name, data, codec: data + b"\x1a",
    "tar": lambda name, data, codec: tar(name, data),
    "tar.gz": lambda name, data, codec: gzip.compress(tar(name, data)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("sample", ENCODINGS)
def test_what_is_said_of_money_stays_the_same(sample, change, tmp_path):
    name, data = sample.rpartition("/")[2], (DATA / sample).read_bytes()
    told = []
    for folder, written in (("as it is", data), ("changed", CHANGES[change](name, data, ENCODINGS[sample]))):
        path = tmp_path / folder / name
        path.parent.mkdir()
        path.write_bytes(written)
        (outcome,) = import_file(path, tmp_path / folder / "home")
        assert outcome.refused is None, outcome.refused
        told.append((outcome.stored.lines, outcome.stored.rejects, outcome.stored.sums))
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("pack", "word"),
    [
        (bz2.compress, "bzip2"),
        (lzma.compress, "xz"),
        (lambda data: b"\x28\xb5\x2f\xfd" + data, "Zstandard"),
    ],
)
def test_an_archive_that_is_not_opened_is_told_as_one_whatever_its_name(pack, word, tmp_path):
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(pack((DATA / "unionpay_acom/IND26112301ACOM").read_bytes()))
    for options in (ImportOptions(), ImportOptions(format_name="unionpay_acom")):
        (outcome,) = import_file(path, tmp_path / "home", options)
        assert outcome.refused.code == "unknown"
        assert word in outcome.refused.english
        assert word in outcome.refused.chinese
    assert not list((tmp_path / "home").rglob("*.parquet"))


@pytest.mark.parametrize("cut", [300, 600, 1_100, 1_900])
def test_a_tar_archive_cut_off_anywhere_gives_no_line(cut, tmp_path):
    path = tmp_path / "bills.tar"
    path.write_bytes(tar("IND26112301ACOM", (DATA / "unionpay_acom/IND26112301ACOM").read_bytes())[:cut])
    outcomes = list(import_file(path, tmp_path / "home"))
    assert all(outcome.stored is None or not outcome.stored.lines for outcome in outcomes)
    assert all(outcome.refused.chinese for outcome in outcomes if outcome.refused is not None)


@pytest.mark.parametrize("sample", ["wechat_bill/traps_27.utf8bom.csv", "mapped_csv/bank_zh.csv"])
@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_a_mark_that_became_a_question_mark_is_no_part_of_the_header(sample, codec, tmp_path):
    text = (DATA / sample).read_bytes().decode("utf-8-sig")
    if sample.startswith("mapped"):
        text = text[text.index("交易日期") :]
    path = tmp_path / "a.csv"
    path.write_bytes(f"?{text}".encode(codec))
    (outcome,) = import_file(path, tmp_path / "home")
    assert outcome.refused is None, outcome.refused
    assert outcome.stored.complete


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("IND26112301AERRN", "差错"),
        ("IND26112399ALFEE", "品牌服务费"),
        ("INN26112388ZME_777290058110097", "商户差错"),
    ],
)
def test_unionpays_other_files_are_told_by_their_names(name, word, tmp_path):
    path = tmp_path / name
    path.write_bytes(b"E02 48021000    00010000    000101 1123093015\r\n")
    (outcome,) = import_file(path, tmp_path / "home")
    assert outcome.refused.code == "unknown"
    assert word in outcome.refused.chinese
    assert "UnionPay" in outcome.refused.english


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (b"<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[No Bill Exist]]></return_msg></xml>",
         "return_msg"),
        (b'{"code":"NO_STATEMENT_EXIST","message":"..."}', "JSON"),
    ],
)  # fmt: skip
def test_an_interfaces_answer_is_told_as_one(answer, word, tmp_path):
    path = tmp_path / "bill.csv"
    path.write_bytes(answer)
    (outcome,) = import_file(path, tmp_path / "home")
    assert outcome.refused.code == "unknown"
    assert word in outcome.refused.english
    assert word in outcome.refused.chinese


BAI2 = (DATA / "bai2/traps.bai").read_bytes()
MT942 = (DATA / "mt940/interim.mt942").read_bytes()


@pytest.mark.parametrize("digits", ["9" * 60_000, "\u0663" * 3, "\u00b2", "1001", "-1"])
def test_a_number_of_parts_that_is_none_is_one_rejected_line(digits):
    out = read("bai2", BAI2.replace(b",D,", f",D,{digits},".encode(), 1))
    assert [one.code for one in out.rejects] == ["funds"]


def test_a_number_of_entries_that_no_statement_has_refuses_the_file():
    out = read("mt940", MT942.replace(b":90C:", b":90C:" + b"9" * 60_000))
    assert out.refused.code in ("totals", "field")


def test_what_is_no_statement_is_told_before_its_name_is_believed():

    with pytest.raises(FileRefused) as refused:
        choose(make_head("IND26112301ACOM", b"%PDF-1.7"), "", "")
    assert "PDF" in refused.value.english


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"\r\n  " + data,
        lambda data: b"?" + data,
        lambda data: data + b"\0" * 200_000,
        lambda data: data + b"\r\n\x1a\x1a",
    ],
)
def test_what_stands_around_an_xml_document_is_no_part_of_it(change):
    whole = (DATA / "camt/camt053.v8.traps.xml").read_bytes()
    assert read("camt", change(whole)).money == read("camt", whole).money


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"<Ntry>", b"\x1a<Ntry>", 1),
        lambda data: data.replace(b"<Ntry>", b"\0" * 100_000 + b"<Ntry>", 1),
        lambda data: data + data,
        lambda data: b"x" + data,
        lambda data: data[:-9] + b"\x1a",
    ],
)
def test_what_stands_inside_an_xml_document_breaks_it(change):
    whole = (DATA / "camt/camt053.v8.traps.xml").read_bytes()
    assert read("camt", change(whole)).refused.code == "xml"
