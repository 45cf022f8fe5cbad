CREATE TABLE crm_sync.connections (
    space          text        NOT NULL,
    connection     text        NOT NULL,
    agent          text        NOT NULL,
    kind           text        NOT NULL,
    label          text        NOT NULL,
    base_url       text        NOT NULL,
    sealed         bytea,                       -- credentials under a key of the space; gone when it is off
    field_map      jsonb       NOT NULL,        -- Kith's field to the CRM's property
    state          text        NOT NULL,
    reason         text,
    account        text,                        -- the vendor's account, known after the first answer
    page_url       text,                        -- where people open a record of the account
    time_zone      text,                        -- daily quotas are reset at its midnight
    paused_until   timestamptz,                 -- the vendor's own wait, after which sending goes on
    planned_after  text,                        -- contacts up to this id are planned; null: all of them
    created_at     timestamptz NOT NULL DEFAULT now(),
    changed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, connection),
    CONSTRAINT connections_kind_check CHECK (kind IN ('hubspot')),
    CONSTRAINT connections_state_check
        CHECK (state IN ('ok', 'limited', 'degraded', 'action_needed', 'paused', 'off'))
);

-- A repeated order to connect finds the connection that stands, instead of pushing everybody twice.
CREATE UNIQUE INDEX connections_space_kind_label_key
    ON crm_sync.connections (space, kind, label) WHERE state <> 'off';
