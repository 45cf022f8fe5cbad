-- Orders on their way to the resolver, and what became of them.
CREATE TABLE contacts_api.commands (
    space         text        NOT NULL,
    command       text        NOT NULL,
    kind          text        NOT NULL,
    actor         text        NOT NULL,
    ordered_at    timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,
    outcome       text,
    contact       text,
    contacts      text[]      NOT NULL DEFAULT '{}',
    merge         text,
    code          text,
    outranked     text[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (space, command)
);
CREATE INDEX commands_space_ordered_at_idx ON contacts_api.commands (space, ordered_at);

-- Answers kept for a repeated Idempotency-Key, 24 hours. No body yet: the first call still runs.
CREATE TABLE contacts_api.answers (
    space         text        NOT NULL,
    caller        text        NOT NULL,
    once          text        NOT NULL,
    digest        text        NOT NULL,
    status        integer,
    location      text,
    body          text,
    -- Contacts that the body speaks of: an erasure takes it along.
    contacts      text[]      NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, caller, once)
);
CREATE INDEX answers_created_at_idx ON contacts_api.answers (created_at);
CREATE INDEX answers_contacts_idx ON contacts_api.answers USING gin (contacts);

CREATE TABLE contacts_api.erasures (
    space         text        NOT NULL,
    erasure       text        NOT NULL COLLATE "C",
    contact       text        NOT NULL,
    mode          text        NOT NULL,
    grace_days    integer     NOT NULL,
    reason        text,
    requested_by  text        NOT NULL,
    requested_at  timestamptz NOT NULL,
    state         text        NOT NULL,
    blocked       text,
    state_at      timestamptz NOT NULL,
    PRIMARY KEY (space, erasure)
);
CREATE INDEX erasures_space_contact_idx ON contacts_api.erasures (space, contact);

CREATE TABLE contacts_api.receipts (
    space         text        NOT NULL,
    erasure       text        NOT NULL,
    slice         text        NOT NULL,
    fenced_at     timestamptz,
    erased_at     timestamptz,
    counts        jsonb       NOT NULL DEFAULT '{}',
    expires       jsonb       NOT NULL DEFAULT '[]',
    remaining     integer,
    PRIMARY KEY (space, erasure, slice)
);

-- Records of erased people: nothing more is accepted for them, and their ids answer "gone".
CREATE TABLE contacts_api.fences (
    space         text        NOT NULL,
    record        text        NOT NULL,
    erasure       text        NOT NULL,
    PRIMARY KEY (space, record)
);

-- Who did what to which contact. Ids and actions, never values: it outlives the person.
CREATE TABLE contacts_api.audit (
    space         text        NOT NULL,
    entry         text        NOT NULL COLLATE "C",
    at            timestamptz NOT NULL DEFAULT now(),
    actor_kind    text        NOT NULL,
    actor         text        NOT NULL,
    actor_name    text        NOT NULL,
    action        text        NOT NULL,
    contact       text,
    detail        jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (space, entry)
);
CREATE INDEX audit_space_at_idx ON contacts_api.audit (space, at, entry);
