-- Signing secrets of an agent, sealed under the deployment's secret. Several live side by side while
-- one is being replaced.
CREATE TABLE identity_verify.secrets (
    agent       text        NOT NULL,
    id          text        NOT NULL,
    sealed      bytea       NOT NULL,
    -- A keyed hash: the same secret given again is the same row.
    fingerprint bytea       NOT NULL,
    encoding    text        NOT NULL CHECK (encoding IN ('utf8', 'hex')),
    label       text        NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Null while nothing replaces it.
    ends_at     timestamptz,
    PRIMARY KEY (agent, id)
);
-- A repeated order to add a secret adds none.
CREATE UNIQUE INDEX secrets_agent_fingerprint_key
    ON identity_verify.secrets (agent, fingerprint);

-- What became of each claim. Neither the user id nor the signature is kept.
CREATE TABLE identity_verify.verdicts (
    space   text        NOT NULL,
    claim   text        NOT NULL,
    record  text        NOT NULL,
    outcome text        NOT NULL,
    at      timestamptz NOT NULL,
    PRIMARY KEY (space, claim)
);
-- An erasure finds what it must delete by record.
CREATE INDEX verdicts_space_record_idx ON identity_verify.verdicts (space, record);

-- Records that accept nothing more.
CREATE TABLE identity_verify.fences (
    space   text NOT NULL,
    record  text NOT NULL,
    erasure text NOT NULL,
    PRIMARY KEY (space, record)
);
-- A restore lifts the fence of one erasure.
CREATE INDEX fences_space_erasure_idx ON identity_verify.fences (space, erasure);

-- What each erasure deleted here: an order that comes again is answered as the first time.
CREATE TABLE identity_verify.receipts (
    space   text  NOT NULL,
    erasure text  NOT NULL,
    counts  jsonb NOT NULL,
    PRIMARY KEY (space, erasure)
);
