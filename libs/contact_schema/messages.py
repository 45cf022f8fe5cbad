"""The catalogue: every message that travels, by its type name."""

from typing import Final

from contact_schema import changes, commands, erasure, interactions, settings
from contact_schema.adapter_events import AdapterEvent
from contact_schema.envelope import Message

MESSAGES: Final[tuple[type[Message], ...]] = (
    interactions.InteractionAccepted,
    interactions.IdentityClaimed,
    interactions.IdentityVerified,
    interactions.IdentityRefused,
    commands.ObserveRecord,
    commands.EditContact,
    commands.LinkRecords,
    commands.SeparateRecords,
    commands.RetractFacts,
    commands.BlockIdentifier,
    commands.ReleaseIdentifier,
    commands.RevokeProof,
    commands.ChangePolicy,
    commands.ResyncContact,
    changes.ContactCreated,
    changes.ContactChanged,
    changes.ContactsMerged,
    changes.ContactSplit,
    changes.ContactsHeld,
    changes.ContactsReleased,
    changes.ContactErased,
    changes.CommandSettled,
    changes.CrmStateChanged,
    changes.CrmConnectionChanged,
    erasure.ErasureRequested,
    erasure.ErasureScoped,
    erasure.FenceRecords,
    erasure.SliceFenced,
    erasure.EraseRecords,
    erasure.SliceErased,
    erasure.ErasureAdvanced,
    settings.AgentSettings,
    AdapterEvent,
)

BY_TYPE: Final[dict[str, type[Message]]] = {message.__name__: message for message in MESSAGES}
