CREATE TABLE gdpr_purge.erasures (
    space        text        NOT NULL,
    erasure      text        NOT NULL,
    contact      text,                              -- null until the request is here
    mode         text,
    grace_days   integer,
    requested_by text,
    requested_at timestamptz,
    records      text[]      NOT NULL DEFAULT '{}', -- the fixed set; dropped once every slice is done
    ids          text[]      NOT NULL DEFAULT '{}',
    scoped       boolean     NOT NULL DEFAULT false,
    state        text        NOT NULL,
    reason       text,
    fence_no     bigint,                            -- ledger entries of the two steps
    erase_no     bigint,
    fenced_at    timestamptz,
    due_at       timestamptz,                       -- end of the grace
    sent_at      timestamptz,                       -- when the step under way was last sent
    changed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, erasure),
    CONSTRAINT erasures_state_check CHECK (state IN
        ('requested', 'fenced', 'grace', 'restored', 'erasing', 'erased', 'blocked', 'closed'))
);
-- The deadline and the repeats are looked for all the time, among few open ones.
CREATE INDEX erasures_space_state_idx
    ON gdpr_purge.erasures (space, state) WHERE state NOT IN ('erased', 'closed');

-- What each slice answered, the last answer of each step.
CREATE TABLE gdpr_purge.receipts (
    space    text        NOT NULL,
    erasure  text        NOT NULL,
    step     text        NOT NULL,
    slice    text        NOT NULL,
    counts   jsonb       NOT NULL DEFAULT '{}',
    expires  jsonb       NOT NULL DEFAULT '[]',
    left_over integer    NOT NULL DEFAULT 0,
    at       timestamptz NOT NULL,
    PRIMARY KEY (space, erasure, step, slice),
    CONSTRAINT receipts_step_check CHECK (step IN ('fence', 'erase'))
);
