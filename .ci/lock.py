#!/usr/bin/env python3
"""Write the hashed lock files from pyproject.toml (`make lock`, inside the development venv).

requirements.lock runs Storno, requirements-dev.lock tests it; -bench adds what reconciliation
is compared with, -spark the distributed engine, -fuzz the fuzzer.
Each holds the hashes of every platform's wheel and names no registry: that is the user's setting.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = "# Written by `make lock`; do not edit. Install with: pip install --require-hashes -r {name}\n"


def compile_lock(name: str, wants: list[str], constraints: list[str], *, upgrade: bool) -> None:
    """Resolve `wants` within the locks named in `constraints` and write the lock file `name`."""
    target = ROOT / name
    kept = ["--output-file", str(target)]
    command = [
        sys.executable, "-m", "piptools", "compile", "-", *kept,
        "--quiet", "--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate",
        "--no-emit-options",
        *(f"--constraint={ROOT / c}" for c in constraints), *(["--upgrade"] if upgrade else []),
    ]  # fmt: skip
    subprocess.run(command, input="\n".join(wants), text=True, check=True, cwd=ROOT)
    lines = [line for line in target.read_text().splitlines(keepends=True) if not line.startswith("#")]
    target.write_text(HEAD.format(name=name) + "".join(lines).lstrip("\n"))
    print(f"{name}: {sum('==' in line for line in target.read_text().splitlines())} packages")


def main() -> None:
    """Write the lock files; `--upgrade` takes the newest versions instead of keeping those pinned."""
    upgrade = "--upgrade" in sys.argv[1:]
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())
    run, groups = table["project"]["dependencies"], table["dependency-groups"]
    compile_lock("requirements.lock", run + groups["build"], [], upgrade=upgrade)
    compile_lock(
        "requirements-dev.lock", run + groups["build"] + groups["dev"], ["requirements.lock"], upgrade=upgrade
    )
    for name in ("bench", "spark"):
        compile_lock(f"requirements-{name}.lock", groups[name], ["requirements.lock"], upgrade=upgrade)
    compile_lock("requirements-fuzz.lock", groups["fuzz"], [], upgrade=upgrade)


if __name__ == "__main__":
    main()
