"""What each command does to the facts, and why one is refused."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from contact_schema.commands import (
    BlockIdentifier,
    ChangePolicy,
    Command,
    EditContact,
    LinkRecords,
    ObserveRecord,
    ReleaseIdentifier,
    RetractFacts,
    RevokeProof,
    SeparateRecords,
)
from contact_schema.settings import Policies
from merge_resolver.domain import bodies, edits
from merge_resolver.domain.about_identifiers import decide_about
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.ends import Done, Refused, check_version, contact_of
from merge_resolver.domain.facts import (
    Identifier,
    Link,
    Separate,
)
from merge_resolver.domain.news import FOR_EVER
from merge_resolver.domain.separations import Merged, UnknownOwnerError, cut
from merge_resolver.domain.snapshot import microseconds
from merge_resolver.domain.undoing import retract, undo_evidence
from merge_resolver.domain.working import Blob, Book


@dataclass(slots=True)
class Desk:
    """Where commands are decided: the blobs in hand, and what is known of earlier decisions."""

    book: Book
    fact_id: Callable[[str], str]
    """Names a separation that a command makes by itself, by the command's id."""
    merges: Mapping[str, Merged] = field(default_factory=dict)
    """What may be undone, by merge and by link."""
    retracted: set[str] = field(default_factory=set)
    policies: Policies | None = None
    """Those in force, if they came by a command."""
    new_policies: tuple[Policies, int] | None = None
    """And when they were ordered."""
    actors: dict[str, str] = field(default_factory=dict)
    """Who ordered the links of this batch."""

    def decide(self, command: Command) -> Done:
        try:
            match command:
                case ObserveRecord():
                    return self._observe(command)
                case EditContact():
                    return self._edit(command)
                case LinkRecords():
                    return self._link(command)
                case SeparateRecords():
                    return self._separate(command)
                case RetractFacts():
                    done = retract(
                        self.book, command, self.merges, lambda: self.fact_id(command.command)
                    )
                    self.retracted.update(command.facts)
                    return done
                case BlockIdentifier() | ReleaseIdentifier() | RevokeProof():
                    return decide_about(self.book, command, self.retracted)
                case ChangePolicy():
                    return self._change_policy(command)
                case _:
                    raise Refused("unsupported")
        except UnknownOwnerError:
            return Done("refused", code="unknown-owner")
        except Refused as refused:
            seen = refused.code == "version-conflict"
            return Done("refused", _subject(command) if seen else None, code=refused.code)

    def _observe(self, command: ObserveRecord) -> Done:
        if command.record in self.book.fenced:
            raise Refused("erased")
        blob = self.book.find(command.record)
        contact = blob.contact_with(command.record) if blob else None
        if blob is not None and contact is not None:
            check_version(blob, contact, command.expected_version)
        elif command.expected_version is not None:
            raise Refused("version-conflict")
        fact = bodies.observe(command.record, command.unit, command.observation)
        if fact.id in self.retracted or self.book.hear(fact, FOR_EVER) is None:
            return Done("unchanged", command.record)
        return Done("updated" if contact else "created", command.record, told=fact)

    def _edit(self, command: EditContact) -> Done:
        blob, contact = contact_of(self.book, command.contact)
        check_version(blob, contact, command.expected_version)
        founder = contact.id
        unit = next(one.unit for one in contact.records if one.id == founder)
        fact = bodies.edit(command, founder, unit, edits.covered(contact, command))
        if (
            fact.id in self.retracted
            or fact.id in blob.facts
            or not edits.says_anything(contact, fact, blob)
        ):
            return Done("unchanged", founder)
        before = edits.overflow(contact, blob)
        if self.book.hear(fact) is None:
            return Done("unchanged", founder)
        blob, changed = contact_of(self.book, founder)
        if edits.overflow(changed, blob) > before:
            blob.remove(fact.id)
            raise Refused("limit")
        return Done("updated", founder, told=fact)

    def _link(self, command: LinkRecords) -> Done:
        left, left_contact = contact_of(self.book, command.left)
        right, right_contact = contact_of(self.book, command.right)
        if left_contact.id == right_contact.id:
            raise Refused("same-contact")
        check_version(left, left_contact, command.expected_left_version)
        check_version(right, right_contact, command.expected_right_version)
        sides = {command.left: left_contact, command.right: right_contact}
        survivor = None
        if command.survivor is not None:
            survivor = _side_of(command.survivor, (left_contact, right_contact)).id
        picks = {
            pick.field: value
            for pick in command.picks
            if (value := edits.shown(pick.field, _picked(pick.contact, sides), left)) is not None
        }
        blob = self.book.tie({left, right}) or left
        kept = [one for one in blob.kept() if isinstance(one, Separate) and one.id in command.lift]
        lifted = [one.id for one in kept]
        for one in lifted:
            blob.remove(one)
        link = Link(
            command.fact,
            microseconds(command.at),
            left_contact.id,
            right_contact.id,
            survivor,
            picks,
        )
        blob.add(link)
        together = blob.contact_with(link.left)
        if together is None or all(one.id != link.right for one in together.records):
            blob.remove(link.id)
            for fact in kept:
                blob.add(fact)
            raise Refused("separated")
        self.retracted.update(lifted)
        self.actors[link.id] = command.actor.id
        return Done("updated", link.left, link=link.id)

    def _separate(self, command: SeparateRecords) -> Done:
        if command.merge is not None:
            return undo_evidence(self.book, command, self.merges.get(command.merge))
        blobs: set[Blob] = set()
        for side in command.sides:
            for record in side.records:
                blobs.add(contact_of(self.book, record)[0])
        named = [record for side in command.sides for record in side.records]
        if len(named) != len(set(named)) or sum(bool(one.records) for one in command.sides) < 2:
            raise Refused("invalid")
        blob = self.book.tie(blobs)
        if blob is None:
            raise Refused("invalid")
        owners = {
            Identifier(one.type, one.key): number
            for number, side in enumerate(command.sides)
            for one in side.identifiers
        }
        sides = [side.records for side in command.sides if side.records]
        blob.add(cut(blob, command.fact, microseconds(command.at), sides, owners))
        blob.cause = "operator"
        first = tuple(side[0] for side in sides)
        return Done("updated", first[0], parts=first)

    def _change_policy(self, command: ChangePolicy) -> Done:
        if command.policies == self.policies:
            return Done("unchanged")
        self.policies = command.policies
        self.new_policies = (command.policies, microseconds(command.at))
        return Done("updated")


def _subject(command: Command) -> str | None:
    match command:
        case ObserveRecord():
            return command.record
        case EditContact() | RevokeProof():
            return command.contact
        case _:
            return None


def _side_of(record: str, contacts: Iterable[Contact]) -> Contact:
    for contact in contacts:
        if any(one.id == record for one in contact.records):
            return contact
    raise Refused("not-found")


def _picked(contact: str, sides: Mapping[str, Contact]) -> Contact:
    return sides[contact] if contact in sides else _side_of(contact, sides.values())
