-- name: find_visible
-- Events that are in the timeline of a contact, as a reader of the API would find them.
-- $1 numbers, $2 spaces, $3 records, $4 events
SELECT w.number
  FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS w (number, space, record, event)
  JOIN contacts_api.records AS r USING (space, record)
  JOIN contacts_api.contacts AS c ON c.space = r.space AND c.contact = r.contact
 WHERE EXISTS (SELECT FROM contacts_api.timeline AS t
                WHERE t.space = w.space AND t.record = w.record AND t.event_id = w.event);

-- name: count_open
-- Partitions in which a reader has not yet applied all that was committed to an outbox. One
-- snapshot: nothing is on its way when there are none.
WITH written AS (
    SELECT 'ingest' AS producer, topic, partition, last_seq FROM ingest.outbox_tails
     UNION ALL
    SELECT 'identity_verify', topic, partition, last_seq FROM identity_verify.outbox_tails
     UNION ALL
    SELECT 'merge_resolver', topic, partition, last_seq FROM merge_resolver.outbox_tails
), applied AS (
    SELECT 'identity_verify' AS reader, topic, partition, producer, last_seq
      FROM identity_verify.watermarks
     UNION ALL
    SELECT 'merge_resolver', topic, partition, producer, last_seq FROM merge_resolver.watermarks
     UNION ALL
    SELECT 'contacts_api', topic, partition, producer, last_seq FROM contacts_api.watermarks
     UNION ALL
    SELECT 'crm_sync', topic, partition, producer, last_seq FROM crm_sync.watermarks
), wanted (reader, topic) AS (
    VALUES ('identity_verify', 'contacts.identify.v1'),
           ('merge_resolver', 'contacts.interactions.v1'),
           ('contacts_api', 'contacts.interactions.v1'),
           ('merge_resolver', 'contacts.identity.v1'),
           ('contacts_api', 'contacts.changes.v1'),
           ('crm_sync', 'contacts.changes.v1')
)
SELECT count(*)
  FROM wanted AS n
  JOIN written AS w USING (topic)
  LEFT JOIN applied AS a USING (reader, topic, partition, producer)
 WHERE coalesce(a.last_seq, 0) < w.last_seq;

-- name: count_kept
-- What the read side holds, to be compared with what was accepted.
SELECT (SELECT count(*) FROM contacts_api.timeline) AS entries,
       (SELECT count(*) FROM contacts_api.contacts) AS contacts,
       (SELECT count(*) FROM contacts_api.records) AS records;

-- name: make_floor
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.floor (
    space        text        NOT NULL,
    event        text        NOT NULL,
    type         text        NOT NULL,
    channel      text        NOT NULL,
    session      text,
    conversation text,
    occurred_at  timestamptz NOT NULL,
    text         text,
    PRIMARY KEY (space, event)
);

-- name: make_one_by_one
-- The tables that a reader of one message at a time would keep for the same answers.
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE TABLE bench.accepted (space text, event text, PRIMARY KEY (space, event));
CREATE TABLE bench.contacts (
    space text, contact text, email text, first_at timestamptz, last_at timestamptz,
    PRIMARY KEY (space, contact)
);
CREATE INDEX contacts_email_idx ON bench.contacts (space, email);
CREATE INDEX contacts_last_at_idx ON bench.contacts (space, last_at);
CREATE TABLE bench.records (
    space text, record text, contact text, PRIMARY KEY (space, record)
);
CREATE TABLE bench.activity (
    space text, record text, channel text, last_at timestamptz,
    PRIMARY KEY (space, record, channel)
);
CREATE TABLE bench.timeline (
    space text, record text, at timestamptz, event text, type text, text text,
    PRIMARY KEY (space, record, at, event)
);

-- name: accept_one
INSERT INTO bench.accepted (space, event) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING event;

-- name: find_record
SELECT contact FROM bench.records WHERE space = $1 AND record = $2;

-- name: find_by_email
SELECT contact FROM bench.contacts WHERE space = $1 AND email = $2;

-- name: upsert_record
INSERT INTO bench.records (space, record, contact) VALUES ($1, $2, $3)
    ON CONFLICT (space, record) DO UPDATE SET contact = excluded.contact;

-- name: upsert_contact
INSERT INTO bench.contacts AS c (space, contact, email, first_at, last_at) VALUES ($1, $2, $3, $4, $4)
    ON CONFLICT (space, contact) DO UPDATE
   SET email = coalesce(excluded.email, c.email), last_at = greatest(c.last_at, excluded.last_at);

-- name: upsert_activity
INSERT INTO bench.activity AS a (space, record, channel, last_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (space, record, channel) DO UPDATE
   SET last_at = greatest(a.last_at, excluded.last_at);

-- name: insert_entry
INSERT INTO bench.timeline (space, record, at, event, type, text) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING;
