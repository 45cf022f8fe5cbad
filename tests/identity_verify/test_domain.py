"""Whether a claim is proven: published pairs of user id and hash, and what is no signature."""

import json
from pathlib import Path
from typing import Any

import pytest

from contact_schema.interactions import IdentityRefused, IdentityVerified
from identity_verify.domain import Proven, Refused, Secret, check_hash, decide, verdict_message
from identity_verify.sealing import key_of
from tests.identity_verify.claims import NOW, SAID, claim, sign

CASES = json.loads((Path(__file__).parent / "cases" / "user_hash.json").read_text("utf-8"))["cases"]
OLD, NEW = Secret("secret_old", b"old"), Secret("secret_new", b"new")


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_pairs_are_judged_as_their_source_says(case: dict[str, Any]) -> None:
    secret = Secret("secret_1", key_of(case["secret"], case["secret_encoding"]))
    verdict = check_hash(case["user_id"], case["user_hash"], [secret])
    assert isinstance(verdict, Proven) == (case["expected"] == "verified")


def test_every_live_secret_proves_and_in_either_case() -> None:
    for secret in (OLD, NEW):
        user_hash = sign(secret.key.decode(), "u1")
        for given in (user_hash, user_hash.upper()):
            assert check_hash("u1", given, [NEW, OLD]) == Proven("proven", "hash", secret.id)


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
    assert check_hash("u1", user_hash, [NEW, OLD]) == Refused(code)  # type: ignore[arg-type]


def test_without_a_secret_nothing_is_proven() -> None:
    assert check_hash("u1", sign("", "u1"), []) == Refused("no-secret")


@pytest.mark.parametrize("user", ["null", "Undefined", "0", "demo-7", "[object Object]"])
def test_a_user_id_that_names_nobody_is_refused_though_it_is_signed(user: str) -> None:
    signed = claim(user, user_hash=sign("new", user))
    assert decide(signed, [NEW], ("user:demo-*",)) == Refused("blocked")


def test_a_token_is_not_taken_yet() -> None:
    assert decide(claim(token="a.b.c"), [NEW]) == Refused("unsupported")


def test_what_the_customer_s_server_vouches_for_is_asserted() -> None:
    assert decide(claim(vouched=True), []) == Proven("asserted", "server")


def test_a_proven_claim_takes_its_user_id_and_metadata_along() -> None:
    verdict = decide(claim(user_hash=sign("new", "u1")), [OLD, NEW])
    told = verdict_message(claim(), verdict, NOW)
    assert isinstance(told, IdentityVerified)
    user, said = told.observation.identifiers
    assert (user.type, user.key, user.proof) == ("user", "u1", "proven")
    assert said == SAID
    assert told.observation.fields == {"name": "Ada"}


def test_a_refused_claim_says_nothing_of_whom_it_named() -> None:
    refused = verdict_message(claim("ada-1"), Refused("bad-signature"), NOW)
    assert isinstance(refused, IdentityRefused)
    assert "ada" not in refused.model_dump_json().lower()
