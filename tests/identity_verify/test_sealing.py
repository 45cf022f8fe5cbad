"""A sealed secret opens here, for its agent, and nowhere else."""

import pytest

from identity_verify.sealing import SealBroken, Sealer

SEALER = Sealer("a deployment secret")


def test_a_secret_opens_as_it_was_given() -> None:
    for secret in ("s", "ä secret with ünicode", "00" * 32):
        sealed = SEALER.seal("agent_a", secret)
        # One letter stands in random bytes by chance, one time in nine.
        assert len(secret) == 1 or secret.encode() not in sealed
        assert SEALER.open("agent_a", sealed) == secret


def test_it_opens_neither_for_another_agent_nor_in_another_deployment_nor_changed() -> None:
    sealed = SEALER.seal("agent_a", "secret")
    for sealer, agent, given in (
        (SEALER, "agent_b", sealed),
        (Sealer("another secret"), "agent_a", sealed),
        (SEALER, "agent_a", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (SEALER, "agent_a", b""),
    ):
        with pytest.raises(SealBroken):
            sealer.open(agent, given)


def test_the_deployment_s_secret_is_in_no_representation() -> None:
    assert "deployment" not in repr(SEALER)
