-- name: lock_spaces
-- No verdict passes a fence that is being put up. In the order of the locks themselves, so that two
-- batches never wait for each other.
-- $1 spaces
SELECT pg_advisory_xact_lock(locks.space)
  FROM (SELECT DISTINCT hashtextextended(space, 0) AS space
          FROM unnest($1::text[]) AS wanted (space)
         ORDER BY 1) AS locks;

-- name: lock_agent
-- One change of an agent's keys at a time: they are counted, and a repeated call makes one.
-- $1 agent
SELECT pg_advisory_xact_lock(hashtextextended('identity secrets ' || $1, 0));

-- name: find_made_secret
-- $1 agent, $2 Idempotency-Key, $3 not before
SELECT id, sealed, algorithm, encoding, label, asked
  FROM identity_verify.secrets
 WHERE agent = $1
   AND once = $2
   AND created_at > $3
   AND deleted_at IS NULL;

-- name: forget_call
-- $1 agent, $2 Idempotency-Key
UPDATE identity_verify.secrets SET once = NULL, asked = NULL WHERE agent = $1 AND once = $2;

-- name: list_live_secrets
-- $1 agents, $2 now
SELECT agent, id, sealed, encoding, algorithm, created_at
  FROM identity_verify.secrets
 WHERE agent = ANY ($1::text[])
   AND (ends_at IS NULL OR ends_at > $2)
   AND deleted_at IS NULL
 ORDER BY agent, created_at DESC, id;

-- name: list_secrets
-- Also those that have ended, until they are deleted: a page shows what was.
-- $1 agent
SELECT id, label, algorithm, encoding, created_at, ends_at
  FROM identity_verify.secrets
 WHERE agent = $1
   AND deleted_at IS NULL
 ORDER BY created_at DESC, id;

-- name: insert_secret
-- One that was there already lives on without an end, also after it was deleted; its age stays.
-- $1 agent, $2 id, $3 sealed, $4 fingerprint, $5 encoding, $6 label, $7 created at, $8 algorithm,
-- $9 Idempotency-Key, $10 digest of the call
INSERT INTO identity_verify.secrets
       (agent, id, sealed, fingerprint, encoding, label, created_at, algorithm, once, asked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    ON CONFLICT (agent, fingerprint) DO UPDATE
   SET ends_at = NULL, deleted_at = NULL, sealed = excluded.sealed, encoding = excluded.encoding
RETURNING id;

-- name: end_other_secrets
-- Of the same algorithm. An overlap never lengthens what ends sooner anyhow.
-- $1 agent, $2 id that stays, $3 ends at, $4 algorithm
UPDATE identity_verify.secrets
   SET ends_at = least(coalesce(ends_at, $3), $3)
 WHERE agent = $1
   AND id <> $2
   AND algorithm = $4
   AND deleted_at IS NULL;

-- name: delete_secret
-- $1 agent, $2 id, $3 now
UPDATE identity_verify.secrets
   SET deleted_at = $3, sealed = '', label = '', once = NULL, asked = NULL
 WHERE agent = $1
   AND id = $2
   AND deleted_at IS NULL
RETURNING id;

-- name: upsert_revocations
-- The latest counts.
-- $1 spaces, $2 keyed hashes of user ids, $3 revoked at
INSERT INTO identity_verify.revocations (space, person, revoked_at)
SELECT new.space, new.person, max(new.revoked_at)
  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS new (space, person, revoked_at)
 GROUP BY new.space, new.person
 ORDER BY new.space, new.person
    ON CONFLICT (space, person) DO UPDATE
   SET revoked_at = greatest(revocations.revoked_at, excluded.revoked_at);

-- name: find_revocations
-- $1 spaces, $2 keyed hashes of user ids
SELECT r.space, r.person, r.revoked_at
  FROM unnest($1::text[], $2::text[]) AS wanted (space, person)
  JOIN identity_verify.revocations AS r USING (space, person);

-- name: find_attempts
-- Failed attempts by unit.
-- $1 spaces, $2 units, $3 not before
SELECT a.space, a.unit, sum(a.failed)::int AS failed
  FROM unnest($1::text[], $2::text[]) AS wanted (space, unit)
  JOIN identity_verify.attempts AS a USING (space, unit)
 WHERE a.since > $3
 GROUP BY a.space, a.unit;

-- name: upsert_attempts
-- Counted from the first of a period; one that is over begins anew.
-- $1 spaces, $2 units, $3 records, $4 failed, $5 now, $6 a period that began before this is over
INSERT INTO identity_verify.attempts AS a (space, unit, record, failed, since)
SELECT new.space, new.unit, new.record, new.failed, $5::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS new (space, unit, record, failed)
 ORDER BY new.space, new.unit, new.record
    ON CONFLICT (space, unit, record) DO UPDATE
   SET failed = excluded.failed + CASE WHEN a.since > $6 THEN a.failed ELSE 0 END,
       since = CASE WHEN a.since > $6 THEN a.since ELSE excluded.since END;

-- name: prune_attempts
-- $1 begun before
DELETE FROM identity_verify.attempts WHERE since < $1;

-- name: insert_verdicts
-- $1 spaces, $2 claims, $3 records, $4 outcomes, $5 at
INSERT INTO identity_verify.verdicts (space, claim, record, outcome, at)
SELECT new.space, new.claim, new.record, new.outcome, $5::timestamptz
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
    AS new (space, claim, record, outcome)
 ORDER BY new.space, new.claim
    ON CONFLICT (space, claim) DO NOTHING;

-- name: find_fenced
-- $1 spaces, $2 records
SELECT f.space, f.record
  FROM unnest($1::text[], $2::text[]) AS wanted (space, record)
  JOIN identity_verify.fences AS f USING (space, record);

-- name: insert_fences
-- $1 space, $2 records, $3 erasure
INSERT INTO identity_verify.fences (space, record, erasure)
SELECT $1::text, record, $3::text
  FROM unnest($2::text[]) AS fenced (record)
    ON CONFLICT DO NOTHING;

-- name: lift_fences
-- A restore within the grace: the records live on.
-- $1 space, $2 erasure
DELETE FROM identity_verify.fences WHERE space = $1 AND erasure = $2;

-- name: erase_verdicts
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM identity_verify.verdicts WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: erase_attempts
-- $1 space, $2 records
WITH gone AS (
    DELETE FROM identity_verify.attempts WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1
)
SELECT count(*) FROM gone;

-- name: count_rows_of_records
-- What is left of these records: a receipt counts afresh and does not trust what was deleted.
-- $1 space, $2 records
SELECT (SELECT count(*) FROM identity_verify.verdicts
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM identity_verify.attempts
         WHERE space = $1 AND record = ANY ($2::text[]));

-- name: upsert_receipt
-- The counts of the first time, which a repeated order finds again.
-- $1 space, $2 erasure, $3 counts
INSERT INTO identity_verify.receipts (space, erasure, counts)
VALUES ($1, $2, $3::text::jsonb)
    ON CONFLICT (space, erasure) DO UPDATE
   SET counts = (SELECT jsonb_object_agg(new.key, greatest(new.value::bigint,
                                         (receipts.counts ->> new.key)::bigint))
                   FROM jsonb_each_text(excluded.counts) AS new)
RETURNING counts::text;
