"""Where things stand in the project: what the conventions look at."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SERVICES: Final = (
    "ingest",
    "identity_verify",
    "merge_resolver",
    "crm_sync",
    "gdpr_purge",
    "contacts_api",
)
SOURCES: Final = ("libs", "services", "kith")
LEFT_OUT: Final = frozenset({"__pycache__", ".local", ".venv", ".git", "build"})


def service(name: str) -> Path:
    return ROOT / "services" / name


def files(*folders: str, suffix: str = "") -> Iterator[Path]:
    """Files of the project below these folders, without what is made or fetched."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(f"*{suffix}")):
            parts = path.relative_to(ROOT).parts
            if path.is_file() and not LEFT_OUT.intersection(parts):
                yield path


def rooms(name: str, room: str) -> list[Path]:
    """The files of one room of a service: ``store.py``, or all of ``store/`` once it outgrew it."""
    folder = service(name)
    single = folder / f"{room}.py"
    return [single] if single.exists() else sorted((folder / room).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
