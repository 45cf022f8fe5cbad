-- Keys of a fixed algorithm: secrets sign hashes and HS256 tokens, public keys ES256 and EdDSA tokens.
ALTER TABLE identity_verify.secrets
    ADD COLUMN algorithm text NOT NULL DEFAULT 'HS256'
        CHECK (algorithm IN ('HS256', 'ES256', 'EdDSA')),
    -- What was sealed is gone then. The row tells the same secret, given again, from a new one: a
    -- revocation before that still holds for what it signed.
    ADD COLUMN deleted_at timestamptz;

-- When proofs of a user id were last revoked. A keyed hash, no user id.
CREATE TABLE identity_verify.revocations (
    space      text        NOT NULL,
    person     text        NOT NULL,
    revoked_at timestamptz NOT NULL,
    PRIMARY KEY (space, person)
);

-- Signatures that did not hold, by unit, for some minutes.
CREATE TABLE identity_verify.attempts (
    space  text        NOT NULL,
    unit   text        NOT NULL,
    record text        NOT NULL,
    failed int         NOT NULL,
    since  timestamptz NOT NULL,
    PRIMARY KEY (space, unit, record)
);
-- An erasure finds what it must delete by record.
CREATE INDEX attempts_space_record_idx ON identity_verify.attempts (space, record);
-- Pruned by age.
CREATE INDEX attempts_since_idx ON identity_verify.attempts (since);
