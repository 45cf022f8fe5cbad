-- name: read_only
-- A preview looks at one moment, whatever is committed while it reads. The first of its transaction.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;

-- name: insert_spaces
-- A space exists from its first message on.
-- $1 spaces
INSERT INTO merge_resolver.spaces (space)
SELECT space FROM unnest($1::text[]) AS new (space) ORDER BY space
    ON CONFLICT (space) DO NOTHING;

-- name: lock_spaces
-- One writer per space, whichever stream it reads; in one order, so that nobody waits in a circle.
-- $1 spaces
SELECT space, epoch, policies::text AS policies, rules_version
  FROM merge_resolver.spaces
 WHERE space = ANY ($1::text[])
 ORDER BY space
   FOR UPDATE;

-- name: list_policies
-- As lock_spaces, for whoever only reads.
-- $1 spaces
SELECT space, epoch, policies::text AS policies, rules_version
  FROM merge_resolver.spaces
 WHERE space = ANY ($1::text[]);

-- name: change_policies
-- Every blob is evaluated anew under them, from the first one on.
-- $1 spaces, $2 policies, $3 times
UPDATE merge_resolver.spaces AS s
   SET policies = new.policies::json, changed_at = new.at, rules_version = s.rules_version + 1,
       swept_to = ''
  FROM unnest($1::text[], $2::text[], $3::bigint[]) AS new (space, policies, at)
 WHERE s.space = new.space;

-- name: find_unswept
-- Spaces whose blobs are not all evaluated under their newest rules, and since when they have those.
SELECT space, changed_at FROM merge_resolver.spaces WHERE swept_to IS NOT NULL ORDER BY space LIMIT 10;

-- name: list_unswept_blobs
-- The next ones. The space is locked, so nobody else sweeps it.
-- $1 space, $2 blobs at once
SELECT r.blob
  FROM merge_resolver.spaces AS s
  JOIN merge_resolver.records AS r ON r.space = s.space AND r.blob > s.swept_to
 WHERE s.space = $1
 GROUP BY r.blob
 ORDER BY r.blob
 LIMIT $2;

-- name: list_blobs
-- All of a space, some at a time.
-- $1 space, $2 blob to go on after, $3 blobs at once
SELECT r.blob
  FROM merge_resolver.records AS r
 WHERE r.space = $1
   AND r.blob > $2
 GROUP BY r.blob
 ORDER BY r.blob
 LIMIT $3;

-- name: mark_swept
-- $1 space, $2 last blob, or none when all are through
UPDATE merge_resolver.spaces SET swept_to = $2 WHERE space = $1;

-- name: raise_epochs
-- What processes remember of these spaces may speak of somebody who is gone.
-- $1 spaces
UPDATE merge_resolver.spaces SET epoch = epoch + 1 WHERE space = ANY ($1::text[]);

-- name: find_fenced
-- $1 spaces, $2 records of which nothing more may be said
SELECT f.space, f.record
  FROM unnest($1::text[], $2::text[]) AS wanted (space, record)
  JOIN merge_resolver.fences AS f USING (space, record);

-- name: find_retracted
-- $1 spaces, $2 facts that may have been taken back before they came
SELECT r.space, r.fact
  FROM unnest($1::text[], $2::text[]) AS wanted (space, fact)
  JOIN merge_resolver.retracted AS r USING (space, fact);

-- name: find_blobs
-- Where records, units and identifiers of the batch lead. The spaces are locked.
-- $1 spaces, $2 kinds: record, unit or an identifier's type, $3 values
WITH wanted AS (
    SELECT space, kind, value FROM unnest($1::text[], $2::text[], $3::text[]) AS w (space, kind, value)
)
SELECT w.space, w.kind, w.value, r.blob
  FROM wanted AS w
  JOIN merge_resolver.records AS r ON r.space = w.space AND r.record = w.value
 WHERE w.kind = 'record'
 UNION
SELECT w.space, w.kind, w.value, r.blob
  FROM wanted AS w
  JOIN merge_resolver.records AS r ON r.space = w.space AND r.unit = w.value
 WHERE w.kind = 'unit'
 UNION
SELECT w.space, w.kind, w.value, i.blob
  FROM wanted AS w
  JOIN merge_resolver.identifiers AS i
    ON i.space = w.space AND i.type = w.kind AND i.key = w.value
 WHERE w.kind NOT IN ('record', 'unit');

-- name: list_records
-- The blobs, whole.
-- $1 spaces, $2 blobs
SELECT r.space, r.blob, r.record, r.unit, r.contact, r.verified_at, f.record IS NOT NULL AS fenced,
       EXISTS (SELECT 1
                 FROM merge_resolver.holds AS h
                WHERE h.space = r.space AND h.blob = r.blob AND h.released_at IS NULL) AS held
  FROM unnest($1::text[], $2::text[]) AS wanted (space, blob)
  JOIN merge_resolver.records AS r USING (space, blob)
  LEFT JOIN merge_resolver.fences AS f ON f.space = r.space AND f.record = r.record;

-- name: list_facts
-- $1 spaces, $2 blobs, loaded whole
SELECT f.space, r.blob, f.fact, f.record, f.kind, f.t, f.body::text AS body
  FROM unnest($1::text[], $2::text[]) AS wanted (space, blob)
  JOIN merge_resolver.records AS r USING (space, blob)
  JOIN merge_resolver.facts AS f ON f.space = r.space AND f.record = r.record;

-- name: list_contacts
-- A contact has the id of one of its records, so it is in that record's blob.
-- $1 spaces, $2 blobs
SELECT c.space, r.blob, c.contact, c.version, c.set_version, c.snapshot::text AS snapshot
  FROM unnest($1::text[], $2::text[]) AS wanted (space, blob)
  JOIN merge_resolver.records AS r USING (space, blob)
  JOIN merge_resolver.contacts AS c ON c.space = r.space AND c.contact = r.record;

-- name: list_decisions
-- About identifiers that these blobs have, or that the batch names.
-- $1 spaces, $2 blobs, $3 spaces, $4 types, $5 keys
SELECT d.space, d.fact, d.kind, d.type, d.key, d.t, i.blob
  FROM unnest($1::text[], $2::text[]) AS wanted (space, blob)
  JOIN merge_resolver.identifiers AS i USING (space, blob)
  JOIN merge_resolver.decisions AS d ON d.space = i.space AND d.type = i.type AND d.key = i.key
 UNION
SELECT d.space, d.fact, d.kind, d.type, d.key, d.t, NULL
  FROM unnest($3::text[], $4::text[], $5::text[]) AS named (space, type, key)
  JOIN merge_resolver.decisions AS d USING (space, type, key);

-- name: find_decisions
-- What these facts decided about identifiers. A revocation of several user ids is several.
-- $1 spaces, $2 facts
SELECT d.space, d.type, d.key
  FROM unnest($1::text[], $2::text[]) AS wanted (space, fact)
  JOIN merge_resolver.decisions AS d
    ON d.space = wanted.space AND d.fact = wanted.fact;

-- name: find_homes
-- The records that these facts are stored with.
-- $1 spaces, $2 facts
SELECT f.space, f.fact, f.record
  FROM unnest($1::text[], $2::text[]) AS wanted (space, fact)
  JOIN merge_resolver.facts AS f USING (space, fact);

-- name: find_merges
-- What is to be undone, by its own id or its link's. A link that was there twice: the last.
-- $1 spaces, $2 merges or links
SELECT m.space, wanted.name, m.merge, m.link, m.sides::text AS sides, m.undone_at
  FROM unnest($1::text[], $2::text[]) AS wanted (space, name)
  JOIN merge_resolver.merges AS m ON m.space = wanted.space AND m.merge = wanted.name
 UNION ALL
(SELECT m.space, wanted.name, m.merge, m.link, m.sides::text AS sides, m.undone_at
   FROM unnest($1::text[], $2::text[]) AS wanted (space, name)
   JOIN merge_resolver.merges AS m ON m.space = wanted.space AND m.link = wanted.name
  ORDER BY m.at);

-- name: find_standing_merges
-- Those that a split may take back: a merge is into a record of its blob. The latest first.
-- $1 spaces, $2 records
SELECT m.space, m.merge, m.into_contact, m.sides::text AS sides
  FROM unnest($1::text[], $2::text[]) AS wanted (space, into_contact)
  JOIN merge_resolver.merges AS m USING (space, into_contact)
 WHERE m.undone_at IS NULL
 ORDER BY m.at DESC, m.merge;

-- name: find_settled
-- $1 spaces, $2 commands that may have been settled before
SELECT s.space, s.command, s.body::text AS body
  FROM unnest($1::text[], $2::text[]) AS wanted (space, command)
  JOIN merge_resolver.settled AS s USING (space, command);

-- name: rename_blobs_of_records
-- Blobs that became one: the smaller ones take the name of the largest.
-- $1 spaces, $2 old blobs, $3 new blobs
UPDATE merge_resolver.records AS r
   SET blob = renamed.into_blob
  FROM unnest($1::text[], $2::text[], $3::text[]) AS renamed (space, blob, into_blob)
 WHERE r.space = renamed.space
   AND r.blob = renamed.blob;

-- name: rename_blobs_of_identifiers
-- The identifiers of such blobs.
-- $1 spaces, $2 old blobs, $3 new blobs
UPDATE merge_resolver.identifiers AS i
   SET blob = renamed.into_blob
  FROM unnest($1::text[], $2::text[], $3::text[]) AS renamed (space, blob, into_blob)
 WHERE i.space = renamed.space
   AND i.blob = renamed.blob;

-- name: rename_blobs_of_holds
-- With their blobs, released ones too: what was looked at is not held again.
-- $1 spaces, $2 old blobs, $3 new blobs
UPDATE merge_resolver.holds AS h
   SET blob = renamed.into_blob
  FROM unnest($1::text[], $2::text[], $3::text[]) AS renamed (space, blob, into_blob)
 WHERE h.space = renamed.space
   AND h.blob = renamed.blob;

-- name: find_holds_of
-- Whether these blobs were held for this before.
-- $1 spaces, $2 blobs
SELECT h.space, h.blob
  FROM unnest($1::text[], $2::text[]) AS wanted (space, blob)
  JOIN merge_resolver.holds AS h USING (space, blob)
 WHERE h.reason = 'work-cap';

-- name: insert_hold
-- $1 space, $2 hold, $3 blob, $4 reason, $5 fact, $6 contacts, $7 when
INSERT INTO merge_resolver.holds (space, hold, blob, reason, fact, contacts, held_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (space, hold) DO NOTHING;

-- name: list_holds
-- What somebody must look at, the oldest first.
SELECT h.space, h.hold, h.reason, h.fact, h.contacts, h.held_at
  FROM merge_resolver.holds AS h
 WHERE h.released_at IS NULL
 ORDER BY h.held_at, h.hold
 LIMIT 200;

-- name: find_hold
-- $1 hold
SELECT h.space, h.blob, h.held_at, h.released_at FROM merge_resolver.holds AS h WHERE h.hold = $1;

-- name: mark_released
-- $1 space, $2 hold, $3 when
UPDATE merge_resolver.holds
   SET released_at = $3
 WHERE space = $1 AND hold = $2 AND released_at IS NULL
RETURNING blob;

-- name: list_merges_since
-- Of these contacts' records, what was merged while it was held and still stands.
-- $1 space, $2 records, $3 since
SELECT m.merge, m.into_contact, m.absorbed, m.cause, m.evidence::text AS evidence, m.link, m.at
  FROM merge_resolver.merges AS m
 WHERE m.space = $1
   AND m.into_contact = ANY ($2::text[])
   AND m.at >= $3
   AND m.undone_at IS NULL
 ORDER BY m.at, m.merge;

-- name: upsert_records
-- Which contact each record is in now.
-- $1 spaces, $2 records, $3 units, $4 blobs, $5 contacts, $6 verified at
INSERT INTO merge_resolver.records (space, record, unit, blob, contact, verified_at)
SELECT space, record, unit, blob, contact, verified_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS new (space, record, unit, blob, contact, verified_at)
    ON CONFLICT (space, record) DO UPDATE
   SET unit = excluded.unit, blob = excluded.blob, contact = excluded.contact,
       verified_at = excluded.verified_at;

-- name: insert_identifiers
-- One that is there leads to the same blob: else the blobs had become one.
-- $1 spaces, $2 types, $3 keys, $4 blobs
INSERT INTO merge_resolver.identifiers (space, type, key, blob)
SELECT space, type, key, blob
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (space, type, key, blob)
    ON CONFLICT (space, type, key) DO NOTHING;

-- name: upsert_facts
-- A fact never changes; only an erasure shortens a decision that names others too.
-- $1 spaces, $2 facts, $3 records, $4 kinds, $5 times, $6 bodies
INSERT INTO merge_resolver.facts (space, fact, record, kind, t, body)
SELECT space, fact, record, kind, t, body::json
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[])
    AS new (space, fact, record, kind, t, body)
    ON CONFLICT (space, fact) DO UPDATE
   SET record = excluded.record, body = excluded.body;

-- name: delete_facts
-- Taken back, or gone with their record.
-- $1 spaces, $2 facts
DELETE FROM merge_resolver.facts AS f
 USING unnest($1::text[], $2::text[]) AS gone (space, fact)
 WHERE f.space = gone.space
   AND f.fact = gone.fact;

-- name: insert_decisions
-- $1 spaces, $2 facts, $3 kinds, $4 types, $5 keys, $6 times
INSERT INTO merge_resolver.decisions (space, fact, kind, type, key, t)
SELECT space, fact, kind, type, key, t
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
    AS new (space, fact, kind, type, key, t)
    ON CONFLICT (space, fact) DO NOTHING;

-- name: delete_decisions
-- $1 spaces, $2 facts that were taken back
DELETE FROM merge_resolver.decisions AS d
 USING unnest($1::text[], $2::text[]) AS gone (space, fact)
 WHERE d.space = gone.space
   AND d.fact = gone.fact;

-- name: insert_retracted
-- So that they stay away.
-- $1 spaces, $2 facts
INSERT INTO merge_resolver.retracted (space, fact)
SELECT space, fact FROM unnest($1::text[], $2::text[]) AS new (space, fact)
    ON CONFLICT DO NOTHING;

-- name: upsert_contacts
-- The version follows when the message that carries the snapshot has its sequence.
-- $1 spaces, $2 contacts, $3 snapshots
INSERT INTO merge_resolver.contacts (space, contact, snapshot)
SELECT space, contact, snapshot::json
  FROM unnest($1::text[], $2::text[], $3::text[]) AS new (space, contact, snapshot)
    ON CONFLICT (space, contact) DO UPDATE SET snapshot = excluded.snapshot;

-- name: mark_versions
-- A contact's version is the sequence of the message that carries it.
-- $1 spaces, $2 contacts, $3 versions, $4 whether the set of records changed
UPDATE merge_resolver.contacts AS c
   SET version = sent.version,
       set_version = CASE WHEN sent.moved THEN sent.version ELSE c.set_version END
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[])
    AS sent (space, contact, version, moved)
 WHERE c.space = sent.space
   AND c.contact = sent.contact;

-- name: delete_contacts
-- No record is in them any more.
-- $1 spaces, $2 contacts
DELETE FROM merge_resolver.contacts AS c
 USING unnest($1::text[], $2::text[]) AS gone (space, contact)
 WHERE c.space = gone.space
   AND c.contact = gone.contact;

-- name: insert_merges
-- As one document each: a row has lists in it.
-- $1 rows
INSERT INTO merge_resolver.merges
       (space, merge, into_contact, absorbed, cause, link, rules_version, evidence, sides, at)
SELECT new.space, new.merge, new.into_contact,
       ARRAY(SELECT json_array_elements_text(new.absorbed)), new.cause, new.link,
       new.rules_version, new.evidence, new.sides, new.at
  FROM json_to_recordset($1::text::json)
    AS new (space text, merge text, into_contact text, absorbed json, cause text, link text,
            rules_version integer, evidence json, sides json, at timestamptz)
    ON CONFLICT (space, merge) DO NOTHING;

-- name: mark_undone
-- $1 spaces, $2 merges that a split took back, $3 times
UPDATE merge_resolver.merges AS m
   SET undone_at = undone.at
  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS undone (space, merge, at)
 WHERE m.space = undone.space
   AND m.merge = undone.merge;

-- name: insert_settled
-- $1 spaces, $2 commands, $3 contacts, $4 bodies, so that a repeat ends the same way
INSERT INTO merge_resolver.settled (space, command, contact, body)
SELECT space, command, contact, body::json
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS new (space, command, contact, body)
    ON CONFLICT (space, command) DO NOTHING;

-- name: get_erasure
-- The contact whose set this erasure fixed, if it did.
-- $1 space, $2 erasure
SELECT contact FROM merge_resolver.erasures WHERE space = $1 AND erasure = $2;

-- name: insert_erasure
-- $1 space, $2 erasure, $3 contact whose set is fixed
INSERT INTO merge_resolver.erasures (space, erasure, contact)
VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING;

-- name: list_fenced
-- The set that an erasure fixed.
-- $1 space, $2 erasure
SELECT record FROM merge_resolver.fences WHERE space = $1 AND erasure = $2 ORDER BY record;

-- name: insert_fences
-- The first erasure that names a record keeps it.
-- $1 space, $2 records, $3 erasure
INSERT INTO merge_resolver.fences (space, record, erasure)
SELECT $1::text, record, $3::text
  FROM unnest($2::text[]) AS fenced (record)
    ON CONFLICT DO NOTHING;

-- name: lift_fences
-- A restore within the grace: exactly what was there comes back.
-- $1 space, $2 erasure
WITH lifted AS (
    DELETE FROM merge_resolver.erasures WHERE space = $1 AND erasure = $2
)
DELETE FROM merge_resolver.fences WHERE space = $1 AND erasure = $2 RETURNING record;

-- name: erase_records
-- Rows of the erased records that nothing else holds; facts go by delete_facts.
-- $1 space, $2 records
DELETE FROM merge_resolver.records WHERE space = $1 AND record = ANY ($2::text[]);

-- name: erase_identifiers
-- What nobody in these blobs claims any more, and what was decided about it.
-- $1 space, $2 blobs, $3 types and $4 keys that are still claimed
WITH gone AS (
    DELETE FROM merge_resolver.identifiers AS i
     WHERE i.space = $1
       AND i.blob = ANY ($2::text[])
       AND NOT EXISTS (SELECT 1
                         FROM unnest($3::text[], $4::text[]) AS kept (type, key)
                        WHERE kept.type = i.type AND kept.key = i.key)
    RETURNING i.space, i.type, i.key
), undecided AS (
    DELETE FROM merge_resolver.decisions AS d
     USING gone
     WHERE d.space = gone.space AND d.type = gone.type AND d.key = gone.key
)
SELECT count(*) FROM gone;

-- name: erase_merges
-- The journal of an erased person goes with the person.
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM merge_resolver.merges
     WHERE space = $1
       AND (into_contact = ANY ($2::text[]) OR absorbed && $2::text[])
    RETURNING 1
)
SELECT count(*) FROM gone;

-- name: erase_settled
-- $1 space, $2 records that the answer to a command may name
DELETE FROM merge_resolver.settled WHERE space = $1 AND contact = ANY ($2::text[]);

-- name: count_rows_of_records
-- What is left of these records: a receipt counts afresh and does not trust what was deleted.
-- $1 space, $2 records
SELECT (SELECT count(*) FROM merge_resolver.facts WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM merge_resolver.records WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM merge_resolver.contacts WHERE space = $1 AND contact = ANY ($2::text[]))
     + (SELECT count(*) FROM merge_resolver.settled WHERE space = $1 AND contact = ANY ($2::text[]))
     + (SELECT count(*)
          FROM merge_resolver.merges
         WHERE space = $1
           AND (into_contact = ANY ($2::text[]) OR absorbed && $2::text[]));

-- name: upsert_receipt
-- The counts of the first time, which a repeated order finds again.
-- $1 space, $2 erasure, $3 counts
INSERT INTO merge_resolver.receipts (space, erasure, counts)
VALUES ($1, $2, $3::text::jsonb)
    ON CONFLICT (space, erasure) DO UPDATE
   SET counts = (SELECT jsonb_object_agg(new.key, greatest(new.value::bigint,
                                         (receipts.counts ->> new.key)::bigint))
                   FROM jsonb_each_text(excluded.counts) AS new)
RETURNING counts::text;
