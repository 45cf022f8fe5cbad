"""The fast path and the cells say nothing else than the definition; neither does the engine."""

from hypothesis import given
from hypothesis import strategies as st

from merge_resolver.domain import Contact, Rules, resolve
from merge_resolver.domain.blobs import split
from merge_resolver.domain.contacts import contacts_of
from merge_resolver.domain.facts import (
    ASSERTED,
    PROVEN,
    SELF,
    TYPED,
    VISITOR,
    Fact,
    Observe,
    Told,
)
from merge_resolver.domain.finding import find_contacts
from merge_resolver.domain.plain import is_one_contact
from merge_resolver.domain.records import fold_records, keep
from merge_resolver.domain.resolution import evaluate_records
from merge_resolver.domain.snapshot import snapshot_of
from merge_resolver.domain.working import Book
from tests.merge_resolver.examples import trying
from tests.merge_resolver.people import histories

TIGHT = Rules(
    accounts_per_role_mailbox=0,
    limits_per_contact={"email": 1, "phone": 2, "channel": 1, "crm": 1},
    claims_per_blob=40,
    typed_addresses_per_unit=2,
)
SUGGESTS = Rules(typed_email="suggest")


CROWDED = Rules(
    accounts_per_identifier={"email": 1, "phone": 1, "channel": 1, "crm": 1, "browser": 1},
    signals_per_identifier={
        "email": {"phone": 1, "name": 1},
        "phone": {"email": 1, "name": 1},
        "browser": {"email": 1, "phone": 1, "name": 1},
    },
)
"""Nearly nothing may be shared."""
CAPPED = Rules(claims_per_blob=2, accounts_per_identifier={}, signals_per_identifier={})
"""Most of what is said comes too late to count, and nothing is dead: a blob is one cell."""
uncapped = st.sampled_from((Rules(), TIGHT, SUGGESTS, CROWDED))
rules = st.sampled_from((Rules(), TIGHT, SUGGESTS, CROWDED, CAPPED))


def told_apart(contacts: list[Contact], under: Rules) -> list[object]:
    """Everything there is to see of them, also why; but for the numbers of nodes."""
    return [
        (
            one.id,
            one.records,
            one.identifiers,
            [(taken.edge, taken.joined) for taken in one.taken],
            [(no.edge, no.code) for no in one.refused],
            one.suggestions,
            snapshot_of(one, under),
        )
        for one in contacts
    ]


def agree(facts: list[Fact], under: Rules) -> None:
    for blob in split(keep(facts)):
        records = fold_records(blob, under)
        defined = contacts_of(evaluate_records(records, blob, under), blob.links)
        found = find_contacts(records, blob, under)
        assert told_apart(found, under) == told_apart(defined, under)


@trying
@given(facts=histories(), under=uncapped)
def test_what_many_share_is_decided_as_the_definition_does(facts: list[Fact], under: Rules) -> None:
    agree(facts, under)


@trying
@given(facts=histories(decided=False))
def test_what_comes_too_late_to_count_is_decided_as_the_definition_does(facts: list[Fact]) -> None:
    agree(facts, CAPPED)


@st.composite
def visits(draw: st.DrawFn, name: str) -> Observe:
    """Of one person or two, mostly plain: what the fast path is for."""
    unit, user = draw(st.sampled_from(("c1", "c2", "c3"))), draw(st.sampled_from((None, "u1")))
    told = [Told("browser", f"b{draw(st.integers(1, 2))}", "", TYPED)]
    if draw(st.booleans()):
        key = draw(st.sampled_from(("ada@example.com", "ada@example.com", "bob@example.com")))
        told.append(Told("email", key, key, draw(st.sampled_from((TYPED, ASSERTED, PROVEN)))))
    if draw(st.booleans()):
        number = f"+493011111{draw(st.integers(1, 2))}"
        told.append(Told("phone", number, number, draw(st.sampled_from((TYPED, ASSERTED, PROVEN)))))
    if draw(st.integers(0, 5)) == 0:
        told.append(Told("slack", "T1:U1", "", draw(st.sampled_from((TYPED, PROVEN)))))
    if user is not None:
        told.append(Told("user", user, user, PROVEN))
    names = st.sampled_from(("Ada", "A. Lovelace", "Bob", "Ada L", "Cem", "Dana"))
    fields = draw(st.dictionaries(st.just("name"), names, max_size=1))
    field_class = draw(st.sampled_from((VISITOR, SELF)))
    t = draw(st.integers(1, 30))
    return Observe(name, t, f"{unit}/{user}", unit, tuple(told), fields, field_class)


@trying
@given(data=st.data(), count=st.integers(1, 6), under=rules)
def test_plain_visits_are_decided_as_the_definition_does(
    data: st.DataObject, count: int, under: Rules
) -> None:
    agree([data.draw(visits(f"v{number}")) for number in range(count)], under)


@trying
@given(data=st.data(), count=st.integers(1, 12), under=rules, shared=st.booleans())
def test_the_engine_says_after_every_batch_what_the_definition_says(
    data: st.DataObject, count: int, under: Rules, shared: bool
) -> None:
    book, heard = Book("space", under), []
    facts = [one for one in data.draw(histories(decided=False)) if isinstance(one, Observe)]
    if not shared:
        facts = []
    facts += [data.draw(visits(f"v{number}")) for number in range(count)]
    while facts:
        size = data.draw(st.integers(1, 5))
        batch, facts = facts[:size], facts[size:]
        for fact in batch:
            if book.hear(fact) is not None:
                heard.append(fact)
        found = [one for blob in book.blobs() for one in blob.current()]
        in_order = sorted(found, key=lambda contact: contact.id)
        assert told_apart(in_order, under) == told_apart(resolve(heard, under), under)


def test_a_person_who_comes_back_signs_in_and_leaves_an_address_is_plain() -> None:
    browser, email = Told("browser", "b1", "", TYPED), Told("email", "ada@example.com", "", TYPED)
    user = Told("user", "u1", "u1", PROVEN)
    facts = [
        Observe("v1", 1, "c1/None", "c1", (browser,)),
        Observe("v2", 2, "c2/None", "c2", (browser, email)),
        Observe("v3", 3, "c2/u1", "c2", (browser, email, user)),
        Observe("v4", 4, "c3/u1", "c3", (user,)),
    ]
    (blob,) = split(keep(facts))
    assert is_one_contact(fold_records(blob, Rules()), Rules())
