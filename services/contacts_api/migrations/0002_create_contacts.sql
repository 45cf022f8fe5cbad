-- The list: what it sorts by, apart from what it searches, so that a new last_seen_at rewrites
-- neither the search text nor its index.
CREATE TABLE contacts_api.contacts (
    space         text        NOT NULL,
    contact       text        NOT NULL,
    version       bigint      NOT NULL,
    kind          text        NOT NULL,
    verified      boolean     NOT NULL,
    audience      text        NOT NULL COLLATE "C",
    -- Sort keys: accents off, case folded; what is blank sorts last.
    name          text        NOT NULL COLLATE "C",
    email         text        NOT NULL COLLATE "C",
    company       text        NOT NULL COLLATE "C",
    external_id   text        NOT NULL COLLATE "C",
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    -- '-infinity': never seen on any channel.
    last_seen_at  timestamptz NOT NULL DEFAULT '-infinity',
    -- Set while an erasure was asked for and the resolver has not yet fixed its set: hidden.
    erasure       text,
    PRIMARY KEY (space, contact)
);
CREATE INDEX contacts_space_last_seen_at_idx ON contacts_api.contacts (space, last_seen_at, contact);
CREATE INDEX contacts_space_known_last_seen_at_idx
    ON contacts_api.contacts (space, last_seen_at, contact) WHERE kind <> 'anonymous';
CREATE INDEX contacts_space_created_at_idx  ON contacts_api.contacts (space, created_at, contact);
CREATE INDEX contacts_space_updated_at_idx  ON contacts_api.contacts (space, updated_at, contact);
CREATE INDEX contacts_space_name_idx        ON contacts_api.contacts (space, name, contact);
CREATE INDEX contacts_space_email_idx       ON contacts_api.contacts (space, email, contact);
CREATE INDEX contacts_space_company_idx     ON contacts_api.contacts (space, company, contact);
CREATE INDEX contacts_space_external_id_idx ON contacts_api.contacts (space, external_id, contact);
CREATE INDEX contacts_space_audience_idx    ON contacts_api.contacts (space, audience, contact);

CREATE TABLE contacts_api.profiles (
    space         text        NOT NULL,
    contact       text        NOT NULL,
    snapshot      jsonb       NOT NULL,
    search        text        NOT NULL,
    tags          text[]      NOT NULL,
    attributes    jsonb       NOT NULL,
    -- Every e-mail, phone and user id by key, as 'email:…', 'phone:…', 'user:…'.
    keys          text[]      NOT NULL,
    PRIMARY KEY (space, contact),
    CONSTRAINT profiles_contact_fkey FOREIGN KEY (space, contact)
        REFERENCES contacts_api.contacts ON DELETE CASCADE
);

-- With the space in it an index does not read other spaces' rows. A server without the contrib
-- extensions still answers, from the plain indexes or by reading the space.
DO $$
DECLARE
    trigrams text;
    spaced   text := '';
BEGIN
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'btree_gin') THEN
        CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA contacts_api;
        spaced := 'space, ';
    END IF;
    IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
        CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA contacts_api;
        SELECT n.nspname INTO trigrams
          FROM pg_extension AS e
          JOIN pg_namespace AS n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_trgm';
        EXECUTE format('CREATE INDEX profiles_space_search_idx ON contacts_api.profiles'
                       ' USING gin (%s search %I.gin_trgm_ops)', spaced, trigrams);
    END IF;
    EXECUTE format('CREATE INDEX profiles_space_tags_idx ON contacts_api.profiles'
                   ' USING gin (%s tags)', spaced);
    EXECUTE format('CREATE INDEX profiles_space_keys_idx ON contacts_api.profiles'
                   ' USING gin (%s keys)', spaced);
    EXECUTE format('CREATE INDEX profiles_space_attributes_idx ON contacts_api.profiles'
                   ' USING gin (%s attributes jsonb_path_ops)', spaced);
END
$$;

-- Every record that was ever named, and the contact that it is in now: each id keeps resolving.
CREATE TABLE contacts_api.records (
    space         text        NOT NULL,
    record        text        NOT NULL,
    contact       text,
    unit          text        NOT NULL DEFAULT '',
    verified_user text,
    verified_at   timestamptz,
    -- It was a contact's id at some time, so somebody may hold it.
    stood         boolean     NOT NULL DEFAULT false,
    sequence      bigint      NOT NULL,
    PRIMARY KEY (space, record)
);
CREATE INDEX records_space_contact_idx ON contacts_api.records (space, contact);

-- What a record did on a channel, and in which conversation ('' for none). A contact's counters
-- are the sums over its records, so that a merge rewrites nothing.
CREATE TABLE contacts_api.activity (
    space         text        NOT NULL,
    record        text        NOT NULL,
    channel       text        NOT NULL,
    conversation  text        NOT NULL,
    first_at      timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    -- The person's own doing only: an answer of ours is no sign of him.
    seen_at       timestamptz NOT NULL,
    PRIMARY KEY (space, record, channel, conversation)
);
CREATE INDEX activity_space_conversation_idx
    ON contacts_api.activity (space, conversation) WHERE conversation <> '';

-- The record that a conversation's newest event belongs to: what it proves is all it may read.
CREATE TABLE contacts_api.conversations (
    space         text        NOT NULL,
    agent         text        NOT NULL,
    conversation  text        NOT NULL,
    record        text        NOT NULL,
    sequence      bigint      NOT NULL,
    PRIMARY KEY (space, agent, conversation)
);
CREATE INDEX conversations_space_record_idx ON contacts_api.conversations (space, record);

CREATE TABLE contacts_api.timeline (
    space         text        NOT NULL,
    record        text        NOT NULL,
    at            timestamptz NOT NULL,
    entry         text        NOT NULL COLLATE "C",
    type          text        NOT NULL,
    channel       text        NOT NULL,
    conversation  text,
    event_id      text        NOT NULL,
    message_id    text,
    direction     text,
    author        text,
    text          text,
    detail        jsonb       NOT NULL,
    PRIMARY KEY (space, record, at, entry)
);

CREATE TABLE contacts_api.merges (
    space         text        NOT NULL,
    merge         text        NOT NULL,
    into_contact  text        NOT NULL,
    absorbed      text[]      NOT NULL,
    -- Both of them, to find the merges of a contact by any id it ever had.
    parties       text[]      NOT NULL,
    cause         text        NOT NULL,
    evidence      jsonb,
    link          text,
    actor         text,
    at            timestamptz NOT NULL,
    undone_at     timestamptz,
    PRIMARY KEY (space, merge)
);
CREATE INDEX merges_parties_idx ON contacts_api.merges USING gin (parties);

CREATE TABLE contacts_api.crm_connections (
    space         text        NOT NULL,
    connection    text        NOT NULL,
    kind          text        NOT NULL,
    label         text        NOT NULL,
    state         text        NOT NULL,
    reason        text,
    sequence      bigint      NOT NULL,
    PRIMARY KEY (space, connection)
);

CREATE TABLE contacts_api.crm_states (
    space         text        NOT NULL,
    contact       text        NOT NULL,
    connection    text        NOT NULL,
    kind          text        NOT NULL,
    state         text        NOT NULL,
    reason        text,
    remote_id     text,
    remote_url    text,
    synced_at     timestamptz,
    sequence      bigint      NOT NULL,
    PRIMARY KEY (space, contact, connection)
);

CREATE TABLE contacts_api.notes (
    space         text        NOT NULL,
    note          text        NOT NULL COLLATE "C",
    -- The record it was written on: after an unmerge each side has its own again.
    record        text        NOT NULL,
    text          text        NOT NULL,
    author        text        NOT NULL,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (space, note)
);
CREATE INDEX notes_space_record_idx ON contacts_api.notes (space, record, created_at, note);
