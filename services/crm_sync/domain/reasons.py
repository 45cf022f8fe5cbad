"""Why a contact is not in step, in full sentences that hold no personal data."""

from typing import Final

SENTENCES: Final = {
    "anonymous": "Nobody is known by name or address yet; anonymous visitors stay in Kith.",
    "below_threshold": "This contact is below the threshold of the connection.",
    "remote_deleted": "The record was deleted in HubSpot. Kith does not create it again by itself;"
    " force a re-sync to do so.",
    "erased": "This person was erased.",
    "connection_off": "The connection was removed.",
    "queued": "Waiting to be sent to HubSpot.",
    "rate_limited": "HubSpot's limit of calls is reached; Kith goes on as soon as it allows.",
    "locked": "HubSpot is busy with this record; Kith tries again in a moment.",
    "vendor_unavailable": "HubSpot does not answer; Kith tries again by itself.",
    "not_answered": "HubSpot has not taken this contact for a while; Kith goes on trying.",
    "validation": "HubSpot refused this contact. It is sent again when it changes.",
    "conflict_existing": "Another record in HubSpot already has this e-mail address.",
}

CONNECTION_SENTENCES: Final = {
    "unchecked": "HubSpot has not answered yet; Kith keeps trying.",
    "auth_revoked": "HubSpot refuses the access token. Enter a new one.",
    "permission_missing": "The access token lacks a permission: it needs to read and write"
    " contacts and their properties.",
    "quota_exhausted": "HubSpot's calls of this day are used up; Kith goes on after midnight in the"
    " time zone of the account.",
    "paused": "Paused by hand.",
    "off": "The connection was removed.",
}


def refused(field: str | None, vendor_code: str | None) -> str:
    """Names the property and HubSpot's code; its own text may quote the value and stays out."""
    if field is None:
        return SENTENCES["validation"]
    code = f" ({vendor_code})" if vendor_code else ""
    return (
        f"HubSpot refused the value of the property {field}{code}."
        " It is sent again when that value changes."
    )


def conflicting(remote_id: str | None, other_contact: str | None) -> str:
    """Names both sides of a conflict, by ids."""
    if other_contact is not None:
        return (
            f"HubSpot's record {remote_id} already belongs to the contact {other_contact}."
            " Merge the two in Kith, or correct the address of one."
        )
    named = f" (record {remote_id})" if remote_id else ""
    return (
        f"Another record in HubSpot{named} already has this e-mail address."
        " Merge the two in HubSpot, or correct the address."
    )
