"""Each number of the rules, from both sides. `test_mutants` shows that these notice a fault."""

from merge_resolver.domain import Contact, Rules, resolve
from merge_resolver.domain.facts import (
    ASSERTED,
    OPERATOR,
    PROVEN,
    SYSTEM,
    TYPED,
    Block,
    Fact,
    Identifier,
    Link,
    Observe,
    Release,
    Retract,
    Revoke,
    Separate,
    Side,
    Told,
)
from merge_resolver.domain.fold import fold


def say(name: str, t: int, *told: Told, **more: object) -> Observe:
    return Observe(f"fact_{name}_{t}", t, name, str(more.pop("unit", name)), told, **more)  # type: ignore[arg-type]


def email(key: str, proof: int = TYPED) -> Told:
    return Told("email", key, key, proof)


def phone(key: str, proof: int = TYPED) -> Told:
    return Told("phone", key, key, proof)


def browser(key: str) -> Told:
    return Told("browser", key, key, TYPED)


def user(key: str) -> Told:
    return Told("user", key, key, PROVEN)


def together(facts: list[Fact], *records: str) -> bool:
    return any(set(records) <= members(one) for one in resolve(facts, Rules()))


def members(contact: Contact) -> set[str]:
    return {record.id for record in contact.records}


def test_an_address_of_three_accounts_still_links_and_of_four_links_nobody() -> None:
    shared = email("ada@example.com", ASSERTED)
    accounts: list[Fact] = [
        say(f"a{one}", 10 * one, user(f"u{one}"), shared) for one in range(1, 5)
    ]
    for number in (3, 4):
        # In the period of the latest account.
        lead = say("lead", 10 * number, email("ada@example.com"))
        assert together([*accounts[:number], lead], "lead", f"a{number}") is (number == 3)


def test_five_names_beside_an_address_still_link_and_six_are_junk() -> None:
    crowd: list[Fact] = [
        say(f"v{one}", one, email("asdf@example.com"), fields={"name": f"Name {one}"})
        for one in range(6)
    ]
    assert together(crowd[:5], *(f"v{one}" for one in range(5)))
    assert not together(crowd, "v0", "v1")


def test_a_contact_has_ten_addresses_and_not_eleven() -> None:
    crm = Told("crm", "hub:1", "", ASSERTED)
    rows: list[Fact] = [
        say(f"r{one}", one, email(f"e{one}@example.com", ASSERTED), crm) for one in range(11)
    ]
    assert together(rows[:10], *(f"r{one}" for one in range(10)))
    assert len(resolve(rows, Rules())) == 2


def test_an_unproven_phone_joins_nobody_who_has_another_address() -> None:
    left = say("left", 1, email("ada@example.com"), phone("+4930111111"))
    right = say("right", 2, email("bob@example.com"), phone("+4930111111"))
    assert not together([left, right], "left", "right")
    assert together([left, say("right", 2, phone("+4930111111"))], "left", "right")


def test_a_browser_joins_no_two_people_who_are_known() -> None:
    left, right = say("left", 1, email("ada@example.com"), browser("b")), browser("b")
    assert not together([left, say("right", 2, email("bob@example.com"), right)], "left", "right")
    assert together([left, say("right", 2, right)], "left", "right")


def test_a_visitor_in_two_browsers_joins_no_two_people_who_are_known() -> None:
    facts: list[Fact] = [
        say("left", 1, email("ada@example.com"), browser("a")),
        say("right", 2, email("bob@example.com"), browser("b")),
        say("visit", 3, browser("a"), browser("b")),
    ]
    assert together(facts, "left", "visit")
    assert not together(facts, "left", "right")


def test_the_strongest_evidence_decides_whose_a_visit_is() -> None:
    facts: list[Fact] = [
        say("ada", 1, user("u1"), email("ada@example.com", ASSERTED)),
        say("bob", 2, user("u2"), phone("+4930111111", ASSERTED)),
        say("visit", 3, phone("+4930111111"), email("ada@example.com", PROVEN)),
    ]
    assert together(facts, "ada", "visit")
    assert not together(facts, "bob", "visit")


def test_a_released_number_is_nobody_s_for_what_came_before() -> None:
    before, after = say("old", 1, phone("+4930111111")), say("new", 9, phone("+4930111111"))
    assert together([before, after], "old", "new")
    assert not together(
        [before, after, Release("r", 5, Identifier("phone", "+4930111111"))], "old", "new"
    )


def test_a_revoked_proof_holds_nobody_together() -> None:
    facts: list[Fact] = [say("here", 1, user("u")), say("there", 5, user("u"))]
    assert together(facts, "here", "there")
    assert not together([*facts, Revoke("r", "u", 0, 5)], "here", "there")
    assert together([*facts, Revoke("r", "u", 6, 9)], "here", "there")


def test_a_blocked_value_links_nobody() -> None:
    facts: list[Fact] = [say("here", 1, phone("+493011")), say("there", 5, phone("+493011"))]
    assert together(facts, "here", "there")
    assert not together([*facts, Block("b", Identifier("phone", "+493011"))], "here", "there")


def test_what_an_operator_took_back_does_not_count() -> None:
    facts: list[Fact] = [say("here", 1, browser("a")), say("there", 5, browser("b"))]
    link = Link("link", 9, "here", "there")
    assert together([*facts, link], "here", "there")
    assert not together([*facts, link, Retract("undo", "link")], "here", "there")


def test_separated_sides_stay_apart_whatever_they_share() -> None:
    shared = email("ada@example.com", PROVEN)
    facts: list[Fact] = [say("here", 1, shared), say("there", 5, shared)]
    cut = Separate("cut", 9, (Side(("here",)), Side(("there",))))
    assert not together([*facts, cut], "here", "there")


def test_two_accounts_stay_two_whatever_they_share() -> None:
    facts: list[Fact] = [
        say("here", 1, user("u1"), email("ada@example.com", PROVEN)),
        say("there", 1, user("u2"), email("ada@example.com", PROVEN)),
    ]
    assert not together(facts, "here", "there")
    assert together([*facts, Link("link", 9, "here", "there")], "here", "there")


def test_the_account_is_the_founder_before_whoever_was_first() -> None:
    facts: list[Fact] = [
        say("first", 1, email("ada@example.com")),
        say("account", 5, email("ada@example.com"), user("u")),
    ]
    (contact,) = resolve(facts, Rules())
    assert contact.id == "account"
    (leads,) = resolve([*facts[:1], say("later", 5, email("ada@example.com"))], Rules())
    assert leads.id == "first"


def test_a_stronger_class_is_shown_and_then_the_latest() -> None:
    facts: list[Fact] = [
        say("a", 1, email("ada@example.com"), fields={"name": "Ada"}, field_class=OPERATOR),
        say("a", 2, fields={"name": "A"}, field_class=SYSTEM),
        say("a", 3, fields={"company": "Old"}, field_class=SYSTEM),
        say("a", 4, fields={"company": "New"}, field_class=SYSTEM),
    ]
    (contact,) = resolve(facts, Rules())
    fields = fold(contact).fields
    assert (fields["name"].value, fields["company"].value) == ("Ada", "New")


def test_one_conversation_links_by_its_first_five_typed_addresses_only() -> None:
    chain = [email(f"e{one}@example.com") for one in range(6)]
    facts: list[Fact] = [say("many", 1 + at, one) for at, one in enumerate(chain)]
    facts += [say("fifth", 20, chain[4]), say("sixth", 21, chain[5])]
    assert together(facts, "many", "fifth")
    assert not together(facts, "many", "sixth")


def test_an_endless_chain_of_typed_addresses_takes_nobody_apart() -> None:
    """It starts at the address of somebody who has also been here without telling it."""
    facts: list[Fact] = [
        say("known", 1, email("e0@example.com"), phone("+4930111111"), browser("b")),
        say("visit", 2, browser("b")),
        say("call", 3, phone("+4930111111")),
    ]
    chain = [
        say(f"c{one}", 10 + one, email(f"e{one}@example.com"), email(f"e{one + 1}@example.com"))
        for one in range(Rules().claims_per_blob)
    ]
    assert together([*facts, *chain], "known", "visit", "call")


def test_of_each_rank_the_first_thousand_claims_of_a_cell_count() -> None:
    few = Rules(claims_per_blob=4)
    chain = [
        say(f"c{one}", one, email(f"e{one}@example.com"), email(f"e{one + 1}@example.com"))
        for one in range(4)
    ]
    found = {frozenset(members(one)): one for one in resolve(chain, few)}
    assert set(found) == {frozenset({"c0", "c1"}), frozenset({"c2"}), frozenset({"c3"})}
    assert {no.code for no in found[frozenset({"c3"})].refused} == {"work-cap"}
    assert not found[frozenset({"c0", "c1"})].refused
