"""Seeded faults: each is put into the domain, and the suite must notice it.

The suite here is what is quick of it: the tests of the limits, and the documented cases.
"""

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from merge_resolver.domain import cells, contacts, finding, fold, grouping, heard, modes, periods
from merge_resolver.domain import records as folding
from merge_resolver.domain import resolution as resolving
from merge_resolver.domain.facts import Block, Retract
from tests.merge_resolver import test_limits
from tests.merge_resolver.scenarios import CASES
from tests.merge_resolver.test_scenarios import (
    test_a_documented_case_gives_its_groups_in_every_order as a_documented_case,
)

Mutate = Callable[[pytest.MonkeyPatch], None]
MUTANTS: dict[str, Mutate] = {}


def mutant(mutate: Mutate) -> Mutate:
    MUTANTS[mutate.__name__] = mutate
    return mutate


def wrap(patch: pytest.MonkeyPatch, room: Any, name: str, around: Callable[..., Any]) -> None:
    """``around`` is given the function as it is, and what it is called with."""
    real = getattr(room, name)
    patch.setattr(room, name, lambda *args, **kwargs: around(real, *args, **kwargs))


def drop_refusal(patch: pytest.MonkeyPatch, code: str) -> None:
    def around(real: Any, *args: Any) -> str | None:
        found: str | None = real(*args)
        return None if found is not None and found.startswith(code) else found

    wrap(patch, grouping, "refusal", around)


def without_fast_path(patch: pytest.MonkeyPatch) -> None:
    for room in (cells, finding, heard):
        patch.setattr(room, "is_one_contact", lambda *_: False)


@mutant
def the_weakest_edge_first(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, *args: Any) -> Any:
        return real(*args)[::-1]

    without_fast_path(patch)
    wrap(patch, resolving._Work, "candidates", around)


@mutant
def separations_forgotten(patch: pytest.MonkeyPatch) -> None:
    drop_refusal(patch, "separated")


@mutant
def two_accounts_joined(patch: pytest.MonkeyPatch) -> None:
    drop_refusal(patch, "different-accounts")


@mutant
def no_limits(patch: pytest.MonkeyPatch) -> None:
    drop_refusal(patch, "limit-")


@mutant
def phones_join_two_addresses(patch: pytest.MonkeyPatch) -> None:
    drop_refusal(patch, "different-emails")


@mutant
def browsers_join_the_known(patch: pytest.MonkeyPatch) -> None:
    drop_refusal(patch, "both-known")


@mutant
def one_more_account_for_each_identifier(patch: pytest.MonkeyPatch) -> None:
    wrap(patch, modes, "_account_cap", lambda real, *args: real(*args) + 1)


@mutant
def one_account_less_for_each_identifier(patch: pytest.MonkeyPatch) -> None:
    wrap(patch, modes, "_account_cap", lambda real, *args: real(*args) - 1)


@mutant
def one_more_signal_beside_each_identifier(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, standing: Any, identifier: Any, rules: Any) -> Any:
        more = {
            family: {signal: cap + 1 for signal, cap in caps.items()}
            for family, caps in rules.signals_per_identifier.items()
        }
        return real(standing, identifier, dataclasses.replace(rules, signals_per_identifier=more))

    wrap(patch, modes.Standing, "mode", around)
    wrap(patch, resolving, "mode_of", lambda _real, *_args: modes.Mode.LIVE)


@mutant
def one_more_address_for_each_contact(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, rank: int, left: Any, right: Any, rules: Any) -> Any:
        more = {family: limit + 1 for family, limit in rules.limits_per_contact.items()}
        return real(rank, left, right, dataclasses.replace(rules, limits_per_contact=more))

    wrap(patch, grouping, "refusal", around)


@mutant
def releases_forgotten(patch: pytest.MonkeyPatch) -> None:
    wrap(patch, periods, "cut", lambda real, claims, _releases: real(claims, ()))


@mutant
def revocations_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(folding, "_is_revoked", lambda *_: False)


@mutant
def revoked_a_moment_too_short(patch: pytest.MonkeyPatch) -> None:
    wrap(patch, folding, "_is_revoked", lambda real, told, t, windows: real(told, t + 1, windows))


@mutant
def blocks_forgotten(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, kept: Any, fact: Any) -> None:
        if not isinstance(fact, Block):
            real(kept, fact)

    wrap(patch, folding.Kept, "add", around)


@mutant
def retractions_forgotten(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, facts: Any) -> Any:
        return real([one for one in facts if not isinstance(one, Retract)])

    patch.setattr("merge_resolver.domain.keep", lambda facts: around(folding.keep, facts))


@mutant
def the_latest_is_the_founder(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(contacts, "earliest", lambda by_time: by_time[-1])


@mutant
def the_latest_value_wins(patch: pytest.MonkeyPatch) -> None:
    def around(real: Any, best: Any, name: str, key: tuple[Any, ...], value: Any) -> None:
        real(best, name, key[1:] if len(key) == 3 else key, value)

    wrap(patch, fold, "_improve", around)


@mutant
def any_number_of_typed_addresses(patch: pytest.MonkeyPatch) -> None:
    wrap(patch, resolving, "typed_beyond_limit", lambda _real, *_args: set())


@mutant
def everything_is_plain(patch: pytest.MonkeyPatch) -> None:
    for room in (cells, finding, heard):
        patch.setattr(room, "is_one_contact", lambda *_: True)


def suite() -> Iterator[Callable[[], None]]:
    for name, test in vars(test_limits).items():
        if name.startswith("test_"):
            yield test
    for case in CASES:
        yield partial(a_documented_case, case)


def notices() -> bool:
    for test in suite():
        try:
            test()
        except Exception:  # a fault may show as an error too
            return True
    return False


@pytest.mark.parametrize("mutate", MUTANTS.values(), ids=MUTANTS)
def test_a_seeded_fault_is_noticed(mutate: Mutate, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate(monkeypatch)
    assert notices()


def test_without_a_fault_the_suite_is_content() -> None:
    assert not notices()
