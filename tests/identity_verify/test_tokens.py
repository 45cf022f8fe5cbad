"""Signed tokens: who may sign them how, for whom and until when, and what they tell."""

import base64
import json
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from contact_schema.interactions import IdentityVerified
from identity_verify.domain import (
    Algorithm,
    NotAKey,
    Proven,
    Refused,
    Secret,
    Shown,
    messages_of,
    public_key,
)
from identity_verify.verifying import judge
from tests.identity_verify.claims import AGENT, NOW, SAID, agent, claim, pem, token

SECRET: Final = "a secret of thirty-two characters"
EC, ED = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
HS256 = Secret("secret_hs", SECRET.encode(), NOW)
ES256 = Secret("secret_es", pem(EC).encode(), NOW, "ES256")
EDDSA = Secret("secret_ed", pem(ED).encode(), NOW, "EdDSA")
KEYS: Final = [HS256, ES256, EDDSA]
NOON: Final = int(NOW.timestamp())


def code(given: str, *, keys: list[Secret] = KEYS, user: str = "u1", **more: Any) -> str:
    """The verdict's code, or the id of the key that signed."""
    verdict = judge(Shown(user, AGENT, NOW, token=given), keys, **more)
    return verdict.code if isinstance(verdict, Refused) else str(verdict.secret)


@pytest.mark.parametrize(
    ("key", "algorithm", "signed_by"),
    [(SECRET, "HS256", "secret_hs"), (EC, "ES256", "secret_es"), (ED, "EdDSA", "secret_ed")],
)
def test_a_token_of_each_algorithm_proves(key: Any, algorithm: str, signed_by: str) -> None:
    given = token(key, algorithm=algorithm)
    assert code(given) == signed_by
    assert code(given, user="u2") == "bad-signature"


def test_each_key_takes_its_own_algorithm_only() -> None:
    """A public key is known to everybody: taken for a secret, it would sign anything."""
    text = pem(EC).strip().encode()
    header, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (
            {"alg": "HS256", "typ": "JWT"},
            {"sub": "u1", "aud": AGENT, "iat": NOON, "exp": NOON + 60},
        )
    )
    for known in (text, text + b"\n"):
        signer = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signature = base64.urlsafe_b64encode(signer.sign(header + b"." + body, known)).rstrip(b"=")
        forged = b".".join((header, body, signature)).decode()
        assert code(forged, keys=[ES256]) == "unsupported"
        assert code(forged) == "bad-signature"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "HS384", "HS512", "RS256", "ES384", "PS256", ""]
)
def test_no_other_algorithm_is_taken(algorithm: str) -> None:
    header, body, signature = token(SECRET).split(".")
    renamed = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode())
    for tail in (signature, ""):
        given = f"{renamed.rstrip(b'=').decode()}.{body}.{tail}"
        assert code(given) in {"unsupported", "bad-signature", "malformed"}
    assert header


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({}, "secret_hs", id="as it should be"),
        pytest.param({"aud": [AGENT, "another"]}, "secret_hs", id="for two, us among them"),
        pytest.param({"exp": NOON - 59}, "secret_hs", id="expired within the leeway"),
        pytest.param({"exp": NOON - 60}, "expired", id="expired"),
        pytest.param({"iat": NOON + 60}, "secret_hs", id="issued within the leeway"),
        pytest.param({"iat": NOON + 61}, "bad-signature", id="issued in the future"),
        pytest.param({"nbf": NOON + 61}, "bad-signature", id="not yet in force"),
        pytest.param({"aud": "another"}, "bad-signature", id="for another agent"),
        pytest.param({"aud": []}, "bad-signature", id="for nobody"),
        pytest.param({"sub": "u2"}, "bad-signature", id="of another user"),
        pytest.param({"sub": "u1 "}, "bad-signature", id="of nearly this user"),
        pytest.param({"sub": None}, "malformed", id="of no user"),
        pytest.param({"exp": None}, "malformed", id="without an end"),
        pytest.param({"iat": None}, "malformed", id="without a time"),
        pytest.param({"aud": None}, "malformed", id="without an audience"),
        pytest.param({"exp": "soon"}, "malformed", id="with a word for a time"),
        pytest.param({"exp": True}, "malformed", id="with a truth for a time"),
        pytest.param({"exp": 10**30}, "malformed", id="with no end in sight"),
        pytest.param({"iat": -1}, "malformed", id="from before the epoch"),
        pytest.param({"attributes": {"note": "a\0b"}}, "malformed", id="with what cannot be kept"),
        pytest.param({"attributes": {"much": "x" * 4000}}, "malformed", id="above 4 KB"),
    ],
)
def test_a_token_is_for_this_user_this_agent_and_now(claims: dict[str, Any], expected: str) -> None:
    assert code(token(SECRET, **claims)) == expected


@pytest.mark.parametrize(
    "given",
    ["", ".", "..", "a.b.c", "null", "Bearer x", "é.é.é", token(SECRET) + ".x", token(SECRET)[:-4]],
)
def test_what_is_no_token_proves_nothing(given: str) -> None:
    assert code(given) in {"malformed", "bad-signature"}


def test_a_token_that_is_nested_without_end_is_malformed() -> None:
    deep = token(SECRET, attributes=json.loads("[" * 300 + "]" * 300))
    assert code(deep) == "malformed"


def test_a_token_decides_where_a_hash_comes_with_it() -> None:
    both = Shown("u1", AGENT, NOW, user_hash="0" * 64, token=token(SECRET))
    assert isinstance(judge(both, KEYS), Proven)
    both = Shown("u1", AGENT, NOW, user_hash="0" * 64, token="a.b.c")
    assert judge(both, KEYS) == Refused("malformed")


def test_without_a_key_no_token_is_taken() -> None:
    assert code(token(SECRET), keys=[]) == "no-secret"


def test_after_a_revocation_a_token_counts_only_if_it_was_issued_later() -> None:
    given = token(SECRET, iat=NOON - 10)
    assert code(given, revoked=NOW) == "revoked"
    assert code(token(SECRET, iat=NOON), revoked=NOW) == "revoked"
    assert code(token(SECRET, iat=NOON + 1), revoked=NOW) == "secret_hs"


def test_what_a_token_says_is_signed_and_what_stands_beside_it_is_not() -> None:
    given = token(
        SECRET,
        email="Ada@Example.com",
        email_verified=True,
        phone="030 901820",
        attributes={"name": "Ada Lovelace", "plan": "enterprise", "seats": 3},
    )
    verdict = judge(Shown("u1", AGENT, NOW, token=given), KEYS)
    signed, beside = messages_of(claim(), verdict, NOW, agent(), "fact_t")
    assert isinstance(signed, IdentityVerified)
    assert isinstance(beside, IdentityVerified)
    told = {one.type: (one.key, one.given, one.proof) for one in signed.observation.identifiers}
    assert told == {
        "user": ("u1", "u1", "proven"),
        "email": ("ada@example.com", "Ada@Example.com", "proven"),
        "phone": ("+4930901820", "030 901820", "asserted"),
    }
    assert signed.observation.field_class == "signed"
    assert signed.observation.fields == {
        "name": "Ada Lovelace",
        "plan": "enterprise",
        "attr.seats": 3,
    }
    assert signed.observation.fact == "fact_t" != beside.observation.fact
    assert beside.observation.field_class == "self"
    assert SAID in beside.observation.identifiers
    assert (signed.signed_at, signed.method) == (beside.signed_at, "token")


@pytest.mark.parametrize("verified", [None, False, "true", 1])
def test_an_email_is_proven_only_where_the_token_says_so(verified: Any) -> None:
    given = token(SECRET, email="ada@example.com", email_verified=verified)
    signed, _ = messages_of(
        claim(), judge(Shown("u1", AGENT, NOW, token=given), KEYS), NOW, agent(), "fact_t"
    )
    assert isinstance(signed, IdentityVerified)
    assert [one.proof for one in signed.observation.identifiers] == ["proven", "asserted"]


def test_a_public_key_is_kept_in_one_spelling() -> None:
    given = pem(EC)
    spelled = f"\n{given.replace(chr(10), chr(13) + chr(10))}\n"
    assert public_key(spelled, "ES256") == public_key(given, "ES256") == given


@pytest.mark.parametrize(
    ("given", "algorithm"),
    [
        pytest.param(pem(ED), "ES256", id="of the other algorithm"),
        pytest.param(pem(EC), "EdDSA", id="of the other algorithm, too"),
        pytest.param(pem(EC), "HS256", id="as a secret"),
        pytest.param(pem(ec.generate_private_key(ec.SECP384R1())), "ES256", id="of another curve"),
        pytest.param(pem(rsa.generate_private_key(65537, 2048)), "ES256", id="RSA"),
        pytest.param("no key", "ES256", id="no key"),
        pytest.param("x" * 3000, "ES256", id="too long"),
    ],
)
def test_no_other_key_is_taken(given: str, algorithm: Algorithm) -> None:
    with pytest.raises(NotAKey):
        public_key(given, algorithm)
