"""Java and Maven for the local Kafka: found, installed where allowed, or asked for."""

import os
import re
import shutil
import subprocess

NEEDED = 17
PACKAGES = ("openjdk-21-jre-headless", "openjdk-17-jre-headless", "default-jre-headless")


class JavaIsMissing(RuntimeError):
    """The local Kafka needs Java 17 or newer and Maven."""


def version() -> int | None:
    """The major version of the `java` on the path."""
    java = shutil.which("java")
    if java is None:
        return None
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', told)
    return int(found.group(1)) if found else None


def ensure(*, maven: bool) -> None:
    """Raise JavaIsMissing unless Java, and Maven if asked for, is there or could be installed."""
    if _present(maven):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install(maven)
    if not _present(maven):
        raise JavaIsMissing(
            f"The local Kafka needs Java {NEEDED} or newer and Maven: "
            "`sudo apt-get install openjdk-17-jre-headless maven` (or newer), then run this again."
        )


def _present(maven: bool) -> bool:
    return (version() or 0) >= NEEDED and (not maven or shutil.which("mvn") is not None)


def _install(maven: bool) -> None:
    print("Installing Java and Maven with apt-get …", flush=True)  # noqa: T201 - the one step that takes minutes
    _apt("update")
    if (version() or 0) < NEEDED:
        # The first name this release knows wins.
        any(_apt("install", "--no-install-recommends", package) for package in PACKAGES)
    if maven and shutil.which("mvn") is None:
        _apt("install", "--no-install-recommends", "maven")


def _apt(*arguments: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-y", "-qq", *arguments]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0
