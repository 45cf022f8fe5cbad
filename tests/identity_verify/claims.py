"""Claims for the tests of the verifier."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

from contact_schema.interactions import IdentityClaimed
from contact_schema.observations import Observation, ObservedIdentifier
from contact_schema.settings import AgentSettings, Policies

AGENT, SPACE = "agent_a", "space_a"
NOW: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
SAID: Final = ObservedIdentifier(
    type="email", key="ada@example.com", given="Ada@example.com", proof="typed"
)


def sign(secret: str, user: str) -> str:
    return hmac.new(secret.encode(), user.encode(), hashlib.sha256).hexdigest()


def claim(user: str = "u1", number: int = 1, **changes: Any) -> IdentityClaimed:
    return IdentityClaimed(
        **{
            "space": SPACE,
            "agent": AGENT,
            "claim": f"claim_{number}",
            "event_id": f"event-{number}",
            "record": f"contact_{number}",
            "unit": "unit_1",
            "user": user,
            "observation": Observation(
                fact=f"fact_{number}",
                at=NOW,
                occurred_at=NOW,
                identifiers=(SAID,),
                fields={"name": "Ada"},
                field_class="self",
            ),
            **changes,
        }
    )


def agent() -> AgentSettings:
    return AgentSettings(
        space=SPACE,
        agent=AGENT,
        workspace="workspace_a",
        name="Shop",
        policies=Policies(blocked_values=("user:demo-*",)),
    )
