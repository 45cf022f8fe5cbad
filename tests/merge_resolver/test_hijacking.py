"""Somebody who wants another's contact before, or after, its owner is there."""

from itertools import permutations

from merge_resolver.domain import Contact, Rules, resolve
from merge_resolver.domain.facts import PROVEN, SELF, SYSTEM, Fact, Observe
from merge_resolver.domain.fold import fold
from merge_resolver.domain.snapshot import snapshot_of
from tests.merge_resolver.test_limits import browser, email, members, phone, say, user

ATTACKER = "mallory@example.com"


def contact_of(facts: list[Fact], record: str) -> Contact:
    return next(one for one in resolve(facts, Rules()) if record in members(one))


def attack(t: int) -> list[Fact]:
    """He types the victim's address and a name and a number of his own, and signs in as himself."""
    return [
        say(
            "typed",
            t,
            email("ada@example.com"),
            phone("+4930666666"),
            browser("evil"),
            fields={"name": "Mallory", "attr.iban": "DE00"},
        ),
        say("mallory", t + 1, user("u666"), browser("evil"), email(ATTACKER), field_class=SELF),
    ]


def victim(t: int) -> list[Fact]:
    """She signs in; the customer's own server knows her address."""
    return [
        say("ada", t, user("u1"), browser("home"), fields={"name": "Ada"}, field_class=SELF),
        Observe(
            f"fact_row_{t}", t + 1, "row", "row", (email("ada@example.com", PROVEN), user("u1")),
            {"attr.iban": "DE11"}, SYSTEM,
        ),
    ]  # fmt: skip


def test_whoever_is_first_the_attacker_s_account_is_never_the_victim_s() -> None:
    for facts in ([*attack(1), *victim(10)], [*victim(1), *attack(10)]):
        for order in permutations(facts):
            ada, mallory = contact_of(list(order), "ada"), contact_of(list(order), "mallory")
            assert ada is not mallory
            assert "mallory" not in members(ada)
            assert snapshot_of(mallory, Rules()).external_ids == ("u666",)
            assert "ada@example.com" not in {
                one.key for one in snapshot_of(mallory, Rules()).identifiers if one.proof != "typed"
            }


def test_whoever_is_first_the_victim_s_profile_says_nothing_of_the_attacker_s() -> None:
    for facts in ([*attack(1), *victim(10)], [*victim(1), *attack(10)]):
        ada = contact_of(facts, "ada")
        fields = {name: won.value for name, won in fold(ada).fields.items()}
        assert fields == {"name": "Ada", "attr.iban": "DE11"}
        shown = snapshot_of(ada, Rules())
        assert (shown.email, shown.phone, shown.external_id) == ("ada@example.com", None, "u1")


def test_an_account_that_the_attacker_opened_first_is_not_opened_by_the_victim_s_address() -> None:
    """Classic pre-hijacking: he registers with her address and waits for her to come."""
    before: list[Fact] = [say("trap", 1, user("u666"), email("ada@example.com"), field_class=SELF)]
    after = say("trap", 20, user("u666"), email("ada@example.com"), field_class=SELF)
    for facts in ([*before, *victim(10)], [*victim(10), *before], [*victim(1), after]):
        assert contact_of(facts, "trap") is not contact_of(facts, "ada")
        assert "trap" not in members(contact_of(facts, "row"))


def test_the_victim_s_phone_in_a_thousand_forms_takes_nothing_from_her() -> None:
    hers: list[Fact] = [
        say("chat", 1, phone("+4930111111", PROVEN)),
        say("shop", 2, phone("+4930111111", PROVEN), user("u1")),
    ]
    junk: list[Fact] = [
        say(f"junk{one}", 3 + one, phone("+4930111111"), email(f"j{one}@example.com"))
        for one in range(1000)
    ]
    ada = contact_of([*hers, *junk], "shop")
    assert members(ada) == {"chat", "shop"}
    assert fold(ada).fields == fold(contact_of(hers, "shop")).fields
