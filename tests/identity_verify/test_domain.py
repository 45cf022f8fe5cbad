"""Whether a claim is proven: published pairs of user id and hash, and what is no signature."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contact_schema.interactions import IdentityRefused, IdentityVerified
from identity_verify.domain import Proven, Refused, Secret, Shown, check_hash, messages_of
from identity_verify.sealing import key_of
from identity_verify.verifying import judge
from tests.identity_verify.claims import AGENT, NOW, SAID, agent, claim, expiring, sign

CASES = [
    case
    for path in sorted((Path(__file__).parent / "cases").glob("user_hash*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]
YESTERDAY, HOUR = NOW - timedelta(days=1), timedelta(hours=1)
OLD = Secret("secret_old", b"old", YESTERDAY - HOUR)
NEW = Secret("secret_new", b"new", YESTERDAY + HOUR)


def shown(user_hash: str | None, user: str = "u1") -> Shown:
    return Shown(user, AGENT, NOW, user_hash)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_pairs_are_judged_as_their_source_says(case: dict[str, Any]) -> None:
    secret = Secret("secret_1", key_of(case["secret"], case["secret_encoding"]), YESTERDAY)
    verdict = check_hash(shown(case["user_hash"], case["user_id"]), [secret])
    assert isinstance(verdict, Proven) == (case["expected"] == "verified")


def test_every_live_secret_proves_and_in_either_case() -> None:
    for secret in (OLD, NEW):
        user_hash = sign(secret.key.decode(), "u1")
        for given in (user_hash, user_hash.upper()):
            verdict = check_hash(shown(given), [NEW, OLD])
            assert verdict == Proven("proven", "hash", secret.id, secret.since)


@pytest.mark.parametrize(
    ("user_hash", "code"),
    [
        pytest.param(None, "no-signature", id="absent"),
        pytest.param("", "malformed", id="empty"),
        pytest.param("null", "malformed", id="null"),
        pytest.param("0" * 63, "malformed", id="too short"),
        pytest.param("0" * 65, "malformed", id="too long"),
        pytest.param(" " + "0" * 64, "malformed", id="a blank before it"),
        pytest.param("0" * 64 + "\n", "malformed", id="a line end behind it"),
        pytest.param("٠" * 64, "malformed", id="digits of another script"),
        pytest.param("0" * 64, "bad-signature", id="of nobody"),
        pytest.param(sign("new", "u2"), "bad-signature", id="of another user"),
        pytest.param(sign("gone", "u1"), "bad-signature", id="by another secret"),
    ],
)
def test_anything_else_proves_nothing(user_hash: str | None, code: str) -> None:
    assert check_hash(shown(user_hash), [NEW, OLD]) == Refused(code)  # type: ignore[arg-type]


def test_without_a_secret_nothing_is_proven() -> None:
    assert check_hash(shown(sign("", "u1")), []) == Refused("no-secret")


@pytest.mark.parametrize("user", ["null", "Undefined", "0", "demo-7", "[object Object]"])
def test_a_user_id_that_names_nobody_is_refused_though_it_is_signed(user: str) -> None:
    assert judge(shown(sign("new", user), user), [NEW], ("user:demo-*",)) == Refused("blocked")


@pytest.mark.parametrize(
    ("expires_in", "expected"),
    [
        pytest.param(3600, "proven", id="in an hour"),
        pytest.param(-59, "proven", id="by a clock that is behind"),
        pytest.param(-60, "expired", id="a minute ago"),
        pytest.param(-86_400, "expired", id="yesterday"),
    ],
)
def test_an_expiring_hash_proves_until_its_time(expires_in: int, expected: str) -> None:
    user_hash = expiring("new", "u1", int(NOW.timestamp()) + expires_in)
    verdict = check_hash(shown(user_hash), [OLD, NEW])
    assert (verdict.proof if isinstance(verdict, Proven) else verdict.code) == expected


def test_the_time_of_an_expiring_hash_is_signed_with_the_user_id() -> None:
    expires = int(NOW.timestamp()) - 3600
    _, _, digest = expiring("new", "u1", expires).partition(".")
    later = f"{expires + 7200}.{digest}"
    assert check_hash(shown(later), [NEW]) == Refused("bad-signature")
    assert check_hash(shown(f"{expires + 7200}.{sign('new', 'u1')}"), [NEW]) == Refused("malformed")


def test_no_user_s_static_hash_is_another_one_s_expiring_hash() -> None:
    expires = int(NOW.timestamp()) + 3600
    of_a_name_made_up = sign("new", f"{expires}.admin")
    for given in (of_a_name_made_up, of_a_name_made_up * 2):
        assert isinstance(check_hash(shown(f"{expires}.{given}", "admin"), [NEW]), Refused)
    _, _, digest = expiring("new", "admin", expires).partition(".")
    for given in (digest, digest[:64]):
        assert isinstance(check_hash(shown(given, f"{expires}.admin"), [NEW]), Refused)


def test_after_a_revocation_a_hash_counts_only_by_a_younger_secret() -> None:
    for secret, user_hash, expected in (
        (OLD, sign("old", "u1"), Refused("revoked")),
        (OLD, expiring("old", "u1", int(NOW.timestamp()) + 60), Refused("revoked")),
        (NEW, sign("new", "u1"), Proven("proven", "hash", NEW.id, NEW.since)),
    ):
        assert check_hash(shown(user_hash), [OLD, NEW], YESTERDAY) == expected
        assert check_hash(shown(user_hash), [OLD, NEW]) == Proven(
            "proven", "hash", secret.id, secret.since
        )


def test_a_proven_claim_takes_its_user_id_and_metadata_along() -> None:
    verdict = check_hash(shown(sign("new", "u1")), [OLD, NEW])
    [told] = messages_of(claim(), verdict, NOW, agent(), "fact_t")
    assert isinstance(told, IdentityVerified)
    user, said = told.observation.identifiers
    assert (user.type, user.key, user.proof) == ("user", "u1", "proven")
    assert said == SAID
    assert told.observation.fields == {"name": "Ada"}
    assert told.signed_at == NEW.since


def test_a_refused_claim_says_nothing_of_whom_it_named() -> None:
    [refused] = messages_of(claim("ada-1"), Refused("bad-signature"), NOW, agent(), "fact_t")
    assert isinstance(refused, IdentityRefused)
    assert "ada" not in refused.model_dump_json().lower()
