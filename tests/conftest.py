"""What every test shares: its own STORNO_HOME, its folder's marker, Hypothesis without chance or clock."""

from pathlib import Path

import pytest
from hypothesis import settings

MARKED_FOLDERS = {"unit", "contract", "golden", "e2e", "sim", "crash"}
HERE = Path(__file__).parent

# The same examples on every run (a red gate can be repeated); no deadline, since the machine may be busy.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the name of the folder it lies in."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in MARKED_FOLDERS:
            item.add_marker(folder)


@pytest.fixture(autouse=True)
def storno_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test its own home folder and English texts, whatever the machine's settings are."""
    home = tmp_path / "home"
    monkeypatch.setenv("STORNO_HOME", str(home))
    monkeypatch.setenv("STORNO_LANG", "en")
    return home
