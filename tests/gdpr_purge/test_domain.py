"""The state machine of an erasure, whatever order its messages come in; and the ledger's chain."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contact_schema.erasure import (
    SLICES,
    EraseRecords,
    ErasureAdvanced,
    ErasureRequested,
    ErasureScoped,
    FenceRecords,
    SliceErased,
    SliceFenced,
)
from gdpr_purge.domain import (
    Case,
    Entry,
    Incoming,
    Order,
    Step,
    advance,
    chain,
    detail_hash,
    entered,
    first_broken,
    grace_over,
    repeat,
)

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
SPACE, ERASURE = "space_1", "erasure_1"


def requested(grace_days: int = 0) -> ErasureRequested:
    return ErasureRequested(
        space=SPACE,
        erasure=ERASURE,
        contact="contact_a",
        version=3,
        mode="erase",
        grace_days=grace_days,
        requested_by="user_1",
        requested_at=NOW,
    )


def scoped(blocked: str | None = None) -> ErasureScoped:
    records = () if blocked else ("contact_a", "contact_b")
    return ErasureScoped(
        space=SPACE,
        erasure=ERASURE,
        contact="contact_a",
        records=records,
        ids=records,
        blocked=blocked,
    )


def fenced(name: str, number: int = 1) -> SliceFenced:
    return SliceFenced.model_validate(
        {"space": SPACE, "erasure": ERASURE, "slice": name, "ledger_no": number}
    )


def erased(name: str, left: int = 0, number: int = 2) -> SliceErased:
    return SliceErased.model_validate(
        {
            "space": SPACE,
            "erasure": ERASURE,
            "slice": name,
            "ledger_no": number,
            "left": left,
            "at": NOW,
        }
    )


class Story:
    """Plays messages against a case with a ledger of its own; keeps every order."""

    def __init__(self) -> None:
        self.case = Case(SPACE, ERASURE)
        self.orders: list[Order] = []
        self.numbers = 0

    def play(self, *messages: Incoming, now: datetime = NOW) -> "Story":
        for message in messages:
            self.take(advance(self.case, message, now), now)
        return self

    def take(self, step: Step, now: datetime = NOW) -> None:
        self.case = step.case
        self.orders += step.orders
        if step.entry is not None:
            self.numbers += 1
            begun = entered(self.case, step.entry, self.numbers, now)
            self.case = begun.case
            self.orders += begun.orders

    @property
    def states(self) -> list[str]:
        return [order.state for order in self.orders if isinstance(order, ErasureAdvanced)]

    def ordered(self, kind: type[Order]) -> int:
        return sum(isinstance(order, kind) for order in self.orders)


def all_fenced() -> list[Incoming]:
    return [fenced(name) for name in SLICES]


def all_erased() -> list[Incoming]:
    return [erased(name) for name in SLICES]


def test_an_erasure_without_a_grace_goes_through_in_two_steps() -> None:
    story = Story().play(requested(), scoped())
    assert [type(order) for order in story.orders] == [FenceRecords]
    story.play(*all_fenced())
    assert story.states == ["fenced", "erasing"]
    story.play(*all_erased())
    assert story.states == ["fenced", "erasing", "erased"]
    assert (story.ordered(FenceRecords), story.ordered(EraseRecords)) == (1, 1)


@given(
    st.permutations(["request", "scope"]),
    st.lists(st.sampled_from(SLICES), min_size=6, max_size=20).filter(
        lambda names: set(names) == set(SLICES)
    ),
    st.lists(st.sampled_from(SLICES), min_size=6, max_size=20).filter(
        lambda names: set(names) == set(SLICES)
    ),
    st.data(),
)
def test_any_order_and_any_repeat_of_receipts_erases_exactly_once(
    first: Sequence[str], fences: Sequence[str], erasures: Sequence[str], data: st.DataObject
) -> None:
    beginnings: dict[str, Incoming] = {"request": requested(), "scope": scoped()}
    messages = [
        *(beginnings[name] for name in first),
        *(fenced(name) for name in fences),
        *(erased(name) for name in erasures),
    ]
    story = Story()
    for message in messages:
        story.play(message)
        # Whatever was delivered before may be delivered again at any time
        for _ in range(data.draw(st.integers(0, 2))):
            story.play(data.draw(st.sampled_from(messages[: messages.index(message) + 1])))
    assert story.case.state == "erased"
    assert story.states == ["fenced", "erasing", "erased"]
    assert (story.ordered(FenceRecords), story.ordered(EraseRecords)) == (1, 1)
    assert story.numbers == 2


@given(st.sampled_from(SLICES), st.booleans())
def test_nothing_is_erased_before_the_last_fence_nor_ended_before_the_last_receipt(
    missing: str, at_the_end: bool
) -> None:
    story = Story().play(requested(), scoped())
    if not at_the_end:
        story.play(*(fenced(name) for name in SLICES if name != missing))
        assert (story.states, story.ordered(EraseRecords)) == ([], 0)
        return
    story.play(*all_fenced(), *(erased(name) for name in SLICES if name != missing))
    assert story.case.state == "erasing"


def test_a_receipt_of_another_step_counts_for_nothing() -> None:
    story = Story().play(requested(), scoped(), *(fenced(name, number=7) for name in SLICES))
    assert story.states == []
    story.play(*(erased(name, number=1) for name in SLICES))
    assert story.case.state == "requested"


def test_rows_that_are_left_block_it_in_words_until_the_next_answer() -> None:
    story = Story().play(requested(), scoped(), *all_fenced())
    story.play(*all_erased()[:-1], erased("contacts_api", left=3), erased("contacts_api", left=3))
    assert story.states == ["fenced", "erasing", "blocked"]
    assert story.case.reason == "contacts_api still hold rows of this person after erasing them."
    assert [type(order) for order in repeat(story.case)] == [EraseRecords]
    story.play(erased("contacts_api"))
    assert story.states[-1] == "erased"


def test_a_changed_set_blocks_it_and_a_new_scope_goes_on() -> None:
    story = Story().play(requested(), scoped(blocked="set-changed"))
    assert story.states == ["blocked"]
    assert "changed since" in (story.case.reason or "")
    assert repeat(story.case) == ()
    story.play(scoped())
    assert story.ordered(FenceRecords) == 1


def test_a_grace_is_waited_for_and_not_moved_by_repeats() -> None:
    story = Story().play(requested(grace_days=7), scoped(), *all_fenced())
    assert story.states == ["fenced", "grace"]
    assert story.case.due_at == NOW + timedelta(days=7)
    early = NOW + timedelta(days=6, hours=23)
    assert grace_over(story.case, early).entry is None
    assert story.ordered(EraseRecords) == 0
    story.take(grace_over(story.case, NOW + timedelta(days=7)))
    assert story.states == ["fenced", "grace", "erasing"]
    story.play(*all_erased())
    assert story.case.state == "erased"


def test_a_demo_stack_makes_days_short() -> None:
    case = Story().play(requested(grace_days=7), scoped(), *all_fenced()[:-1]).case
    step = advance(case, all_fenced()[-1], NOW, time_scale=86_400)
    assert step.case.due_at == NOW + timedelta(seconds=7)


def test_a_step_is_repeated_as_it_was_ordered() -> None:
    story = Story().play(requested(), scoped())
    assert list(repeat(story.case)) == story.orders
    story.play(*all_fenced())
    [again] = repeat(story.case)
    assert again in story.orders
    story.play(*all_erased())
    assert repeat(story.case) == ()


def entries(count: int) -> list[Entry]:
    made: list[Entry] = []
    for number in range(1, count + 1):
        previous = made[-1].hash if made else "0" * 64
        digest = detail_hash({"records": [str(number)]}, b"salt")
        made.append(chain(number, "fence", f"erasure_{number}", NOW, digest, previous))
    return made


def test_an_untouched_chain_holds() -> None:
    assert first_broken(entries(5)) is None
    assert first_broken(entries(5)[2:], 2, entries(5)[1].hash) is None


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("erasure", "erasure_9"),
        ("kind", "erase"),
        ("at", NOW + timedelta(microseconds=1)),
        ("detail_hash", "f" * 64),
        ("number", 9),
        ("hash", "0" * 64),
    ],
)
def test_whatever_is_changed_in_an_entry_shows(change: str, value: object) -> None:
    changed = entries(5)
    changed[2] = replace(changed[2], **{change: value})  # type: ignore[arg-type]
    assert first_broken(changed) == 3


def test_a_removed_entry_shows() -> None:
    chained = entries(5)
    assert first_broken([*chained[:2], *chained[3:]]) == 3


def test_the_same_detail_never_has_the_same_hash_twice() -> None:
    detail = {"records": ["contact_a"]}
    assert detail_hash(detail, b"one") != detail_hash(detail, b"two")
