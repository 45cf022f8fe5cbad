"""Pin what pyproject.toml asks for, with hashes and without a registry's address (`make lock`)."""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = [
    "--quiet",
    "--generate-hashes",
    "--allow-unsafe",
    "--strip-extras",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-find-links",
    "--no-emit-options",
]
FILES = ("run", "dev", "lock", "assets", "bench")
BARE = {"assets"}  # installed without dependencies: a file inside is wanted, not the code


def requirements_of(groups: dict[str, list[str | dict[str, str]]], name: str) -> list[str]:
    lines: list[str] = []
    for entry in groups[name]:
        lines += (
            [entry] if isinstance(entry, str) else requirements_of(groups, entry["include-group"])
        )
    return lines


def only(locked: str, wanted: list[str]) -> str:
    """The blocks of a lock file that were asked for by name."""
    blocks = re.split(r"\n(?=\S)", locked.strip())
    return "\n".join(block for block in blocks if block.split()[0] in wanted) + "\n"


def main(upgrade: bool) -> int:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    for name in FILES:
        target = ROOT / "requirements" / f"{name}.txt"
        with tempfile.NamedTemporaryFile("w", suffix=".in") as wanted:
            wanted.write("\n".join(requirements_of(groups, name)) + "\n")
            if name == "dev":  # one version of everything: tests run what production runs
                wanted.write(f"-c {ROOT / 'requirements' / 'run.txt'}\n")
            wanted.flush()
            command = [sys.executable, "-m", "piptools", "compile", *OPTIONS]
            command += ["--upgrade"] if upgrade else []
            done = subprocess.run([*command, "--output-file", str(target), wanted.name], cwd=ROOT)
        if done.returncode:
            return done.returncode
        if name in BARE:
            target.write_text(only(target.read_text(), requirements_of(groups, name)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(upgrade="--upgrade" in sys.argv[1:]))
