-- The Idempotency-Key of the call that made a key, and a digest of what it asked: the same call again
-- is answered from here, where a secret stands sealed.
ALTER TABLE identity_verify.secrets
    ADD COLUMN once text,
    ADD COLUMN asked text;
-- A repeated call finds what the first one made.
CREATE UNIQUE INDEX secrets_agent_once_key ON identity_verify.secrets (agent, once);
