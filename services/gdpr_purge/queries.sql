-- name: insert_cases
-- Whatever is heard of an erasure first opens its case.
-- $1 spaces, $2 erasures
INSERT INTO gdpr_purge.erasures (space, erasure, state)
SELECT space, erasure, 'requested'
  FROM unnest($1::text[], $2::text[]) AS named (space, erasure)
ON CONFLICT (space, erasure) DO NOTHING;

-- name: lock_cases
-- $1 spaces, $2 erasures
SELECT e.space, e.erasure, e.contact, e.mode, e.grace_days, e.requested_by, e.requested_at,
       e.records, e.ids, e.scoped, e.state, e.reason, e.fence_no, e.erase_no, e.fenced_at, e.due_at
  FROM unnest($1::text[], $2::text[]) AS named (space, erasure)
  JOIN gdpr_purge.erasures AS e USING (space, erasure)
 ORDER BY e.space, e.erasure
   FOR UPDATE OF e;

-- name: find_receipts
-- $1 spaces, $2 erasures
SELECT r.space, r.erasure, r.step, r.slice, r.counts, r.expires, r.left_over, r.at
  FROM unnest($1::text[], $2::text[]) AS named (space, erasure)
  JOIN gdpr_purge.receipts AS r USING (space, erasure)
 ORDER BY r.space, r.erasure, r.step, r.slice;

-- name: upsert_receipts
-- The last answer of a slice counts: one that failed may succeed later.
-- $1 [{space, erasure, step, slice, counts, expires, left_over, at}]
INSERT INTO gdpr_purge.receipts (space, erasure, step, slice, counts, expires, left_over, at)
SELECT space, erasure, step, slice, counts, expires, left_over, at
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, erasure text, step text, slice text, counts jsonb, expires jsonb,
          left_over integer, at timestamptz)
ON CONFLICT (space, erasure, step, slice) DO UPDATE
   SET counts = EXCLUDED.counts, expires = EXCLUDED.expires, left_over = EXCLUDED.left_over,
       at = EXCLUDED.at;

-- name: save_cases
-- Record ids go from here once every slice is done: the ledger's detail has them.
-- $1 [{space, erasure, contact, mode, grace_days, requested_by, requested_at, records, ids, scoped,
--      state, reason, fence_no, erase_no, fenced_at, due_at, sent}]
UPDATE gdpr_purge.erasures AS e
   SET contact = r.contact, mode = r.mode, grace_days = r.grace_days,
       requested_by = r.requested_by, requested_at = r.requested_at,
       records = CASE WHEN r.state = 'erased' THEN '{}' ELSE r.records END,
       ids = CASE WHEN r.state = 'erased' THEN '{}' ELSE r.ids END,
       scoped = r.scoped, state = r.state, reason = r.reason, fence_no = r.fence_no,
       erase_no = r.erase_no, fenced_at = r.fenced_at, due_at = r.due_at,
       sent_at = CASE WHEN r.sent THEN now() ELSE e.sent_at END, changed_at = now()
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, erasure text, contact text, mode text, grace_days integer, requested_by text,
          requested_at timestamptz, records text[], ids text[], scoped boolean, state text,
          reason text, fence_no bigint, erase_no bigint, fenced_at timestamptz, due_at timestamptz,
          sent boolean)
 WHERE e.space = r.space AND e.erasure = r.erasure;

-- name: list_due_cases
-- Graces that are over, and steps that wait for a receipt since the last time they were sent.
-- $1 seconds until a step is sent again
SELECT space, erasure
  FROM gdpr_purge.erasures
 WHERE (state = 'grace' AND due_at <= now())
    OR (state IN ('requested', 'fenced', 'erasing', 'blocked')
        AND sent_at < now() - make_interval(secs => $1::float8))
 ORDER BY space, erasure
 LIMIT 100;

-- name: get_now
-- The database's clock: several processes agree on it.
SELECT now();

-- name: lock_ledger_head
-- Held to the commit: one entry after the other.
SELECT number, hash
  FROM gdpr_purge.ledger_head
   FOR UPDATE;

-- name: insert_entry
-- $1 {number, kind, erasure, at, detail_hash, previous_hash, hash}, $2 salt, $3 detail
WITH appended AS (
    INSERT INTO gdpr_purge.ledger (number, kind, erasure, at, detail_hash, previous_hash, hash)
    SELECT number, kind, erasure, at, detail_hash, previous_hash, hash
      FROM jsonb_to_record($1::jsonb)
        AS r (number bigint, kind text, erasure text, at timestamptz, detail_hash text,
              previous_hash text, hash text)
    RETURNING number, hash),
beside AS (
    INSERT INTO gdpr_purge.ledger_details (number, salt, detail)
    SELECT number, $2, $3::jsonb FROM appended)
UPDATE gdpr_purge.ledger_head AS h
   SET number = appended.number, hash = appended.hash
  FROM appended;

-- name: list_entries
-- $1 after this number, $2 at most
SELECT l.number, l.kind, l.erasure, l.at, l.detail_hash, l.previous_hash, l.hash, d.detail
  FROM gdpr_purge.ledger AS l
  LEFT JOIN gdpr_purge.ledger_details AS d USING (number)
 WHERE l.number > $1
 ORDER BY l.number
 LIMIT $2;

-- name: get_case
-- $1 space, $2 erasure
SELECT erasure, contact, mode, grace_days, requested_by, requested_at, state, reason, fence_no,
       erase_no, due_at, changed_at
  FROM gdpr_purge.erasures
 WHERE space = $1 AND erasure = $2;
