"""What the OpenAPI page says beside the paths: bodies, and the codes of problems."""

from typing import Any, Final

CODES: Final = {
    307: "`moved`: the contact was merged; `Location` has the survivor.",
    400: "`malformed`: not JSON, not UTF-8, or nested deeper than 32.",
    401: "`unauthenticated`: no living key.",
    403: "`missing-scope`: the key may not do this.",
    404: "`not-found`: nothing there, or not in this space.",
    409: "`conflict`, `merged`, `same-contact`, `separated`, `in-progress`,"
    " `too-late`, `part-erased`.",
    410: "`erased`: this person was erased.",
    412: "`version-conflict`: changed meanwhile.",
    413: "`too-large`.",
    415: "`unsupported-media-type`.",
    422: "`invalid`, `limit`, `idempotency-key-reused`: `errors` names each field.",
    429: "`rate-limited`: `Retry-After` says when.",
    503: "`unavailable`: try again.",
}
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "hint": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "request_id": {"type": "string"},
    },
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": text,
        "content": {"application/problem+json": {"schema": PROBLEM}},
    }
    for status, text in CODES.items()
}
WRITES: Final[dict[int | str, dict[str, Any]]] = {
    201: {"description": "Created."},
    202: {"description": "Accepted, not yet visible: follow `status_url`."},
}


def _text(limit: int) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": limit}


_FIELDS: Final[dict[str, Any]] = {
    "external_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "name": _text(500),
    "email": _text(500),
    "phone": _text(500),
    "company": _text(500),
    "stripe_accounts": {"type": "array", "maxItems": 10, "items": {"type": "object"}},
    "custom_attributes": {"type": "object", "maxProperties": 50},
    "tags": {"type": "array", "maxItems": 50, "items": {"type": "string", "maxLength": 64}},
    "add_tags": {"type": "array", "maxItems": 50, "items": {"type": "string"}},
    "remove_tags": {"type": "array", "maxItems": 50, "items": {"type": "string"}},
    "audience": {"type": ["string", "null"]},
}


def body(schema: dict[str, Any]) -> dict[str, Any]:
    """An `openapi_extra` with this body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


CONTACT: Final = body({"type": "object", "additionalProperties": False, "properties": _FIELDS})
BATCH: Final = body(
    {
        "type": "object",
        "required": ["contacts"],
        "properties": {
            "contacts": {"type": "array", "maxItems": 1000, "items": {"type": "object"}}
        },
    }
)
NOTE: Final = body(
    {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string", "maxLength": 10_000}},
    }
)
TEMPLATE: Final = body(
    {
        "type": "object",
        "required": ["template"],
        "properties": {"template": {"type": "string", "maxLength": 16_384}},
    }
)
MERGE: Final = body(
    {
        "type": "object",
        "required": ["into"],
        "properties": {
            "into": {"type": "string"},
            "survivor": {"type": "string"},
            "keep": {"type": "object"},
            "lift": {"type": "array", "items": {"type": "string"}},
        },
    }
)
