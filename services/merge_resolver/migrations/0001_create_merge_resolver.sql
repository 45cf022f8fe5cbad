-- A space has one writer at a time: whoever holds its row. The epoch rises with every erasure, so
-- that what a process remembers of older epochs is forgotten.
CREATE TABLE merge_resolver.spaces (
    space text   NOT NULL,
    epoch bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (space)
);

-- Source records: never moved, only found in another contact. A blob is a set of records that
-- nothing outside of it can touch; it may be larger than needed, never smaller.
CREATE TABLE merge_resolver.records (
    space       text   NOT NULL,
    record      text   NOT NULL,
    unit        text   NOT NULL,
    blob        text   NOT NULL,
    contact     text,
    verified_at bigint,
    PRIMARY KEY (space, record)
);
-- A blob is loaded whole.
CREATE INDEX records_space_blob_idx ON merge_resolver.records (space, blob);
-- Records of one unit share a blob.
CREATE INDEX records_space_unit_idx ON merge_resolver.records (space, unit);

-- Which blob an identifier leads to.
CREATE TABLE merge_resolver.identifiers (
    space text NOT NULL,
    type  text NOT NULL,
    key   text NOT NULL,
    blob  text NOT NULL,
    PRIMARY KEY (space, type, key)
);
-- When blobs become one, and when an erasure leaves identifiers that nobody claims.
CREATE INDEX identifiers_space_blob_idx ON merge_resolver.identifiers (space, blob);

-- Observations and decisions, each with the record that it goes with. `json` keeps numbers as sent,
-- so that a snapshot made again is the same to the byte.
CREATE TABLE merge_resolver.facts (
    space  text   NOT NULL,
    fact   text   NOT NULL,
    record text   NOT NULL,
    kind   text   NOT NULL CHECK (kind IN ('Observe', 'Link', 'Separate')),
    t      bigint NOT NULL,
    body   json   NOT NULL,
    PRIMARY KEY (space, fact)
);
-- The facts of a blob are those of its records.
CREATE INDEX facts_space_record_idx ON merge_resolver.facts (space, record);

-- What was taken back stays so, also when the fact itself arrives once more.
CREATE TABLE merge_resolver.retracted (
    space text NOT NULL,
    fact  text NOT NULL,
    PRIMARY KEY (space, fact)
);

-- The last snapshot sent of each contact, and under which sequence; set_version is the one since
-- which it has had the records that it has.
CREATE TABLE merge_resolver.contacts (
    space       text   NOT NULL,
    contact     text   NOT NULL,
    version     bigint NOT NULL DEFAULT 0,
    set_version bigint NOT NULL DEFAULT 0,
    snapshot    json   NOT NULL,
    PRIMARY KEY (space, contact)
);

-- The merge journal: who came to whom, why, and the sides as they were.
CREATE TABLE merge_resolver.merges (
    space         text        NOT NULL,
    merge         text        NOT NULL,
    into_contact  text        NOT NULL,
    absorbed      text[]      NOT NULL,
    cause         text        NOT NULL,
    link          text,
    rules_version integer     NOT NULL,
    evidence      json,
    sides         json        NOT NULL,
    at            timestamptz NOT NULL,
    undone_at     timestamptz,
    PRIMARY KEY (space, merge)
);
-- An undo finds the merge by its link.
CREATE INDEX merges_space_link_idx ON merge_resolver.merges (space, link);
-- A split finds the merges that it takes back.
CREATE INDEX merges_space_into_contact_idx ON merge_resolver.merges (space, into_contact);

-- Records that nothing more may be said of: hidden by an erasure, and gone after it.
CREATE TABLE merge_resolver.fences (
    space   text NOT NULL,
    record  text NOT NULL,
    erasure text NOT NULL,
    PRIMARY KEY (space, record)
);
-- An erasure finds the set that it fixed.
CREATE INDEX fences_space_erasure_idx ON merge_resolver.fences (space, erasure);

-- Erasures in hand: the contact whose set was fixed.
CREATE TABLE merge_resolver.erasures (
    space   text NOT NULL,
    erasure text NOT NULL,
    contact text NOT NULL,
    PRIMARY KEY (space, erasure)
);

-- What each erasure deleted here: an order that comes again is answered as the first time.
CREATE TABLE merge_resolver.receipts (
    space   text  NOT NULL,
    erasure text  NOT NULL,
    counts  jsonb NOT NULL,
    PRIMARY KEY (space, erasure)
);

-- How each command ended: one that comes again ends the same way.
CREATE TABLE merge_resolver.settled (
    space      text        NOT NULL,
    command    text        NOT NULL,
    contact    text,
    body       json        NOT NULL,
    settled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (space, command)
);
-- An erasure deletes what names the contact.
CREATE INDEX settled_space_contact_idx ON merge_resolver.settled (space, contact);
