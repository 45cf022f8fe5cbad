"""The properties that make merging safe, over random facts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from merge_resolver.domain import Contact, Rules, resolve
from merge_resolver.domain.facts import (
    PROVEN,
    TYPED,
    Erase,
    Fact,
    Link,
    Observe,
    Retract,
    Separate,
    Told,
)
from merge_resolver.domain.snapshot import snapshot_of
from tests.merge_resolver.examples import searching, trying
from tests.merge_resolver.people import IDENTIFIERS, decisions, histories, observations, proofs

RULES = Rules()


def shown(facts: list[Fact]) -> list[object]:
    """Everything that somebody could see of the contacts."""
    return [
        (contact.id, [one.id for one in contact.records], snapshot_of(contact, RULES))
        for contact in resolve(facts, RULES)
    ]


def parts(facts: list[Fact]) -> list[set[str]]:
    return [{one.id for one in contact.records} for contact in resolve(facts, RULES)]


@searching
@given(facts=histories(), data=st.data())
def test_order_and_repetition_change_nothing(facts: list[Fact], data: st.DataObject) -> None:
    repeated = facts + data.draw(st.lists(st.sampled_from(facts), max_size=4))
    assert shown(data.draw(st.permutations(repeated))) == shown(facts)


@searching
@given(facts=histories(), more=decisions("more") | observations("more"), data=st.data())
def test_what_is_retracted_never_was_wherever_the_retraction_arrives(
    facts: list[Fact], more: Fact, data: st.DataObject
) -> None:
    both = [*facts, more, Retract("undo", "more")]
    assert shown(data.draw(st.permutations(both))) == shown(facts)


@searching
@given(facts=histories(), data=st.data())
def test_an_erased_record_never_was_wherever_the_erasure_arrives(
    facts: list[Fact], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from([fact for fact in facts if isinstance(fact, Observe)]))
    without = [
        fact for fact in facts if not (isinstance(fact, Observe) and fact.record == target.record)
    ]
    both = [*facts, Erase("erase", target.record)]
    assert shown(data.draw(st.permutations(both))) == shown(without)


@searching
@given(facts=histories(), data=st.data())
def test_adding_again_what_was_removed_restores_exactly(
    facts: list[Fact], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(facts))
    again = replace(gone, id="again")
    assert parts([*facts, Retract("undo", gone.id), again]) == parts(facts)


def accounts_of(contact: Contact) -> set[str]:
    return {user for record in contact.records for user in record.users}


@searching
@given(facts=histories(decided=False))
def test_two_accounts_are_never_one_contact_without_an_operator(facts: list[Fact]) -> None:
    assert all(len(accounts_of(contact)) < 2 for contact in resolve(facts, RULES))


@searching
@given(facts=histories())
def test_what_an_operator_separated_stays_apart_whatever_else_is_said(facts: list[Fact]) -> None:
    together = parts(facts)
    for cut in facts:
        if isinstance(cut, Separate):
            for one in together:
                assert sum(bool(one.intersection(side.records)) for side in cut.sides) < 2


later_words = st.one_of(
    st.builds(
        lambda one, how: Told(one.type, one.key, one.key, how), st.sampled_from(IDENTIFIERS), proofs
    ),
    st.just(Told("browser", "b3", "", TYPED)),
    st.builds(lambda user: Told("user", user, user, PROVEN), st.sampled_from(("u1", "u3"))),
)
"""One identifier, of any kind and proof, that somebody new tells."""


@searching
@given(facts=histories(), told=st.lists(later_words, min_size=1, max_size=3))
def test_evidence_that_comes_after_everything_only_merges(
    facts: list[Fact], told: list[Told]
) -> None:
    """Each is a visit of its own, so that it is no signal that many people share something."""
    later = [
        Observe(f"later{number}", 90 + number, f"later{number}", f"later{number}", (one,))
        for number, one in enumerate(told)
    ]
    after = parts([*facts, *later])
    assert all(any(one <= two for two in after) for one in parts(facts))


@trying
@given(facts=histories())
def test_every_record_is_in_one_contact_and_every_contact_has_the_id_of_one_of_its_records(
    facts: list[Fact],
) -> None:
    contacts = resolve(facts, RULES)
    records = [record.id for contact in contacts for record in contact.records]
    assert len(records) == len(set(records))
    assert all(one.id in {record.id for record in one.records} for one in contacts)


@trying
@given(facts=histories(decided=False))
def test_a_merge_undone_leaves_both_sides_as_they_were(facts: list[Fact]) -> None:
    contacts = resolve(facts, RULES)
    link = Link("merge", 50, contacts[0].id, contacts[-1].id, contacts[0].id)
    assert any(
        one.id == contacts[0].id and contacts[-1].id in {record.id for record in one.records}
        for one in resolve([*facts, link], RULES)
    )
    assert shown([*facts, link, Retract("undo", "merge")]) == shown(facts)
