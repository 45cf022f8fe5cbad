"""Random facts about few people who share a lot, so that every rule has something to do."""

from hypothesis import strategies as st

from merge_resolver.domain.facts import (
    ASSERTED,
    OPERATOR,
    PROVEN,
    SELF,
    SIGNED,
    SYSTEM,
    TYPED,
    VISITOR,
    Block,
    Decision,
    Fact,
    Identifier,
    Link,
    Observe,
    Release,
    Revoke,
    Separate,
    Side,
    TagEdit,
    Told,
)

UNITS = ("c1", "c2", "c3", "c4", "c5")
USERS = (None, None, "u1", "u2")
RECORDS = tuple(f"{unit}/{user}" for unit in UNITS for user in dict.fromkeys(USERS))
IDENTIFIERS = (
    Identifier("email", "ada@example.com"),
    Identifier("email", "info@example.com"),
    Identifier("phone", "+4930111111"),
    Identifier("phone", "+4930222222"),
    Identifier("browser", "b1"),
    Identifier("browser", "b2"),
    Identifier("session", "s1"),
    Identifier("slack", "T1:U1"),
    Identifier("crm", "hub:1"),
)

proofs = st.sampled_from((TYPED, ASSERTED, PROVEN))
times = st.integers(1, 30)
records = st.sampled_from(RECORDS)
identifiers = st.sampled_from(IDENTIFIERS)


@st.composite
def tellings(draw: st.DrawFn) -> Told:
    one = draw(identifiers)
    return Told(one.type, one.key, one.key, draw(proofs))


@st.composite
def observations(draw: st.DrawFn, name: str) -> Observe:
    unit, user = draw(st.sampled_from(UNITS)), draw(st.sampled_from(USERS))
    told = draw(st.lists(tellings(), max_size=3))
    if user is not None:
        told.append(Told("user", user, user, PROVEN))
    field = st.sampled_from(("Ada", "Bob", None))
    fields = st.dictionaries(st.sampled_from(("name", "company", "attr.a")), field, max_size=2)
    words = st.lists(st.sampled_from(("vip", "new")), max_size=1).map(tuple)
    return Observe(
        id=name,
        t=draw(times),
        record=f"{unit}/{user}",
        unit=unit,
        told=tuple(told),
        fields=draw(fields),
        field_class=draw(st.sampled_from((VISITOR, SELF, SYSTEM, SIGNED, OPERATOR))),
        tags=draw(st.none() | st.builds(TagEdit, added=words, removed=words, clears=st.booleans())),
    )


@st.composite
def decisions(draw: st.DrawFn, name: str) -> Decision:
    match draw(st.sampled_from(("link", "separate", "release", "revoke", "block"))):
        case "link":
            left, right = draw(records), draw(records)
            survivor = draw(st.sampled_from((None, left, right)))
            return Link(name, draw(times), left, right, survivor, {"name": "Picked"})
        case "separate":
            sides = draw(st.lists(records, min_size=2, max_size=3, unique=True))
            kept = draw(st.lists(identifiers, max_size=1))
            own = [
                Side((record,), tuple(kept) if not at else ()) for at, record in enumerate(sides)
            ]
            return Separate(name, draw(times), tuple(own))
        case "release":
            return Release(name, draw(times), draw(identifiers))
        case "revoke":
            start = draw(times)
            return Revoke(name, draw(st.sampled_from(("u1", "u2"))), start, start + 5)
        case _:
            return Block(name, draw(identifiers))


@st.composite
def histories(draw: st.DrawFn, *, decided: bool = True) -> list[Fact]:
    facts: list[Fact] = [
        draw(observations(f"o{number}")) for number in range(draw(st.integers(1, 12)))
    ]
    if decided:
        facts += [draw(decisions(f"d{number}")) for number in range(draw(st.integers(0, 3)))]
    return facts
