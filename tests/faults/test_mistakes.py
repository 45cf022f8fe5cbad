"""A check that stays green on a wrong build checks nothing: each one is run on the build it is for.

The wrong builds run all at once, each in a process of its own, on the servers of these tests.
"""

import asyncio
import os
import sys

import pytest

from tests.conventions.places import ROOT
from tests.faults.mistakes import MISTAKES, VARIABLE

# Mistake: the check that must see it, and what it must see.
SEEN = {
    "acknowledge_first": (
        "test_kept.py::test_nothing_is_lost_when_a_handler_dies",
        "assert [] == [1, 2, 3]",
    ),
    "watermark_not_compared": (
        "test_once.py::test_nothing_is_applied_twice_when_all_is_published_again",
        "assert [1, 2, 3, 1, 2, 3] == [1, 2, 3]",
    ),
    "watermark_read_without_the_lock": (
        "test_once.py::test_nothing_is_applied_twice_by_two_owners_at_once",
        "assert [1, 2, 3, 2, 3] == [1, 2, 3]",
    ),
    "watermark_moved_in_a_transaction_of_its_own": (
        "test_once.py::test_nothing_is_applied_twice_when_a_reader_dies_behind_its_commit",
        "assert [1, 2, 3, 1, 2, 3] == [1, 2, 3]",
    ),
    "no_gap_rule": (
        "test_kept.py::test_nothing_is_lost_when_a_message_never_reached_the_topic",
        "assert [1, 3] == [1, 2, 3]",
    ),
    "sequence_of_postgres": (
        "test_kept.py::test_nothing_is_lost_when_transactions_commit_in_another_order",
        "assert [2] == [1, 2]",
    ),
    "relay_goes_on_after_a_failure": (
        "test_kept.py::test_nothing_is_lost_when_the_broker_refuses_once",
        "assert [1, 3, 4] == [1, 2, 3, 4]",
    ),
    "synchronous_commit_off": (
        "test_kept.py::test_what_was_committed_survives_the_kill_of_the_database",
        "AssertionError: lost ",
    ),
    "new_groups_begin_at_the_end": (
        "test_kept.py::test_what_was_there_before_a_group_first_came_is_applied",
        "assert [] == [1, 2]",
    ),
    "answered_before_the_commit": (
        "test_kept.py::test_what_was_committed_survives_the_kill_of_the_database",
        "AssertionError: lost ",
    ),
    "restored_without_the_jump": (
        "test_repairs.py::test_a_restored_writer_gives_out_no_number_twice",
        "assert None == (11, 310)",
    ),
    "restored_with_the_old_offsets": (
        "test_repairs.py::test_a_restored_reader_reads_again_what_it_forgot",
        "TimeoutError",
    ),
    "refusals_are_swallowed": (
        "test_once.py::test_what_is_refused_is_counted_beside_what_is_applied",
        "assert (2 + 0) == 3",
    ),
}
pytestmark = pytest.mark.timeout(600)
Verdicts = dict[str, tuple[int, str]]


@pytest.fixture(scope="session")
async def verdicts(kafka: str, postgres: str) -> Verdicts:
    """Exit code and output of each wrong build."""
    places = {"KITH_KAFKA_BOOTSTRAP": kafka, "KITH_POSTGRES_DSN": postgres}
    few = asyncio.Semaphore(4)

    async def run(mistake: str, check: str) -> tuple[int, str]:
        environment = {**os.environ, **places, VARIABLE: mistake}
        command = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
        async with few:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                f"tests/faults/{check}",
                cwd=ROOT,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    found = await asyncio.gather(*(run(name, check) for name, (check, _) in SEEN.items()))
    return dict(zip(SEEN, found, strict=True))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_mistake_is_seen(mistake: str, verdicts: Verdicts) -> None:
    code, output = verdicts[mistake]
    assert code == 1, output[-3000:]
    assert SEEN[mistake][1] in output, output[-3000:]
