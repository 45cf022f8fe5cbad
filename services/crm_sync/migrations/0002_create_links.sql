-- What is known here of a contact: the values that some connection maps, folded by the resolver.
CREATE TABLE crm_sync.contacts (
    space    text   NOT NULL,
    contact  text   NOT NULL,
    kind     text   NOT NULL,
    fields   jsonb  NOT NULL,
    version  bigint NOT NULL,
    PRIMARY KEY (space, contact)
);

-- Which contact holds a record now. Links hang on records, so that a merge or its undo moves none.
CREATE TABLE crm_sync.records (
    space    text NOT NULL,
    record   text NOT NULL,
    contact  text NOT NULL,
    PRIMARY KEY (space, record)
);
CREATE INDEX records_space_contact_idx ON crm_sync.records (space, contact);

CREATE TABLE crm_sync.links (
    space           text        NOT NULL,
    connection      text        NOT NULL,
    record          text        NOT NULL,      -- the founding record at the first push: the remote key, for ever
    contact         text        NOT NULL,
    remote_id       text,
    key_written     boolean     NOT NULL DEFAULT false,  -- an attempt carried the key, so a remote record may exist
    secondary       boolean     NOT NULL DEFAULT false,  -- a second remote record of the same person: never written
    base            jsonb       NOT NULL DEFAULT '{}',   -- {property: {kith, crm}}: both sides at the last agreement
    version         bigint      NOT NULL,
    synced_version  bigint,
    state           text        NOT NULL,
    reason_code     text,
    reason          text,
    forced          boolean     NOT NULL DEFAULT false,  -- a person asked to compare afresh
    attempts        integer     NOT NULL DEFAULT 0,
    attempt         uuid,                                -- open: sent, answer not yet written
    attempted_at    timestamptz,
    next_attempt_at timestamptz,
    pending_since   timestamptz,
    synced_at       timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, connection, record),
    CONSTRAINT links_state_check CHECK (state IN ('synced', 'pending', 'error', 'not_synced'))
);

-- One remote record belongs to one contact of a space: a second link to it is a conflict to be told.
CREATE UNIQUE INDEX links_space_connection_remote_id_key
    ON crm_sync.links (space, connection, remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX links_space_contact_idx ON crm_sync.links (space, contact);
CREATE INDEX links_space_connection_next_attempt_at_idx
    ON crm_sync.links (space, connection, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
