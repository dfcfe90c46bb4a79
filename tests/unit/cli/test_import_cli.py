"""`storno import`: words, JSON lines, exit codes, both languages."""

import errno
import json
from pathlib import Path

import pytest
import pyzipper

from statement_rig import CARD, Sale, acom
from storno.cli.main import run
from storno.cli.trouble import ExitCode
from storno.statements.formats import FORMATS
from wallet_bank_rig import DATA

BILL = DATA / "wechat_bill" / "wechat_trade_ALL_24_columns_2014.utf8.csv"
DAY = [Sale(stan=f"{n:06d}", rrn=f"{n:012d}", amount=1_000) for n in range(1, 4)]


@pytest.fixture
def bill(tmp_path):
    path = tmp_path / "IND26112301ACOM"
    path.write_bytes(b"".join(acom(sale) + b"\n" for sale in DAY))
    return path


def as_json(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_file_is_taken_and_told(bill, capsys):
    assert run(["import", str(bill)]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "3 lines, 0 rejected (unionpay_acom, 20261123)" in out
    assert "payments: 3  ¥30.00  fees -¥1.17" in out
    assert run(["import", str(bill), "--lang", "zh"]) == ExitCode.DONE
    assert "此前已导入" in capsys.readouterr().out


def test_one_line_is_told_as_one(bill, capsys):
    bill.write_bytes(acom(DAY[0]) + b"\n")
    assert run(["import", str(bill)]) == ExitCode.DONE
    assert ": 1 line, 0 rejected" in capsys.readouterr().out


def test_json_gives_one_object_for_each_file(bill, tmp_path, capsys):
    broken = tmp_path / "IND26112401ACOM"
    broken.write_bytes(acom(Sale(at="1124093015")) + b"\n" + acom(Sale())[:90] + b"\n")
    junk = tmp_path / "junk"
    junk.write_bytes(b"\x00\x01")
    assert run(["import", "--json", str(bill), str(bill), str(broken), str(junk)]) == ExitCode.DISAGREES
    good, again, part, refused = as_json(capsys)
    assert (good["file"], good["format"], good["lines"], good["rejects"], good["already"]) == (
        "IND26112301ACOM", "unionpay_acom", 3, 0, False
    )  # fmt: skip
    assert good["totals"]["computed"] == [
        {"kind": "payment", "currency": "CNY", "lines": 3, "amount_minor": 3000, "fee_minor": -117, "net_minor": 2883}
    ]  # fmt: skip
    assert good["totals"]["declared"] == []
    assert again["already"] is True
    assert again["file_id"] == good["file_id"]
    assert (part["lines"], part["rejects"], part["first_rejects"][0]["line"]) == (1, 1, 2)
    assert part["rejects_file"].endswith(".rejects.csv")
    assert (refused["format"], refused["refused"]["code"]) == (None, "unknown")


def test_a_refused_file_tells_what_was_read_and_which_total_is_not_met(tmp_path, capsys):
    data = BILL.read_bytes().replace(b"`2,`0.02", b"`3,`0.05")
    path = tmp_path / "bill.csv"
    path.write_bytes(data)
    assert run(["import", "--json", str(path)]) == ExitCode.DISAGREES
    (one,) = as_json(capsys)
    assert (one["format"], one["lines"], one["refused"]["code"]) == ("wechat_bill", 0, "totals")
    assert one["refused"]["what"].startswith(
        "the file does not keep its own totals (lines: declared 3, counted 2 (line 5); "
        "orders to be settled: declared 0.05 CNY, counted 0.02 CNY (line 5))"
    )
    assert one["read"]["lines"] == 2
    assert one["read"]["totals"]["computed"][0]["amount_minor"] == 2
    assert [d["met"] for d in one["read"]["totals"]["declared"]].count(False) == 2
    assert run(["import", "--list", "--json"]) == ExitCode.DONE
    assert not as_json(capsys)


def test_rejected_and_refused_files_end_with_one(bill, tmp_path, capsys):
    bill.write_bytes(bill.read_bytes() + f"junk {CARD}\n".encode())
    assert run(["import", str(bill)]) == ExitCode.DISAGREES
    shown = capsys.readouterr()
    assert "line 4: the line has 24 bytes" in shown.err
    assert "rejected lines: " in shown.out
    assert CARD not in shown.out + shown.err
    assert run(["import", str(bill), "--format", "camt"]) == ExitCode.DISAGREES  # its rejects are still there
    assert "already imported" in capsys.readouterr().out
    (tmp_path / "x").write_bytes(b"1")
    assert run(["import", str(tmp_path / "x"), "--format", "nonsense"]) == ExitCode.DISAGREES
    assert "unionpay_acom" in capsys.readouterr().err


def test_a_file_that_may_not_be_read_does_not_stop_the_others(bill, tmp_path, capsys, monkeypatch):
    locked = tmp_path / "locked"
    locked.write_bytes(b"x")
    locked.chmod(0)
    opened = Path.open

    def guarded(self, *how, **options):  # root may read everything: the system's refusal is played
        if self == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return opened(self, *how, **options)

    monkeypatch.setattr(Path, "open", guarded)
    assert run(["import", "--json", str(locked), str(bill)]) == ExitCode.BAD_INPUT
    refused, taken = as_json(capsys)
    assert refused["refused"]["code"] == "unreadable"
    assert "cannot be read: Permission denied" in refused["refused"]["what"]
    assert taken["lines"] == 3


def test_a_missing_file_does_not_stop_the_others(bill, tmp_path, capsys):
    assert run(["import", str(tmp_path / "nothing"), str(bill)]) == ExitCode.BAD_INPUT
    shown = capsys.readouterr()
    assert "no such file" in shown.err
    assert "3 lines" in shown.out


@pytest.mark.parametrize("content", [b"", b"\n", b"\xef\xbb\xbf \r\n"])
def test_an_empty_file_is_said_to_be_empty(tmp_path, capsys, content):
    (tmp_path / "bank.csv").write_bytes(content)
    assert run(["import", str(tmp_path / "bank.csv")]) == ExitCode.DISAGREES
    assert "nothing is in the file" in capsys.readouterr().err


def test_a_folder_is_said_to_be_one(tmp_path, capsys):
    assert run(["import", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "this is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["../../up", "2026汇总", "汇总/a"])
def test_a_bill_is_read_whatever_the_folder_in_its_archive_is_called(bill, tmp_path, capsys, folder):
    with pyzipper.AESZipFile(tmp_path / "bills.zip", "w") as archive:
        archive.writestr(f"{folder}/{bill.name}", bill.read_bytes())
        archive.writestr("汇总.csv", b"x")
        archive.writestr("__MACOSX/._x", b"x")
    assert run(["import", "--json", str(tmp_path / "bills.zip")]) == ExitCode.DONE
    assert sorted(one["lines"] for one in as_json(capsys)) == [0, 0, 3]
    assert not (tmp_path.parent.parent / "up").exists()


def test_a_terminal_journal_with_swapped_columns_is_refused(tmp_path, capsys):
    head = "tid,mid,batch,stan,date,time,kind,amount_minor,currency,outcome,rrn,auth_code,card,original_stan"
    rest = "000001,000001,20261102,115425,sale,4057,CNY,approved,630643853803,469470,,"
    (tmp_path / "swapped.csv").write_text(f"{head}\n898310059120001,10000001,{rest}\n")
    assert run(["import", str(tmp_path / "swapped.csv")]) == ExitCode.DISAGREES
    shown = capsys.readouterr()
    assert "column tid: '898310059120001' is too long for a TID" in shown.out + shown.err
    (tmp_path / "right.csv").write_text(f"{head}\n10000001,898310059120001,{rest}\n")
    assert run(["import", str(tmp_path / "right.csv")]) == ExitCode.DONE


def test_a_correction_with_fewer_lines_must_name_what_it_replaces(bill, capsys):
    assert run(["import", "--json", str(bill)]) == ExitCode.DONE
    old = as_json(capsys)[0]["file_id"]
    bill.write_bytes(b"\n".join(bill.read_bytes().splitlines()[:2]) + b"\n")
    assert run(["import", str(bill), "--correct"]) == ExitCode.DISAGREES
    assert "--supersedes ID" in capsys.readouterr().err
    assert run(["import", str(bill), "--supersedes", old]) == ExitCode.DONE


def test_a_correction_is_listed_with_its_predecessor(bill, capsys):
    assert run(["import", str(bill)]) == ExitCode.DONE
    bill.write_bytes(bill.read_bytes() + acom(Sale(stan="000009", rrn="9" * 12)) + b"\n")
    assert run(["import", str(bill)]) == ExitCode.DISAGREES
    assert "--correct" in capsys.readouterr().err
    assert run(["import", str(bill), "--correct"]) == ExitCode.DONE
    assert "takes the place of" in capsys.readouterr().out
    assert run(["import", "--list", "--json"]) == ExitCode.DONE
    listed = as_json(capsys)
    assert sorted(bool(one["superseded_by"]) for one in listed) == [False, True]
    assert run(["import", "--list"]) == ExitCode.DONE
    assert "superseded by" in capsys.readouterr().out


def test_a_file_is_taken_back_and_may_come_again(bill, storno_home, capsys):
    assert run(["import", "--json", str(bill)]) == ExitCode.DONE
    (first,) = as_json(capsys)
    assert run(["import", "--withdraw", first["file_id"][:6]]) == ExitCode.DONE
    assert run(["import", "--list"]) == ExitCode.DONE
    assert "withdrawn" in capsys.readouterr().out
    assert run(["import", "--withdraw", first["file_id"]]) == ExitCode.BAD_INPUT
    capsys.readouterr()
    assert run(["import", "--json", str(bill), "--day", "20271123"]) == ExitCode.DONE
    (second,) = as_json(capsys)
    assert (second["already"], second["first_day"], second["withdrawn"]) == (False, "20271123", False)
    assert run(["import", str(bill)]) == ExitCode.DONE
    assert [one.parent.name for one in storno_home.rglob("*.parquet")] == ["202711"]


def test_every_format_is_listed(capsys):
    assert run(["import", "--formats"]) == ExitCode.DONE
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()} == set(FORMATS)
    assert run(["import", "--formats", "--json"]) == ExitCode.DONE
    assert {one["format"] for one in as_json(capsys)} == set(FORMATS)


@pytest.mark.parametrize(
    "argv", [["import"], ["import", "x", "--day", "20261399"], ["import", "x", "--currency", "yuan"]]
)
def test_what_cannot_be_meant_is_said(argv, capsys):
    assert run(argv) == ExitCode.BAD_INPUT
    assert "error" in capsys.readouterr().err


def test_passwords_come_from_a_file_too(bill, tmp_path, capsys):
    path = tmp_path / "day.zip"
    with pyzipper.AESZipFile(path, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword("密码".encode())
        archive.writestr(bill.name, bill.read_bytes())
    assert run(["import", str(path)]) == ExitCode.DISAGREES
    assert "--password" in capsys.readouterr().err
    secrets = tmp_path / "passwords.txt"
    secrets.write_text("wrong\n密码\n", encoding="utf-8")
    assert run(["import", str(path), "--password-file", str(secrets)]) == ExitCode.DONE


@pytest.mark.parametrize(("lang", "said"), [("en", "line 4: "), ("zh", "第 4 行：")])
def test_the_line_a_file_is_refused_for_is_named_once(tmp_path, capsys, lang, said):
    path = tmp_path / "day.sta"
    path.write_text(":20:A\n:25:1\n:28C:1/1\n:60F:C2611xxEUR1,00\n:62F:C261101EUR1,00\n-\n", "ascii")
    assert run(["--lang", lang, "import", str(path)]) == ExitCode.DISAGREES
    assert capsys.readouterr().err.count(said) == 1
