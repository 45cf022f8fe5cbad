-- Ids of accepted events, so that a second one is a duplicate. Kept longer than any topic, also for
-- erased people: else erasing a person would erase the protection against a replay.
CREATE TABLE ingest.accepted_events (
    agent       text        NOT NULL,
    event       text        NOT NULL,
    accepted_at timestamptz NOT NULL,
    PRIMARY KEY (agent, event)
);
-- Pruned by age.
CREATE INDEX accepted_events_accepted_at_idx ON ingest.accepted_events (accepted_at);

-- The claim in force for a session, or for a conversation, sender or browser without one.
CREATE TABLE ingest.claims (
    space     text NOT NULL,
    subject   text NOT NULL,
    claim     text NOT NULL,
    user_id   text NOT NULL,
    record    text NOT NULL,
    anonymous text NOT NULL,
    PRIMARY KEY (space, subject)
);
-- An erasure finds what it must delete by record.
CREATE INDEX claims_space_record_idx ON ingest.claims (space, record);

-- The session last seen in a conversation, whose claim holds for events that name no session.
CREATE TABLE ingest.conversations (
    space        text NOT NULL,
    conversation text NOT NULL,
    session      text,
    record       text NOT NULL,
    anonymous    text NOT NULL,
    PRIMARY KEY (space, conversation)
);
-- An erasure finds what it must delete by record.
CREATE INDEX conversations_space_record_idx ON ingest.conversations (space, record);

-- Typed e-mails and phones of a unit as keyed hashes: the sixth links nothing.
CREATE TABLE ingest.typed_addresses (
    space   text NOT NULL,
    unit    text NOT NULL,
    address text NOT NULL,
    record  text NOT NULL,
    PRIMARY KEY (space, unit, address)
);
-- An erasure finds what it must delete by record.
CREATE INDEX typed_addresses_space_record_idx ON ingest.typed_addresses (space, record);

-- Records that accept nothing more. Ids only: a unit may name a person.
CREATE TABLE ingest.fences (
    space     text        NOT NULL,
    record    text        NOT NULL,
    erasure   text        NOT NULL,
    mode      text        NOT NULL CHECK (mode IN ('erase', 'erase_and_suppress')),
    fenced_at timestamptz NOT NULL,
    ledger_no bigint      NOT NULL,
    PRIMARY KEY (space, record)
);
-- A restore lifts the fence of one erasure.
CREATE INDEX fences_space_erasure_idx ON ingest.fences (space, erasure);

-- What each erasure deleted here: an order that comes again is answered as the first time.
CREATE TABLE ingest.receipts (
    space   text  NOT NULL,
    erasure text  NOT NULL,
    counts  jsonb NOT NULL,
    PRIMARY KEY (space, erasure)
);
