"""Blobs in hand: their facts as stored and as they come, and the contacts they make."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from merge_resolver.domain.blobs import Name, names_of
from merge_resolver.domain.bodies import AboutIdentifier, Kept, Stored, identifier_of
from merge_resolver.domain.contacts import Contact
from merge_resolver.domain.facts import Identifier, Link, Observe, Revoke, Separate
from merge_resolver.domain.finding import find_contacts
from merge_resolver.domain.heard import Heard
from merge_resolver.domain.news import DAY, NOBODY, Standing
from merge_resolver.domain.records import fold_records, keep
from merge_resolver.domain.rules import Rules


@dataclass(frozen=True, slots=True)
class StoredRecord:
    unit: str
    contact: str | None
    """None while it is hidden by an erasure."""
    verified_at: int | None


@dataclass(frozen=True, slots=True)
class StoredContact:
    version: int
    set_version: int
    """The version since which it has had the records that it has."""
    snapshot: str


@dataclass(slots=True, eq=False)
class Blob:
    space: str
    id: str
    rules: Rules
    records: dict[str, StoredRecord] = field(default_factory=dict)
    contacts: dict[str, StoredContact] = field(default_factory=dict)
    facts: dict[str, Stored] = field(default_factory=dict)
    fenced: set[str] = field(default_factory=set)
    merged_ids: set[str] = field(default_factory=set)
    """Ids of stored blobs that became part of this one."""
    added: dict[str, Kept] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    decided: dict[str, AboutIdentifier] = field(default_factory=dict)
    held: bool = False
    """Nothing outside is told of it until somebody has looked."""
    cause: str = "evidence"
    at: int = 0
    """Time of the latest thing that touched it in this batch."""
    touched: bool = False
    into: "Blob | None" = None
    """The blob that took this one in."""
    _now: list[Contact] | None = None
    _heard: Heard | None = None

    def add(self, fact: Kept) -> None:
        self.facts[fact.id] = self.added[fact.id] = fact
        if self.removed:
            self.removed.discard(fact.id)
        self.at = max(self.at, fact.t)
        if self._heard is not None and isinstance(fact, Observe):
            self._heard.add(fact)
        self.stir()

    def remove(self, fact: str) -> None:
        del self.facts[fact]
        if self.added.pop(fact, None) is None:
            self.removed.add(fact)
        self._heard = None
        self.stir()

    def stir(self) -> None:
        """Something changed: the contacts are to be found anew."""
        self._now = None
        self.touched = True

    def take_in(self, other: "Blob") -> None:
        """A link ties two blobs: from here on they are one."""
        other.into = self
        self.merged_ids |= other.merged_ids | {other.id}
        self.records |= other.records
        self.contacts |= other.contacts
        self.facts |= other.facts
        self.added |= other.added
        self.decided |= other.decided
        self.held = self.held or other.held
        self.fenced |= other.fenced
        self.removed |= other.removed
        self.at = max(self.at, other.at)
        if self._heard is not None:
            self._heard.take_in(other.heard())
        self.stir()

    def current(self) -> list[Contact]:
        """The contacts that the facts make now, without the records that are hidden."""
        if self._now is None:
            known = self._from_heard()
            self._now = self.contacts_of(self.facts.values()) if known is None else known
        return self._now

    def _from_heard(self) -> list[Contact] | None:
        """With what is known from before, where there are observations only and nothing hidden."""
        heard = self.heard()
        if self.fenced or heard.count < len(self.facts):
            return None
        found = heard.contacts(self.rules)
        return None if found is None else self._wanted(found)

    def heard(self) -> Heard:
        if self._heard is None:
            self._heard = Heard()
            for fact in self.facts.values():
                if isinstance(fact, Observe):
                    self._heard.add(fact)
        return self._heard

    def contacts_of(self, facts: Iterable[Stored]) -> list[Contact]:
        """What these facts make in place of its own. Changes nothing."""
        kept = keep(
            fact for fact in facts if not (isinstance(fact, Observe) and fact.record in self.fenced)
        )
        return self._wanted(find_contacts(fold_records(kept, self.rules), kept, self.rules))

    def _wanted(self, found: list[Contact]) -> list[Contact]:
        if self.rules.anonymous_contacts == "on":
            return found
        # One that was told of already stays.
        return [one for one in found if one.kind != "anonymous" or one.id in self.contacts]

    def contact_with(self, record: str) -> Contact | None:
        return next(
            (one for one in self.current() if any(r.id == record for r in one.records)), None
        )

    def visible(self) -> set[str]:
        """The records that are in a contact now."""
        return {record.id for contact in self.current() for record in contact.records}

    def kept(self) -> list[Kept]:
        """Its facts without what was decided about its identifiers."""
        return [one for one in self.facts.values() if isinstance(one, Observe | Link | Separate)]

    def standing(self, record: str) -> Standing | None:
        return self.heard().standing(record, self._revoked() if self.decided else NOBODY)

    def _revoked(self) -> dict[str, int]:
        """By user: until when his proofs count as typed."""
        found: dict[str, int] = {}
        for fact in self.decided.values():
            if isinstance(fact, Revoke):
                found[fact.user] = max(fact.end, found.get(fact.user, fact.end))
        return found

    def decide(self, fact: AboutIdentifier) -> None:
        """Take a decision about one of its identifiers in, which is kept beside the facts."""
        self.facts[fact.id] = self.decided[fact.id] = fact
        self._now = None

    def undecide(self, fact: str) -> None:
        del self.facts[fact], self.decided[fact]
        self.stir()

    def is_news(self, fact: Observe, again_after: int = DAY) -> bool:
        if fact.id in self.facts:
            return False
        heard = self._heard or self.heard()
        if self.decided:
            return heard.is_news(fact, again_after, self._revoked())
        return not heard.repeats(fact, again_after) and heard.is_news(fact, again_after)

    @property
    def size(self) -> int:
        return len(self.facts)


@dataclass(slots=True)
class Book:
    """The blobs of one space that a batch touches, by what they know."""

    space: str
    rules: Rules
    fenced: set[str] = field(default_factory=set)
    """Records that are hidden or erased, of those the batch names."""
    made: dict[str, tuple[AboutIdentifier, int]] = field(default_factory=dict)
    """New decisions about identifiers, with their times."""
    unmade: set[str] = field(default_factory=set)
    """Those that were taken back."""
    _by_name: dict[Name, Blob] = field(default_factory=dict)
    _decided: dict[Identifier, dict[str, AboutIdentifier]] = field(default_factory=dict)

    def know(self, fact: AboutIdentifier, blob: Blob | None = None) -> None:
        """A decision that is kept: of this blob, and of whoever comes to have the identifier."""
        one = identifier_of(fact)
        self._decided.setdefault(one, {})[fact.id] = fact
        blob = blob or self._blob(tuple(one))
        if blob is not None:
            blob.decide(fact)

    def decide(self, fact: AboutIdentifier, t: int, cause: str = "operator") -> None:
        """A new one. What it changes is found at once."""
        self.made[fact.id] = (fact, t)
        self.know(fact)
        self._touch(fact, t, cause)

    def undecide(self, fact: AboutIdentifier, t: int) -> None:
        self.made.pop(fact.id, None)
        self.unmade.add(fact.id)
        del self._decided[identifier_of(fact)][fact.id]
        blob = self._blob(tuple(identifier_of(fact)))
        if blob is not None:
            blob.undecide(fact.id)
        self._touch(fact, t, "undo")

    def _touch(self, fact: AboutIdentifier, t: int, cause: str) -> None:
        blob = self._blob(tuple(identifier_of(fact)))
        if blob is not None:
            blob.stir()
            blob.cause, blob.at = cause, max(blob.at, t)

    def blob_with(self, one: Identifier) -> Blob | None:
        return self._blob(tuple(one))

    def decision(self, fact: str) -> AboutIdentifier | None:
        return next((those[fact] for those in self._decided.values() if fact in those), None)

    def put(self, name: Name, blob: Blob) -> None:
        self._by_name[name] = blob

    def find(self, record: str) -> Blob | None:
        return self._blob(("record", record))

    def blobs(self) -> list[Blob]:
        """In a fixed order, each once."""
        living = {id(one): one for one in map(_last, self._by_name.values())}
        return sorted(living.values(), key=lambda blob: blob.id)

    def hear(self, fact: Observe, again_after: int = DAY) -> Blob | None:
        """Take an observation in; none if it tells nothing new. ``again_after`` microseconds what
        was said before is said anew.
        """
        own = self._blob(("record", fact.record))
        if own is not None and not own.is_news(fact, again_after):
            return None
        names, by_name = names_of(fact), self._by_name
        blob, others = own, list[Blob]()
        for name in names:
            one = by_name.get(name)
            if one is not None and one.into is not None:
                one = _last(one)
            if blob is None:
                blob = one
            elif one is not None and one is not blob:
                others.append(one)
        if blob is None:
            blob = Blob(self.space, fact.record, self.rules)
        elif others:
            blob = self.tie([blob, *others]) or blob
        for name in names:
            by_name[name] = blob
        if self._decided:
            self._apply_decisions(names, blob)
        blob.add(fact)
        return blob

    def _apply_decisions(self, names: Iterable[Name], blob: Blob) -> None:
        for name in names:
            for decided in self._decided.get(Identifier(*name), {}).values():
                if decided.id not in blob.decided:
                    blob.decide(decided)

    def tie(self, blobs: Collection[Blob]) -> Blob | None:
        """One blob of several: the largest takes the others in."""
        found = {one.id: one for one in map(_last, blobs)}
        ordered = sorted(found.values(), key=lambda blob: (-blob.size, blob.id))
        for other in ordered[1:]:
            ordered[0].take_in(other)
        return ordered[0] if ordered else None

    def _blob(self, name: Name) -> Blob | None:
        blob = self._by_name.get(name)
        return blob if blob is None or blob.into is None else _last(blob)


def _last(blob: Blob) -> Blob:
    while blob.into is not None:
        blob = blob.into
    return blob
