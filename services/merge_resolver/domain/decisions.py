"""What each command does to the facts, and why one is refused."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from contact_schema.commands import (
    Command,
    EditContact,
    LinkRecords,
    ObserveRecord,
    RetractFacts,
    SeparateRecords,
)
from merge_resolver.domain import bodies, edits
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Identifier, Link, Observe, Separate
from merge_resolver.domain.separations import (
    Merged,
    Sides,
    UnknownOwnerError,
    cut,
    living_sides,
    owning_sides,
)
from merge_resolver.domain.snapshot import microseconds, snapshot_of
from merge_resolver.domain.working import Blob, Book


class Refused(Exception):
    """The command changes nothing; ``code`` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class Done:
    """What a command came to. Which contact it is, is known when the batch is through."""

    outcome: str
    record: str | None = None
    """A record of the contact to name."""
    parts: tuple[str, ...] = ()
    """A record of each contact that it left apart."""
    told: Observe | None = None
    link: str | None = None
    undone: str | None = None
    code: str | None = None


@dataclass(slots=True)
class Desk:
    """Where commands are decided: the blobs in hand, and what is known of earlier decisions."""

    book: Book
    fact_id: Callable[[str], str]
    """Names a separation that a command makes by itself, by the command's id."""
    merges: Mapping[str, Merged] = field(default_factory=dict)
    """What may be undone, by merge and by link."""
    retracted: set[str] = field(default_factory=set)
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
                    return self._retract(command)
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
            _check_version(blob, contact, command.expected_version)
        elif command.expected_version is not None:
            raise Refused("version-conflict")
        fact = bodies.observe(command.record, command.unit, command.observation)
        if fact.id in self.retracted or self.book.hear(fact) is None:
            return Done("unchanged", command.record)
        return Done("updated" if contact else "created", command.record, told=fact)

    def _edit(self, command: EditContact) -> Done:
        blob, contact = self._contact(command.contact)
        _check_version(blob, contact, command.expected_version)
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
        blob, changed = self._contact(founder)
        if edits.overflow(changed, blob) > before:
            blob.remove(fact.id)
            raise Refused("limit")
        return Done("updated", founder, told=fact)

    def _link(self, command: LinkRecords) -> Done:
        left, left_contact = self._contact(command.left)
        right, right_contact = self._contact(command.right)
        if left_contact.id == right_contact.id:
            raise Refused("same-contact")
        _check_version(left, left_contact, command.expected_left_version)
        _check_version(right, right_contact, command.expected_right_version)
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
        lifted = [one for one in command.lift if isinstance(blob.facts.get(one), Separate)]
        kept = [blob.facts[one] for one in lifted]
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
            return self._undo(command, self.merges.get(command.merge))
        blobs: set[Blob] = set()
        for side in command.sides:
            for record in side.records:
                blobs.add(self._contact(record)[0])
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

    def _undo(self, command: SeparateRecords, merged: Merged | None) -> Done:
        """Of a merge that evidence made."""
        if merged is None:
            raise Refused("not-found")
        blobs = {
            blob
            for side in merged.sides.values()
            for record in side
            if (blob := self.book.find(record)) is not None
        }
        blob = self.book.tie(blobs)
        sides = _living_sides(blob, merged.sides) if blob else []
        seen = blob.visible() if blob else set()
        first = tuple(next((one for one in side if one in seen), "") for side in sides)
        if blob is None or len(sides) < 2 or not all(first):
            raise Refused("part-erased")
        if merged.undone:
            return Done("unchanged", first[0], parts=first, undone=merged.merge)
        owners = owning_sides(command.owners, sides)
        blob.add(cut(blob, command.fact, microseconds(command.at), sides, owners, holds=True))
        blob.cause = "undo"
        return Done("updated", first[0], parts=first, undone=merged.merge)

    def _retract(self, command: RetractFacts) -> Done:
        found = [
            (one, blob)
            for one in command.facts
            if (blob := self._home(one)) is not None and one in blob.facts
        ]
        if not found:
            raise Refused("not-found")
        for one, blob in found:
            fact = blob.facts[one]
            if isinstance(fact, Link) and blob.fenced & {fact.left, fact.right}:
                raise Refused("part-erased")
        parts: list[str] = []
        undone = None
        for one, blob in found:
            fact = blob.facts[one]
            blob.remove(one)
            if isinstance(fact, Link):
                merged = self.merges.get(one)
                undone = merged.merge if merged else None
                parts += [fact.left, fact.right]
                if command.keep_apart:
                    try:
                        self._keep_apart(command, blob, fact, merged.sides if merged else {})
                    except UnknownOwnerError:
                        blob.add(fact)
                        raise
            self.retracted.add(one)
            blob.cause, blob.at = "undo", max(blob.at, microseconds(command.at))
        self.retracted.update(command.facts)
        record = parts[0] if parts else bodies.record_of(fact)
        return Done("updated", record, parts=tuple(parts), undone=undone)

    def _keep_apart(self, command: RetractFacts, blob: Blob, link: Link, sides: Sides) -> None:
        together = blob.contact_with(link.left)
        joined = together is not None and any(one.id == link.right for one in together.records)
        if not joined and not command.owners:
            return
        groups = [one for one in _living_sides(blob, sides) if one]
        if len(groups) < 2:
            groups = [(link.left,), (link.right,)]
        owners = owning_sides(command.owners, groups)
        name = self.fact_id(command.command)
        blob.add(cut(blob, name, microseconds(command.at), groups, owners, holds=True))

    def _home(self, fact: str) -> Blob | None:
        for blob in self.book.blobs():
            if fact in blob.facts:
                return blob
        return None

    def _contact(self, record: str) -> tuple[Blob, Contact]:
        if record in self.book.fenced:
            raise Refused("erased")
        blob = self.book.find(record)
        contact = blob.contact_with(record) if blob else None
        if blob is None or contact is None:
            raise Refused("not-found")
        return blob, contact


def _living_sides(blob: Blob, sides: Sides) -> list[tuple[str, ...]]:
    """Also with what is only hidden: it comes back to its own side."""
    return living_sides(sides, blob.visible() | blob.fenced)


def _subject(command: Command) -> str | None:
    match command:
        case ObserveRecord():
            return command.record
        case EditContact():
            return command.contact
        case _:
            return None


def _check_version(blob: Blob, contact: Contact, expected: int | None) -> None:
    """Also when something before in this batch changed it: the version that is seen is over."""
    if expected is None:
        return
    stored = blob.contacts.get(contact.id)
    if stored is None or stored.version != expected:
        raise Refused("version-conflict")
    if blob.touched:
        members = {record.id for record in contact.records}
        before = {one for one, row in blob.records.items() if row.contact == contact.id}
        text = snapshot_of(contact, blob.rules).model_dump_json()
        if members != before or stored.snapshot != text:
            raise Refused("version-conflict")


def _side_of(record: str, contacts: Iterable[Contact]) -> Contact:
    for contact in contacts:
        if any(one.id == record for one in contact.records):
            return contact
    raise Refused("not-found")


def _picked(contact: str, sides: Mapping[str, Contact]) -> Contact:
    return sides[contact] if contact in sides else _side_of(contact, sides.values())
