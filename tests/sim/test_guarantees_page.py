"""The page of guarantees names tests that exist, and the seeds it speaks of are kept."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/guarantees.md").read_text("utf-8")


def test_every_test_it_names_exists():
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert len(named) > 8
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_promise_names_a_test():
    table = PAGE.split("## The promises")[1].split("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) > 10
    assert [row for row in rows if "`tests/" not in row] == []
