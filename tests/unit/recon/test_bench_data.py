"""The bench's own data: made in slices, it holds exactly the differences that were planted."""

import importlib
from collections import Counter
from pathlib import Path

import pytest

from recon_kit import compare, proved
from storno.recon.sides import BooksFile, Effort, LineFile, Options, Sides
from storno.statements.line import Role

pytestmark = pytest.mark.unit
BENCH = Path(__file__).parents[3] / "bench"


@pytest.mark.parametrize("stored", ["", "_stored"])
def test_slices_hold_what_was_planted(tmp_path, monkeypatch, stored):
    monkeypatch.syspath_prepend(str(BENCH))
    data = importlib.import_module("_recon_data")
    monkeypatch.setattr(data, "SLICE", data.TERMINALS)
    rows = 2 * data.TERMINALS
    paths = data.make(tmp_path, rows, csv=False, others=True)
    lines = tuple(
        LineFile(one.value, one, paths[one.value + stored], "0") for one in (Role.TERMINAL, Role.NETWORK)
    )
    result = compare(
        Sides((BooksFile(paths["books" + stored], "0"),), lines), Options(as_of="20261130"), Effort(threads=2)
    )
    assert Counter(one.rule for one in result.findings()) == data.expected(rows)
    assert proved(result)
    assert not list(tmp_path.glob("*.part"))
