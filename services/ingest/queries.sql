-- name: lock_spaces
-- One writer at a time in a space: claims are folded in order, and no event passes a fence that is
-- being put up. In the order of the locks themselves, so that two batches never wait for each other.
-- $1 spaces
SELECT pg_advisory_xact_lock(locks.space)
  FROM (SELECT DISTINCT hashtextextended(space, 0) AS space
          FROM unnest($1::text[]) AS wanted (space)
         ORDER BY 1) AS locks;

-- name: insert_events
-- Answers those that are new; the others were accepted before. Sorted, so that two copies that hold
-- one event each of the other's never deadlock.
-- $1 agents, $2 events, $3 accepted at
INSERT INTO ingest.accepted_events (agent, event, accepted_at)
SELECT new.agent, new.event, $3::timestamptz
  FROM unnest($1::text[], $2::text[]) AS new (agent, event)
 ORDER BY new.agent, new.event
    ON CONFLICT DO NOTHING
RETURNING agent, event;

-- name: find_conversations
-- $1 spaces, $2 conversations
SELECT c.space, c.conversation, c.session, c.record, c.anonymous,
       c.used_at < now() - interval '1 day' AS stale
  FROM unnest($1::text[], $2::text[]) AS wanted (space, conversation)
  JOIN ingest.conversations AS c USING (space, conversation);

-- name: find_claims
-- $1 spaces, $2 subjects
SELECT c.space, c.subject, c.claim, c.user_id, c.record, c.anonymous, c.refused,
       c.used_at < now() - interval '1 day' AS stale
  FROM unnest($1::text[], $2::text[]) AS wanted (space, subject)
  JOIN ingest.claims AS c USING (space, subject);

-- name: find_fences
-- $1 spaces, $2 records
SELECT f.space, f.record, f.mode, f.fenced_at
  FROM unnest($1::text[], $2::text[]) AS wanted (space, record)
  JOIN ingest.fences AS f USING (space, record);

-- name: find_typed_addresses
-- $1 spaces, $2 units
SELECT a.space, a.unit, a.address
  FROM unnest($1::text[], $2::text[]) AS wanted (space, unit)
  JOIN ingest.typed_addresses AS a USING (space, unit);

-- name: upsert_claims
-- A claim that was refused stays so while it is in force.
-- $1 spaces, $2 subjects, $3 claims, $4 user ids, $5 records, $6 anonymous records
INSERT INTO ingest.claims (space, subject, claim, user_id, record, anonymous)
SELECT new.space, new.subject, new.claim, new.user_id, new.record, new.anonymous
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS new (space, subject, claim, user_id, record, anonymous)
    ON CONFLICT (space, subject) DO UPDATE
   SET claim = excluded.claim, user_id = excluded.user_id, record = excluded.record,
       anonymous = excluded.anonymous, used_at = now(),
       refused = claims.refused AND claims.claim = excluded.claim;

-- name: refuse_claims
-- By record, because that is how they are found.
-- $1 spaces, $2 records, $3 claims
UPDATE ingest.claims AS c
   SET refused = true
  FROM unnest($1::text[], $2::text[], $3::text[]) AS void (space, record, claim)
 WHERE c.space = void.space AND c.record = void.record AND c.claim = void.claim;

-- name: end_claims
-- $1 spaces, $2 subjects
DELETE FROM ingest.claims AS c
 USING unnest($1::text[], $2::text[]) AS ended (space, subject)
 WHERE c.space = ended.space AND c.subject = ended.subject;

-- name: upsert_conversations
-- $1 spaces, $2 conversations, $3 sessions, $4 records, $5 anonymous records
INSERT INTO ingest.conversations (space, conversation, session, record, anonymous)
SELECT new.space, new.conversation, new.session, new.record, new.anonymous
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS new (space, conversation, session, record, anonymous)
    ON CONFLICT (space, conversation) DO UPDATE
   SET session = excluded.session, record = excluded.record, anonymous = excluded.anonymous,
       used_at = now();

-- name: insert_typed_addresses
-- $1 spaces, $2 units, $3 addresses, $4 records
INSERT INTO ingest.typed_addresses (space, unit, address, record)
SELECT new.space, new.unit, new.address, new.record
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS new (space, unit, address, record)
    ON CONFLICT DO NOTHING;

-- name: upsert_fences
-- The first fence stays: its time decides which events belong to what was erased.
-- $1 space, $2 records, $3 erasure, $4 mode, $5 fenced at, $6 ledger number
INSERT INTO ingest.fences (space, record, erasure, mode, fenced_at, ledger_no)
SELECT $1::text, record, $3::text, $4::text, $5::timestamptz, $6::bigint
  FROM unnest($2::text[]) AS fenced (record)
    ON CONFLICT (space, record) DO UPDATE
   SET mode = CASE WHEN excluded.mode = 'erase_and_suppress' THEN excluded.mode
                   ELSE fences.mode END;

-- name: lift_fences
-- A restore within the grace: the records live on.
-- $1 space, $2 erasure
DELETE FROM ingest.fences WHERE space = $1 AND erasure = $2;

-- name: fence_units_of_records
-- The anonymous records of the units in which an erased user was claimed. Without his claim, which
-- goes now, a late event of his would otherwise land there as a stranger's.
-- $1 space, $2 records
INSERT INTO ingest.fences (space, record, erasure, mode, fenced_at, ledger_no)
SELECT DISTINCT ON (units.anonymous)
       f.space, units.anonymous, f.erasure, f.mode, f.fenced_at, f.ledger_no
  FROM (SELECT space, record, anonymous FROM ingest.claims
         UNION ALL
        SELECT space, record, anonymous FROM ingest.conversations) AS units
  JOIN ingest.fences AS f USING (space, record)
 WHERE units.space = $1 AND units.record = ANY ($2::text[])
 ORDER BY units.anonymous, f.fenced_at DESC
    ON CONFLICT DO NOTHING;

-- name: erase_claims
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM ingest.claims WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: erase_conversations
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM ingest.conversations WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: erase_typed_addresses
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM ingest.typed_addresses WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: count_rows_of_records
-- What is left of these records: a receipt counts afresh and does not trust what was deleted.
-- $1 space, $2 records
SELECT (SELECT count(*) FROM ingest.claims WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM ingest.conversations WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM ingest.typed_addresses WHERE space = $1 AND record = ANY ($2::text[]));

-- name: upsert_receipt
-- The counts of the first time, which a repeated order finds again.
-- $1 space, $2 erasure, $3 counts
INSERT INTO ingest.receipts (space, erasure, counts)
VALUES ($1, $2, $3::text::jsonb)
    ON CONFLICT (space, erasure) DO UPDATE
   SET counts = (SELECT jsonb_object_agg(new.key, greatest(new.value::bigint,
                                         (receipts.counts ->> new.key)::bigint))
                   FROM jsonb_each_text(excluded.counts) AS new)
RETURNING counts::text;

-- name: prune_events
-- In portions, so that no lock lasts.
-- $1 accepted before, $2 rows
DELETE FROM ingest.accepted_events
 WHERE ctid IN (SELECT ctid FROM ingest.accepted_events WHERE accepted_at < $1 LIMIT $2);

-- name: prune_claims
-- In portions, too. Whoever comes back after that signs in anew.
-- $1 used before, $2 rows
DELETE FROM ingest.claims
 WHERE ctid IN (SELECT ctid FROM ingest.claims WHERE used_at < $1 LIMIT $2);

-- name: prune_conversations
-- $1 used before, $2 rows
DELETE FROM ingest.conversations
 WHERE ctid IN (SELECT ctid FROM ingest.conversations WHERE used_at < $1 LIMIT $2);

-- name: keep_answer
-- The first one stays: of two calls at once, both are given its answer.
-- $1 agent, $2 caller, $3 Idempotency-Key, $4 digest of the body, $5 answer, $6 now,
-- $7 one from before this is over
INSERT INTO ingest.answers AS a (agent, caller, once, digest, body, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (agent, caller, once) DO UPDATE
   SET digest = excluded.digest, body = excluded.body, created_at = excluded.created_at
 WHERE a.created_at <= $7;

-- name: find_answer
-- $1 agent, $2 caller, $3 Idempotency-Key, $4 not before
SELECT a.digest, a.body
  FROM ingest.answers AS a
 WHERE a.agent = $1
   AND a.caller = $2
   AND a.once = $3
   AND a.created_at > $4;

-- name: prune_answers
-- $1 created before, $2 rows
DELETE FROM ingest.answers
 WHERE ctid IN (SELECT ctid FROM ingest.answers WHERE created_at < $1 LIMIT $2);
