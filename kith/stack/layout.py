"""Where a stack keeps its things, below one directory."""

from dataclasses import dataclass
from pathlib import Path

from kith.stack.processes import PidFile

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"


@dataclass(frozen=True)
class Layout:
    """`run/NAME.pid`, `logs/NAME.log`, the servers' data, and `stack.env` for those who seek it."""

    directory: Path

    @property
    def env_file(self) -> Path:
        return self.directory / "stack.env"

    @property
    def configuration_file(self) -> Path:
        return self.directory / "stack.json"

    @property
    def state_file(self) -> Path:
        return self.directory / "run" / "state.json"

    def pid(self, name: str) -> PidFile:
        return PidFile(self.directory / "run" / f"{name}.pid")

    def log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def data(self, name: str) -> Path:
        return self.directory / name

    def make(self) -> None:
        for folder in (self.directory, self.directory / "run", self.directory / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
