"""Which contacts may be one person: refused evidence and likeness, each with a score. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

WORDS: Final[Mapping[str, tuple[int, str]]] = {
    "policy": (90, "Typed the same {what}; the agent only suggests such merges."),
    "different-accounts": (70, "Both have the same {what}, but they are two accounts."),
    "contested": (60, "Several people use the same {what} at the same time."),
    "different-emails": (60, "Both have the same {what}, and each has an e-mail of its own."),
    "both-known": (40, "Both came by the same {what}."),
    "generic": (20, "Both have the same {what}, which too many people share."),
    "work-cap": (20, "Both have the same {what}; there was too much to look at."),
    "same-name-and-company": (50, "Same name and company."),
    "same-name-and-local-part": (60, "Same name, and the e-mails begin alike."),
}
OTHER: Final = (30, "Both have the same {what}.")
EACH_MORE: Final = 5
NAMES: Final = {"email": "e-mail", "user": "external id", "crm": "CRM record"}


@dataclass
class Suggestion:
    other: str
    reasons: list[Json] = field(default_factory=list)

    @property
    def score(self) -> int:
        """0 to 100: the best reason, and a little for each other one."""
        best = max(WORDS.get(reason["code"], OTHER)[0] for reason in self.reasons)
        return min(100, best + EACH_MORE * (len(self.reasons) - 1))


def suggestions(
    refused: Iterable[Json], alike: Iterable[Any], left_out: Iterable[str]
) -> list[Suggestion]:
    """Best first. ``refused`` as the resolver tells it, ``alike`` rows of `list_alike`."""
    found: dict[str, Suggestion] = {}
    for one in refused:
        _add(found, one["other"], one["code"], one["identifier"])
    for row in alike:
        if row["same_company"]:
            _add(found, row["contact"], "same-name-and-company", None)
        if row["same_local_part"]:
            _add(found, row["contact"], "same-name-and-local-part", None)
    gone = frozenset(left_out)
    kept = [one for one in found.values() if one.other not in gone]
    return sorted(kept, key=lambda one: (-one.score, one.other))


def _add(found: dict[str, Suggestion], other: str, code: str, identifier: str | None) -> None:
    kind = "" if identifier is None else identifier.partition(":")[0]
    sentence = WORDS.get(code, OTHER)[1].format(what=NAMES.get(kind, kind or "conversation"))
    reason = {"code": code, "detail": sentence}
    if identifier is not None:
        reason["identifier"] = identifier
    reasons = found.setdefault(other, Suggestion(other)).reasons
    if reason not in reasons:
        reasons.append(reason)
