-- What every service has beside its own tables. Unqualified: it stands in each service's schema.

-- The one row whose lock makes commit order sequence order.
CREATE TABLE outbox_head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_seq bigint  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO outbox_head (last_seq) VALUES (0);

-- The last sequence of each partition: the "previous" of its next message.
CREATE TABLE outbox_tails (
    topic     text    NOT NULL,
    partition integer NOT NULL,
    last_seq  bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE outbox (
    seq        bigint      PRIMARY KEY,
    prev       bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    key        bytea       NOT NULL,
    headers    json        NOT NULL,
    body       bytea       NOT NULL
);

-- All rows up to here are acknowledged by the broker; moved by compare-and-set.
CREATE TABLE relay_mark (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_seq bigint  NOT NULL
) WITH (fillfactor = 10);
INSERT INTO relay_mark (last_seq) VALUES (0);

-- The last acknowledged offset of each partition: a log that ends before it was cut.
CREATE TABLE relay_offsets (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    last_offset bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- The truth about what was applied. Offset and time are for people and lag only.
CREATE TABLE watermarks (
    topic          text    NOT NULL,
    partition      integer NOT NULL,
    producer       text    NOT NULL,
    last_seq       bigint,
    last_offset    bigint,
    last_append_at timestamptz,
    PRIMARY KEY (topic, partition, producer)
) WITH (fillfactor = 50);

-- Messages this service gave up, with the reason. The id is their place in the log and their hash,
-- so that a redelivery is not counted twice.
CREATE TABLE dead_letters (
    id            text        PRIMARY KEY,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    record_offset bigint      NOT NULL,
    appended_at   timestamptz NOT NULL,
    type          text        NOT NULL,
    slug          text        NOT NULL,
    key           bytea,
    headers       json        NOT NULL,
    body          bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    redriven_at   timestamptz
);
