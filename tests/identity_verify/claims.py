"""Claims for the tests of the verifier."""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

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


def expiring(secret: str, user: str, expires: int) -> str:
    text = f"{expires}.{user}".encode()
    return f"{expires}.{hmac.new(secret.encode(), text, hashlib.sha512).hexdigest()}"


def token(key: Any, user: str = "u1", *, algorithm: str = "HS256", **claims: Any) -> str:
    """Issued a minute before NOW, for ten. ``None`` leaves a claim out."""
    now = int(NOW.timestamp())
    told = {"sub": user, "aud": AGENT, "iat": now - 60, "exp": now + 540} | claims
    given = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(given, key, algorithm)


def pem(private: Any) -> str:
    """The public half, as it is registered."""
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return str(private.public_key().public_bytes(*form).decode())


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
        region="DE",
        policies=Policies(blocked_values=("user:demo-*",)),
    )
