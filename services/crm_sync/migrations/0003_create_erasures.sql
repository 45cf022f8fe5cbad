-- Records that are being erased or were: nothing of them is stored or sent, whatever topic brings it.
CREATE TABLE crm_sync.fenced_records (
    space     text        NOT NULL,
    record    text        NOT NULL,
    erasure   text        NOT NULL,
    fenced_at timestamptz NOT NULL,
    PRIMARY KEY (space, record)
);

CREATE TABLE crm_sync.erasures (
    space           text        NOT NULL,
    erasure         text        NOT NULL,
    ledger_no       bigint      NOT NULL,
    records         text[]      NOT NULL,
    attempts        integer     NOT NULL DEFAULT 0,
    next_attempt_at timestamptz,               -- null: done, the receipt stands in counts
    remote_records  integer     NOT NULL DEFAULT 0,
    counts          jsonb,
    erased_at       timestamptz,
    PRIMARY KEY (space, erasure)
);
CREATE INDEX erasures_space_next_attempt_at_idx
    ON crm_sync.erasures (space, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
