"""House rules a linter does not know: sizes, opening lines, words that must not stand here, true pages."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINES_MAX = 500
FUNCTION_LINES_MAX = 70


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:  # a source archive has no git; then the folders themselves are asked
        found = (
            p for top in ("src", "tests", "bench", "docs") for p in (ROOT / top).rglob("*") if p.is_file()
        )
        return [str(p.relative_to(ROOT)) for p in found if "__pycache__" not in p.parts]
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


FILES = tracked()
PYTHON = [name for name in FILES if name.endswith(".py")]
SOURCE = [name for name in PYTHON if name.startswith("src/storno/")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_there_is_a_tree_to_check():
    assert len(SOURCE) > 5


@pytest.mark.parametrize("name", PYTHON)
def test_a_file_is_one_noun(name):
    assert len(read(name).splitlines()) <= LINES_MAX


@pytest.mark.parametrize("name", PYTHON)
def test_a_function_fits_a_screen(name):
    functions = (
        n for n in ast.walk(ast.parse(read(name))) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = {
        f.name: f.end_lineno - f.lineno + 1
        for f in functions
        if f.end_lineno - f.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert not long


@pytest.mark.parametrize("name", SOURCE)
def test_a_module_opens_with_what_it_holds_and_what_it_obeys(name):
    opening = ast.get_docstring(ast.parse(read(name))) or ""
    assert len(opening.splitlines()) >= 2, (
        "two to six lines: what it holds, the rule it obeys, what it must not import"
    )


# ------------------------------------------------------------------ words and addresses

# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|NotImplemented" r"Error)\b")
REGISTRY = re.compile(
    r"py" r"pi\.(org|python)|python" r"hosted|registry\.npm" r"js|--(extra-)?index" r"-url|--find" r"-links"
    r"|https?://[^\s\"')]*/(simple|packages)/", re.IGNORECASE
)  # fmt: skip
OUR_MACHINE = re.compile(r"(?<![\w.])/(wo" r"rk|ro" r"ot)/")
LOCK_LINE = re.compile(r"#.*|[a-z0-9._-]+==\S+( ; [^\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|")


def text_files() -> list[tuple[str, str]]:
    found = []
    for name in FILES:
        raw = (ROOT / name).read_bytes()
        if b"\0" not in raw:
            # sample statements stand in the encodings their senders use
            errors = "replace" if name.startswith("tests/golden/data/statements/") else "strict"
            found.append((name, raw.decode("utf-8", errors)))
    return found


@pytest.mark.parametrize(
    "pattern", [UNFINISHED, OUR_MACHINE, REGISTRY], ids=["unfinished", "machine", "registry"]
)
def test_no_file_holds(pattern):
    hits = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in text_files()
        if not (pattern is UNFINISHED and not name.endswith(".py"))
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not hits


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".lock")])
def test_a_lock_holds_pins_and_hashes_only(name):
    lines = read(name).splitlines()
    assert [line for line in lines if not LOCK_LINE.fullmatch(line)] == []
    pins = [i for i, line in enumerate(lines) if "==" in line and not line.startswith(("#", " "))]
    assert pins
    assert all(lines[i + 1].startswith("    --hash=sha256:") for i in pins)


def test_the_locks_agree_with_each_other():
    pins = {
        name: dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", read(name), re.MULTILINE))
        for name in FILES
        if name.endswith(".lock")
    }
    run, dev = pins["requirements.lock"], pins["requirements-dev.lock"]
    assert run.items() <= dev.items()


# ------------------------------------------------------------------ the packages and their tests


def test_every_package_has_tests_that_import_it():
    packages = {Path(name).parts[2].removesuffix(".py") for name in SOURCE if len(Path(name).parts) > 2}
    packages -= {"__init__", "__main__"}
    tests = "\n".join(read(name) for name in PYTHON if name.startswith("tests/"))
    assert {
        package for package in packages if not re.search(rf"\bstorno(\.| import [\w, ]*){package}\b", tests)
    } == set()


def test_every_pure_package_is_named_in_the_import_contract():
    pure = {"money", "iso8583", "ledger", "reversal", "diagnosis", "exchange"}
    there = {Path(name).parts[2].removesuffix(".py") for name in SOURCE} & pure
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    named = {
        module.removeprefix("storno.")
        for contract in contracts
        if contract["type"] == "forbidden"
        for module in contract["source_modules"]
        if module.count(".") == 1
    }
    assert named == there


# ------------------------------------------------------------------ the pages


def sections(name: str) -> list[int]:
    return [
        len(hashes)
        for hashes in re.findall(
            r"^(#+) ", re.sub(r"```.*?```", "", read(name), flags=re.DOTALL), re.MULTILINE
        )
    ]


def test_both_readmes_tell_the_same_story():
    assert sections("README.md") == sections("README.zh-CN.md")


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_names_the_two_commands(name):
    assert "make demo" in read(name)
    assert "make test" in read(name)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".md")])
def test_a_page_links_to_files_that_exist(name):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", read(name), flags=re.DOTALL))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


@pytest.mark.parametrize(("lang", "name"), [("en", "docs/commands.md"), ("zh", "docs/commands.zh-CN.md")])
def test_the_command_pages_are_what_the_commands_say(lang, name):
    environ = {k: v for k, v in os.environ.items() if not k.startswith("STORNO_")}
    page = subprocess.run(
        [sys.executable, "-m", "storno.cli.helpdoc", "--lang", lang],
        capture_output=True, encoding="utf-8", check=True, cwd=ROOT, env=environ,
    ).stdout  # fmt: skip
    assert read(name) == page, "run `make docs`"
