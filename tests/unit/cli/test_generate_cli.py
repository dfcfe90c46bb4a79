"""`storno generate` at the command line: what it says, refuses and leaves behind."""

import json

import pytest

from storno.cli.main import run
from storno.cli.text import Language, speak

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def english_afterwards():
    yield
    speak(Language.EN)


def test_it_says_what_it_planted(tmp_path, capsys):
    out = tmp_path / "town"
    assert run(["generate", "--sales", "1200", "--plant", "duplicate_settlement,fee_mismatch", "--plant-count", "2",
                "--out", str(out), "--json"]) == 0  # fmt: skip
    said = json.loads(capsys.readouterr().out)
    assert said["planted"] == {"duplicate_settlement": 2, "fee_mismatch": 2}
    assert (tmp_path / "town-truth" / "planted.jsonl").exists()
    assert not list(out.rglob("*truth*"))
    assert all((out / name).is_file() for name in said["files"])


def test_it_says_what_it_planted_in_words_too(tmp_path, capsys):
    assert run(["generate", "--sales", "1200", "--plant", "fee_mismatch", "--plant-count", "1", "--out",
                str(tmp_path / "town"), "--lang", "zh"]) == 0  # fmt: skip
    assert "1  fee_mismatch  手续费不符" in capsys.readouterr().out


def test_it_writes_into_no_folder_that_holds_something(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("keep")
    assert run(["generate", "--out", str(tmp_path), "--lang", "zh"]) == 2
    assert "不为空" in capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_a_journal_it_writes_can_be_explained(tmp_path, capsys):
    out = tmp_path / "town"
    assert run(["generate", "--sales", "700", "--plant", "reversal_refused", "--plant-count", "1", "--journal",
                "--out", str(out), "--json"]) == 0  # fmt: skip
    capsys.readouterr()
    tx_id = json.loads((tmp_path / "town-truth" / "planted.jsonl").read_text())["tx_id"]
    assert run(["explain", tx_id, "--home", str(out), "--lang", "zh"]) == 0
    assert tx_id in capsys.readouterr().out
