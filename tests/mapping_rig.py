"""Read bytes with a mapping written in the test, through the doors of the formats."""

import io
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from storno.statements.base import ReadOptions
from storno.statements.formats import statement_format
from storno.statements.line import FileRefused, Frame, Reject, StatementLine, Total


class Read:
    """What came out of a file."""

    def __init__(self, parts):
        self.parts = list(parts)
        self.lines = [one for one in self.parts if isinstance(one, StatementLine)]
        self.rejects = [one for one in self.parts if isinstance(one, Reject)]
        self.frames = [one for one in self.parts if isinstance(one, Frame)]
        self.totals = [one for one in self.parts if isinstance(one, Total)]

    @property
    def amounts(self):
        return [one.amount_minor for one in self.lines]

    @property
    def codes(self):
        return [(one.line_no, one.code) for one in self.rejects]

    @property
    def unmet(self):
        return [(one.name, one.where) for one in self.totals if not one.met]

    def whole(self):
        """Say that nothing is wrong and give itself."""
        assert not self.rejects, self.rejects
        assert not self.unmet, self.totals
        return self


def read(data, mapping="", layout="csv", **options):
    """Read with a mapping given as TOML text (it has a line break), or as a preset's name."""
    if "\n" not in mapping:
        return _read(data, mapping, layout, options)
    with mapping_file(mapping) as path:
        return _read(data, path, layout, options)


@contextmanager
def mapping_file(mapping):
    """Give the path of a file that holds a mapping."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "my.toml")
        path.write_text(mapping, encoding="utf-8")
        yield str(path)


def _read(data, mapping, layout, options):
    form = statement_format(f"mapped_{layout}")
    return Read(form.read(io.BytesIO(data), ReadOptions(mapping=mapping, **options)))


def refusal(data, mapping="", layout="csv", **options):
    """Give the refusal of a file that must be refused."""
    with pytest.raises(FileRefused) as caught:
        read(data, mapping, layout, **options)
    assert caught.value.english
    assert caught.value.chinese
    return caught.value
