"""Decisions about an identifier: blocked, changed hands, or proofs of a user id revoked."""

from collections.abc import Container

from contact_schema.commands import BlockIdentifier, ReleaseIdentifier, RevokeProof
from merge_resolver.domain.bodies import ALWAYS
from merge_resolver.domain.ends import Done, check_version, contact_of
from merge_resolver.domain.facts import Block, Identifier, Release, Revoke
from merge_resolver.domain.snapshot import microseconds
from merge_resolver.domain.working import Book


def decide_about(
    book: Book,
    command: BlockIdentifier | ReleaseIdentifier | RevokeProof,
    retracted: Container[str],
) -> Done:
    """Raises Refused."""
    if command.fact in retracted or book.decision(command.fact) is not None:
        return Done("unchanged", command.contact if isinstance(command, RevokeProof) else None)
    if isinstance(command, RevokeProof):
        return _revoke(book, command)
    one, t = Identifier(command.identifier.type, command.identifier.key), microseconds(command.at)
    if isinstance(command, BlockIdentifier):
        book.decide(Block(command.fact, one), t)
    else:
        book.decide(Release(command.fact, t, one), t)
    # Whoever has it is not the subject of this, so that no contact is named.
    return Done("updated")


def _revoke(book: Book, command: RevokeProof) -> Done:
    blob, contact = contact_of(book, command.contact)
    check_version(blob, contact, command.expected_version)
    t = microseconds(command.at)
    for number, user in enumerate(command.users):
        name = f"{command.fact}#{number}" if number else command.fact
        book.decide(Revoke(name, user, ALWAYS, t), t)
    return Done("updated", command.contact)
