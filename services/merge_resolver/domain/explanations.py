"""Why these records are one contact, why two contacts are not one, and what would come apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from contact_schema.observations import FIELD_CLASSES
from merge_resolver.domain.bodies import Stored
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.edges import Edge, Refused
from merge_resolver.domain.facts import PROOF_NAMES, Block, Identifier, Observe, Release
from merge_resolver.domain.resolution import Taken
from merge_resolver.domain.separations import separations_between
from merge_resolver.domain.snapshot import instant
from merge_resolver.domain.working import Blob


@dataclass(frozen=True, slots=True)
class Hop:
    """Two records that one identifier, unit or order holds together; as weak as its weaker edge."""

    left: str
    right: str
    edge: Edge

    @property
    def identifier(self) -> str | None:
        return None if self.edge.type in ("link", "unit") else str(self.edge.identifier)


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    identifier: str | None = None
    fact: str | None = None
    decision: str | None = None


def tree_of(contact: Contact) -> list[Hop]:
    """The records of a contact, each reached from one before it, the founder first."""
    edges: dict[object, list[tuple[object, Edge]]] = {}
    for one in contact.taken:
        if one.joined:
            here, there = ("record", one.edge.record), _node(one)
            edges.setdefault(here, []).append((there, one.edge))
            edges.setdefault(there, []).append((here, one.edge))
    hops: list[Hop] = []
    start: object = ("record", contact.id)
    waiting: list[tuple[object, str, Edge | None]] = [(start, contact.id, None)]
    seen = {start}
    for place, last, so_far in waiting:
        for there, edge in sorted(edges.get(place, ()), key=lambda one: one[1]):
            if there in seen:
                continue
            seen.add(there)
            weaker = edge if so_far is None else max(edge, so_far)
            if isinstance(there, tuple):
                hops.append(Hop(last, there[1], weaker))
                waiting.append((there, there[1], None))
            else:
                waiting.append((there, last, edge))
    return hops


def _node(one: Taken) -> object:
    """A link holds another record; every other edge an identifier in one of its periods."""
    return ("record", one.edge.key) if one.edge.type == "link" else one.node


def path_between(hops: Iterable[Hop], left: str, right: str) -> list[Hop]:
    """The hops of the tree from one record to another."""
    up = {hop.right: hop for hop in hops}
    ways = []
    for place in (left, right):
        way, record = [], place
        while record in up:
            way.append(up[record])
            record = up[record].left
        ways.append(way)
    common = set(ways[0]) & set(ways[1])
    there = [Hop(hop.right, hop.left, hop.edge) for hop in ways[0] if hop not in common]
    return there + [hop for hop in reversed(ways[1]) if hop not in common]


def weakest_of(hops: Iterable[Hop]) -> Hop | None:
    return max(hops, key=lambda hop: hop.edge, default=None)


def refusals_between(blob: Blob, left: Contact, right: Contact) -> list[Refusal]:
    """Everything that speaks for one person and was not followed, each with the reason."""
    cuts = separations_between(blob, left, right)
    found: dict[tuple[str, str | None], Refusal] = {}
    for here, there in ((left, right), (right, left)):
        claimed = {one for record in there.records for one in record.claims}
        units = {record.unit for record in there.records}
        members = {record.id for record in there.records}
        for no in here.refused:
            if _concerns(no, claimed, units, members):
                refusal = _refusal(blob, no, cuts[0].id if cuts else None)
                found.setdefault((refusal.code, refusal.identifier), refusal)
    for one in sorted(set(left.identifiers) & set(right.identifiers)):
        # Each holds it for itself: by a separation, or it has changed hands.
        code, decision = ("separated", cuts[0].id) if cuts else ("released", _released(blob, one))
        found.setdefault((code, str(one)), Refusal(code, str(one), decision=decision))
    for cut in cuts:
        if all(cut.id != one.decision for one in found.values()):
            found["separated", cut.id] = Refusal("separated", decision=cut.id)
    return list(found.values())


def _concerns(no: Refused, claimed: set[Identifier], units: set[str], members: set[str]) -> bool:
    match no.edge.type:
        case "link":
            return no.edge.key in members
        case "unit":
            return no.edge.key in units
        case _:
            return no.edge.identifier in claimed


def _refusal(blob: Blob, no: Refused, cut: str | None) -> Refusal:
    edge = no.edge
    named = None if edge.type in ("link", "unit") else str(edge.identifier)
    decision = None
    if no.code == "separated":
        decision = cut
    elif no.code == "blocked":
        decision = _blocked(blob, edge.identifier)
    return Refusal(no.code, named, edge.fact, decision)


def _blocked(blob: Blob, one: Identifier) -> str | None:
    """Without a decision it is one of the values that never link."""
    found = (f.id for f in blob.facts.values() if isinstance(f, Block) and f.identifier == one)
    return min(found, default=None)


def _released(blob: Blob, one: Identifier) -> str | None:
    """Without a decision its owners followed each other."""
    found = (f.id for f in blob.facts.values() if isinstance(f, Release) and f.identifier == one)
    return min(found, default=None)


def parts_without(blob: Blob, contact: Contact, fact: str) -> list[list[str]]:
    """The records of this contact as they would stand if the fact never was."""
    return _parts(contact, blob.contacts_of(one for one in blob.facts.values() if one.id != fact))


def parts_without_edge(blob: Blob, contact: Contact, edge: Edge) -> list[list[str]]:
    """The same where only this is not so: that the record has the identifier, unit or link."""
    left = (one for fact in blob.facts.values() if (one := _without_edge(fact, edge)) is not None)
    return _parts(contact, blob.contacts_of(left))


def _without_edge(fact: Stored, edge: Edge) -> Stored | None:
    if fact.id == edge.fact and edge.type == "link":
        return None
    if not isinstance(fact, Observe) or fact.record != edge.record:
        return fact
    if edge.type == "unit":
        return replace(fact, unit=f"{fact.unit} of {fact.record} alone")
    told = tuple(one for one in fact.told if (one.type, one.key) != (edge.type, edge.key))
    return replace(fact, told=told)


def _parts(contact: Contact, now: Iterable[Contact]) -> list[list[str]]:
    members = {record.id for record in contact.records}
    apart = [sorted(r.id for r in one.records if r.id in members) for one in now]
    return sorted(one for one in apart if one)


def plain_hop(blob: Blob, hop: Hop) -> dict[str, object]:
    edge = hop.edge
    fact = blob.facts.get(edge.fact)
    said_by = FIELD_CLASSES[fact.field_class - 1] if isinstance(fact, Observe) else "operator"
    return {
        "from": hop.left,
        "identifier": hop.identifier,
        "to": hop.right,
        "rank": edge.rank,
        "proof": PROOF_NAMES[edge.proof],
        "fact_id": edge.fact,
        "source": said_by,
        "at": instant(edge.first).isoformat(),
    }


def why(
    blob: Blob, contact: Contact, other: str | None, without: Sequence[str]
) -> dict[str, object]:
    """Why ``contact`` is one; with a record of it in ``other``, why these two are. What would come
    apart: without the weakest link, unless facts are asked for.
    """
    hops = tree_of(contact)
    path = hops if other is None else path_between(hops, contact.id, other)
    weakest = weakest_of(path)
    apart = [{"fact_id": one, "parts": parts_without(blob, contact, one)} for one in without]
    if not without and weakest is not None:
        parts = parts_without_edge(blob, contact, weakest.edge)
        apart = [{"fact_id": weakest.edge.fact, "parts": parts}]
    return {
        "one": True,
        "path": [plain_hop(blob, hop) for hop in path],
        "refusals": [],
        "weakest": None if weakest is None else plain_hop(blob, weakest),
        "without": apart,
    }


def nothing_between() -> dict[str, object]:
    """Two contacts that share nothing at all."""
    return {"one": False, "path": [], "refusals": [], "weakest": None, "without": []}


def why_not(blob: Blob, left: Contact, right: Contact) -> dict[str, object]:
    """Two contacts of one blob."""
    return nothing_between() | {
        "refusals": [
            {
                "code": one.code,
                "identifier": one.identifier,
                "fact_id": one.fact,
                "decision_id": one.decision,
            }
            for one in refusals_between(blob, left, right)
        ],
    }


def suggestions_of(blob: Blob, contact: Contact) -> dict[str, object]:
    """Contacts that may be the same person, each with what was refused between the two; and those
    of which somebody said that they are not.
    """
    others = [one for one in blob.current() if one.id != contact.id]
    apart = {one.id for one in others if separations_between(blob, contact, one)}
    found: dict[tuple[str, str, str | None], None] = {}
    for one in contact.suggestions:
        if one.other not in apart:
            named = None if one.edge.type in ("link", "unit") else str(one.edge.identifier)
            found[one.other, one.code, named] = None
    return {
        "suggestions": [
            {"other": other, "code": code, "identifier": named} for other, code, named in found
        ],
        "apart": sorted(apart),
    }
