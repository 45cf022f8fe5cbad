-- name: share_spaces
-- Changes and erasures come on two topics: a change holds its spaces shared, an erasure alone, so
-- that no late change is stored beside a fence that it could not see.
-- $1 spaces
SELECT pg_advisory_xact_lock_shared(hashtextextended('crm_sync:' || s.space, 0))
  FROM (SELECT space FROM unnest($1::text[]) AS named (space) ORDER BY space) AS s;

-- name: lock_spaces
-- The erasure's side of it.
-- $1 spaces
SELECT pg_advisory_xact_lock(hashtextextended('crm_sync:' || s.space, 0))
  FROM (SELECT space FROM unnest($1::text[]) AS named (space) ORDER BY space) AS s;

-- name: get_now
-- The database's clock: several processes agree on it.
SELECT now();

-- name: insert_connection
-- $1 {space, connection, agent, kind, label, base_url, field_map, state, reason}, $2 sealed credentials
INSERT INTO crm_sync.connections
       (space, connection, agent, kind, label, base_url, field_map, state, reason, sealed, planned_after)
SELECT r.space, r.connection, r.agent, r.kind, r.label, r.base_url, r.field_map, r.state, r.reason, $2, ''
  FROM jsonb_to_record($1::jsonb)
    AS r (space text, connection text, agent text, kind text, label text, base_url text,
          field_map jsonb, state text, reason text)
ON CONFLICT (space, kind, label) WHERE state <> 'off' DO NOTHING
RETURNING connection;

-- name: find_connection_by_label
-- $1 space, $2 kind, $3 label
SELECT connection
  FROM crm_sync.connections
 WHERE space = $1 AND kind = $2 AND label = $3 AND state <> 'off';

-- name: get_connection
-- $1 space, $2 connection
SELECT space, connection, agent, kind, label, base_url, sealed, field_map, state, reason, account,
       page_url, time_zone, paused_until, planned_after, created_at, changed_at
  FROM crm_sync.connections
 WHERE space = $1 AND connection = $2;

-- name: list_connections
-- Those that take part in these spaces: not the removed ones.
-- $1 spaces
SELECT space, connection, agent, kind, label, base_url, sealed, field_map, state, reason, account,
       page_url, time_zone, paused_until, planned_after, created_at, changed_at
  FROM crm_sync.connections
 WHERE space = ANY ($1::text[]) AND state <> 'off'
 ORDER BY space, created_at, connection;

-- name: list_sending_connections
-- All spaces: a process sends for whichever connections it gets hold of.
SELECT space, connection
  FROM crm_sync.connections
 WHERE state IN ('ok', 'limited', 'degraded')
 ORDER BY space, connection;

-- name: update_connection
-- What people change. New credentials or a new address are checked before the next call.
-- $1 {space, connection, label, base_url, field_map, state, reason}, $2 sealed credentials or null
UPDATE crm_sync.connections AS c
   SET label = r.label, base_url = r.base_url, field_map = r.field_map, state = r.state,
       reason = r.reason, sealed = COALESCE($2, c.sealed), paused_until = NULL, changed_at = now()
  FROM jsonb_to_record($1::jsonb)
    AS r (space text, connection text, label text, base_url text, field_map jsonb, state text,
          reason text)
 WHERE c.space = r.space AND c.connection = r.connection;

-- name: mark_connection
-- What its answers tell of it. A pause or removal by hand in the meantime stands.
-- $1 space, $2 connection, $3 state, $4 reason, $5 seconds to wait or null, $6 {account, page_url, time_zone}
UPDATE crm_sync.connections AS c
   SET state = $3, reason = $4, changed_at = now(),
       paused_until = now() + make_interval(secs => $5::float8),
       account = COALESCE($6::jsonb ->> 'account', c.account),
       page_url = COALESCE($6::jsonb ->> 'page_url', c.page_url),
       time_zone = COALESCE($6::jsonb ->> 'time_zone', c.time_zone)
 WHERE c.space = $1 AND c.connection = $2 AND c.state IN ('ok', 'limited', 'degraded')
RETURNING connection;

-- name: mark_planned
-- $1 space, $2 connection, $3 the last contact that is planned, null when all are
UPDATE crm_sync.connections
   SET planned_after = $3
 WHERE space = $1 AND connection = $2;

-- name: mark_connection_off
-- Its credentials go at once; its links stay without values, for an erasure must still know them.
-- $1 space, $2 connection, $3 reason
WITH unlinked AS (
    UPDATE crm_sync.links
       SET base = '{}', state = 'not_synced', reason_code = 'connection_off', reason = $3,
           next_attempt_at = NULL, pending_since = NULL
     WHERE space = $1 AND connection = $2)
UPDATE crm_sync.connections
   SET state = 'off', reason = $3, sealed = NULL, changed_at = now()
 WHERE space = $1 AND connection = $2 AND state <> 'off'
RETURNING connection;

-- name: find_fenced
-- $1 spaces, $2 records
SELECT f.space, f.record
  FROM unnest($1::text[], $2::text[]) AS named (space, record)
  JOIN crm_sync.fenced_records AS f USING (space, record);

-- name: find_contacts
-- $1 spaces, $2 contacts
SELECT c.space, c.contact, c.kind, c.fields, c.version
  FROM unnest($1::text[], $2::text[]) AS named (space, contact)
  JOIN crm_sync.contacts AS c USING (space, contact)
 ORDER BY c.space, c.contact;

-- name: list_contacts
-- One page of a space, for a connection that is new to it.
-- $1 space, $2 after this contact, $3 at most
SELECT space, contact, kind, fields, version
  FROM crm_sync.contacts
 WHERE space = $1 AND contact > $2
 ORDER BY contact
 LIMIT $3;

-- name: upsert_contacts
-- $1 [{space, contact, kind, fields, version}]
INSERT INTO crm_sync.contacts (space, contact, kind, fields, version)
SELECT space, contact, kind, fields, version
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, contact text, kind text, fields jsonb, version bigint)
ON CONFLICT (space, contact) DO UPDATE
   SET kind = EXCLUDED.kind, fields = EXCLUDED.fields, version = EXCLUDED.version;

-- name: delete_contacts
-- $1 spaces, $2 contacts
DELETE FROM crm_sync.contacts AS c
 USING unnest($1::text[], $2::text[]) AS named (space, contact)
 WHERE c.space = named.space AND c.contact = named.contact;

-- name: upsert_records
-- $1 spaces, $2 records, $3 contacts
INSERT INTO crm_sync.records (space, record, contact)
SELECT space, record, contact
  FROM unnest($1::text[], $2::text[], $3::text[]) AS r (space, record, contact)
ON CONFLICT (space, record) DO UPDATE
   SET contact = EXCLUDED.contact
 WHERE records.contact <> EXCLUDED.contact;

-- name: delete_records
-- A record that another contact has taken in the meantime stays with that one.
-- $1 spaces, $2 records, $3 the contacts that they left
DELETE FROM crm_sync.records AS r
 USING unnest($1::text[], $2::text[], $3::text[]) AS gone (space, record, contact)
 WHERE r.space = gone.space AND r.record = gone.record AND r.contact = gone.contact;

-- name: find_holders
-- Every id of a contact is the id of one of its records.
-- $1 spaces, $2 ids
SELECT named.space, named.id, r.contact
  FROM unnest($1::text[], $2::text[]) AS named (space, id)
  JOIN crm_sync.records AS r ON r.space = named.space AND r.record = named.id;

-- name: lock_links
-- The links whose record one of these contacts holds now, earliest first.
-- $1 spaces, $2 contacts
SELECT r.contact AS holder, l.space, l.connection, l.record, l.contact, l.version, l.state,
       l.reason_code, l.reason, l.remote_id, l.key_written, l.secondary, l.forced, l.attempts,
       l.synced_at, l.base
  FROM unnest($1::text[], $2::text[]) AS named (space, contact)
  JOIN crm_sync.records AS r ON r.space = named.space AND r.contact = named.contact
  JOIN crm_sync.links AS l ON l.space = r.space AND l.record = r.record
 ORDER BY l.space, l.connection, l.created_at, l.record
   FOR UPDATE OF l;

-- name: upsert_links
-- A link that changes all the time is sent in the end, after five settling times. Infinity stands
-- for a link that stands and keeps its time.
-- $1 [{space, connection, record, contact, version, state, reason_code, reason, remote_id, secondary,
--      forced, attempts, due}], $2 settling time in seconds
INSERT INTO crm_sync.links AS l
       (space, connection, record, contact, version, state, reason_code, reason, remote_id, secondary,
        forced, attempts, pending_since, next_attempt_at)
SELECT r.space, r.connection, r.record, r.contact, r.version, r.state, r.reason_code, r.reason,
       r.remote_id, r.secondary, r.forced, r.attempts,
       CASE WHEN r.state = 'pending' THEN now() END,
       CASE r.due WHEN 'now' THEN now()
                  WHEN 'settle' THEN now() + make_interval(secs => $2::float8)
                  WHEN 'keep' THEN 'infinity'::timestamptz END
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, connection text, record text, contact text, version bigint, state text,
          reason_code text, reason text, remote_id text, secondary boolean, forced boolean,
          attempts integer, due text)
ON CONFLICT (space, connection, record) DO UPDATE
   SET contact = EXCLUDED.contact, version = EXCLUDED.version, state = EXCLUDED.state,
       reason_code = EXCLUDED.reason_code, reason = EXCLUDED.reason,
       remote_id = EXCLUDED.remote_id, secondary = EXCLUDED.secondary, forced = EXCLUDED.forced,
       attempts = EXCLUDED.attempts,
       synced_version = CASE WHEN EXCLUDED.state = 'synced' THEN EXCLUDED.version
                             ELSE l.synced_version END,
       pending_since = CASE WHEN EXCLUDED.state = 'pending'
                            THEN COALESCE(l.pending_since, now()) END,
       next_attempt_at =
       CASE WHEN EXCLUDED.next_attempt_at IS NULL THEN NULL
            WHEN EXCLUDED.next_attempt_at = 'infinity' THEN l.next_attempt_at
            ELSE LEAST(EXCLUDED.next_attempt_at,
                       l.pending_since + make_interval(secs => 5 * $2::float8)) END;

-- name: delete_links
-- $1 spaces, $2 connections, $3 records
DELETE FROM crm_sync.links AS l
 USING unnest($1::text[], $2::text[], $3::text[]) AS named (space, connection, record)
 WHERE l.space = named.space AND l.connection = named.connection AND l.record = named.record;

-- name: find_due_links
-- What is sent next. The fence is checked here, in the attempt's transaction.
-- $1 space, $2 connection, $3 at most
SELECT l.space, l.connection, l.record, l.contact, l.version, l.state, l.reason_code, l.reason,
       l.remote_id, l.key_written, l.secondary, l.forced, l.attempts, l.synced_at, l.base, c.fields
  FROM crm_sync.links AS l
  JOIN crm_sync.contacts AS c ON c.space = l.space AND c.contact = l.contact
 WHERE l.space = $1 AND l.connection = $2 AND l.next_attempt_at <= now()
   AND l.attempt IS NULL AND NOT l.secondary
   AND NOT EXISTS (SELECT FROM crm_sync.fenced_records AS f
                    WHERE f.space = l.space AND f.record IN (l.record, l.contact))
 ORDER BY l.next_attempt_at
 LIMIT $3
   FOR UPDATE OF l SKIP LOCKED;

-- name: mark_attempts
-- From here on a remote record may exist under the key.
-- $1 space, $2 connection, $3 records, $4 attempt
UPDATE crm_sync.links
   SET attempt = $4, attempted_at = now(), key_written = true
 WHERE space = $1 AND connection = $2 AND record = ANY ($3::text[]);

-- name: save_results
-- Only of this attempt: a sender that lost its lock changes nothing. A version that came in while
-- it was under way is due after its own settling time, and a fenced link only learns its remote id.
-- $1 [{space, connection, record, version, state, reason_code, reason, remote_id, forced, attempts,
--      base, wait}], $2 attempt
UPDATE crm_sync.links AS l
   SET remote_id = r.remote_id,
       base = CASE WHEN l.reason_code = 'erased' THEN '{}' ELSE r.base END,
       attempt = NULL, attempted_at = NULL,
       forced = r.forced, attempts = r.attempts,
       synced_version = CASE WHEN r.state = 'synced' THEN r.version ELSE l.synced_version END,
       synced_at = CASE WHEN r.state = 'synced' THEN now() ELSE l.synced_at END,
       state = CASE WHEN l.reason_code = 'erased' OR l.version > r.version THEN l.state ELSE r.state END,
       reason_code = CASE WHEN l.reason_code = 'erased' OR l.version > r.version THEN l.reason_code
                          ELSE r.reason_code END,
       reason = CASE WHEN l.reason_code = 'erased' OR l.version > r.version THEN l.reason
                     ELSE r.reason END,
       pending_since = CASE WHEN r.state = 'pending' OR l.version > r.version
                            THEN l.pending_since END,
       next_attempt_at = CASE WHEN l.reason_code = 'erased' THEN NULL
                              WHEN l.version > r.version THEN l.next_attempt_at
                              ELSE now() + make_interval(secs => r.wait) END
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, connection text, record text, version bigint, state text, reason_code text,
          reason text, remote_id text, forced boolean, attempts integer, base jsonb, wait float8)
 WHERE l.space = r.space AND l.connection = r.connection AND l.record = r.record
   AND l.attempt IS NOT DISTINCT FROM $2
RETURNING l.space, l.connection, l.record, l.contact, l.version, l.state, l.reason_code, l.reason,
          l.remote_id, l.key_written, l.secondary, l.forced, l.attempts, l.synced_at, l.base;

-- name: reopen_attempts
-- A sender that died left them open; nobody else is at them, for this one holds the lock.
-- $1 space, $2 connection
UPDATE crm_sync.links
   SET attempt = NULL, attempted_at = NULL,
       next_attempt_at = CASE WHEN reason_code = 'erased' THEN NULL ELSE now() END
 WHERE space = $1 AND connection = $2 AND attempt IS NOT NULL;

-- name: find_linked
-- Which contacts these remote records belong to already.
-- $1 space, $2 connection, $3 remote ids
SELECT remote_id, record, contact
  FROM crm_sync.links
 WHERE space = $1 AND connection = $2 AND remote_id = ANY ($3::text[]);

-- name: mark_overdue
-- Pending is for what passes: after ten minutes of failures it is an error, still tried.
-- $1 space, $2 connection, $3 seconds, $4 reason
UPDATE crm_sync.links
   SET state = 'error', reason_code = 'vendor_unavailable', reason = $4, pending_since = NULL
 WHERE space = $1 AND connection = $2 AND state = 'pending' AND attempts > 0
   AND reason_code <> 'rate_limited' AND pending_since < now() - make_interval(secs => $3::float8)
RETURNING space, connection, record, contact, version, state, reason_code, reason, remote_id,
          key_written, secondary, forced, attempts, synced_at, base;

-- name: insert_fenced
-- $1 spaces, $2 records, $3 erasures, $4 times
INSERT INTO crm_sync.fenced_records (space, record, erasure, fenced_at)
SELECT space, record, erasure, fenced_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
    AS f (space, record, erasure, fenced_at)
ON CONFLICT (space, record) DO NOTHING;

-- name: mark_links_fenced
-- Waits for a sender that is about to take them, so that an attempt is seen or does not begin.
-- $1 spaces, $2 records, $3 reason
UPDATE crm_sync.links AS l
   SET state = 'not_synced', reason_code = 'erased', reason = $3, next_attempt_at = NULL,
       pending_since = NULL
  FROM unnest($1::text[], $2::text[]) AS named (space, record)
 WHERE l.space = named.space AND l.record = named.record;

-- name: insert_erasures
-- An order that is repeated begins nothing anew.
-- $1 [{space, erasure, ledger_no, records}]
INSERT INTO crm_sync.erasures (space, erasure, ledger_no, records, next_attempt_at)
SELECT space, erasure, ledger_no, records, now()
  FROM jsonb_to_recordset($1::jsonb)
    AS r (space text, erasure text, ledger_no bigint, records text[])
ON CONFLICT (space, erasure) DO NOTHING;

-- name: find_receipts
-- $1 spaces, $2 erasures
SELECT e.space, e.erasure, e.ledger_no, e.counts, e.erased_at
  FROM unnest($1::text[], $2::text[]) AS named (space, erasure)
  JOIN crm_sync.erasures AS e USING (space, erasure)
 WHERE e.erased_at IS NOT NULL;

-- name: list_due_erasures
-- $1 at most
SELECT space, erasure, ledger_no, records, attempts, remote_records
  FROM crm_sync.erasures
 WHERE next_attempt_at <= now()
 ORDER BY next_attempt_at
 LIMIT $1;

-- name: list_links_to_erase
-- With what is needed to delete the remote record, and whether somebody who lives shares it: a
-- contact of another space that is connected to the same account.
-- $1 space, $2 records
SELECT l.connection, l.record, l.remote_id, l.key_written,
       l.attempt IS NOT NULL AND l.attempted_at > now() - interval '2 minutes' AS under_way,
       c.state AS connection_state,
       EXISTS (SELECT
                 FROM crm_sync.links AS o
                 JOIN crm_sync.connections AS oc ON oc.space = o.space AND oc.connection = o.connection
                WHERE o.remote_id = l.remote_id AND oc.account = c.account AND oc.kind = c.kind
                  AND (o.space, o.connection, o.record) <> (l.space, l.connection, l.record)
                  AND o.reason_code IS DISTINCT FROM 'erased') AS shared
  FROM crm_sync.links AS l
  JOIN crm_sync.connections AS c ON c.space = l.space AND c.connection = l.connection
 WHERE l.space = $1 AND l.record = ANY ($2::text[])
 ORDER BY l.connection, l.record;

-- name: mark_remote_erased
-- The remote record is gone; the link goes with the rest, but is not asked about again.
-- $1 space, $2 erasure, $3 connection, $4 record
WITH unlinked AS (
    UPDATE crm_sync.links
       SET remote_id = NULL, key_written = false, base = '{}'
     WHERE space = $1 AND connection = $3 AND record = $4)
UPDATE crm_sync.erasures
   SET remote_records = remote_records + 1
 WHERE space = $1 AND erasure = $2;

-- name: get_remote_erased
-- $1 space, $2 erasure
SELECT remote_records
  FROM crm_sync.erasures
 WHERE space = $1 AND erasure = $2;

-- name: delay_erasure
-- $1 space, $2 erasure, $3 seconds
UPDATE crm_sync.erasures
   SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $3::float8)
 WHERE space = $1 AND erasure = $2;

-- name: erase_links
-- $1 space, $2 records
DELETE FROM crm_sync.links
 WHERE space = $1 AND record = ANY ($2::text[]);

-- name: erase_contacts
-- $1 space, $2 records
DELETE FROM crm_sync.contacts
 WHERE space = $1 AND contact = ANY ($2::text[]);

-- name: erase_records
-- $1 space, $2 records
DELETE FROM crm_sync.records
 WHERE space = $1 AND record = ANY ($2::text[]);

-- name: count_left
-- $1 space, $2 records
SELECT (SELECT count(*) FROM crm_sync.links WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM crm_sync.contacts WHERE space = $1 AND contact = ANY ($2::text[]))
     + (SELECT count(*) FROM crm_sync.records WHERE space = $1 AND record = ANY ($2::text[]));

-- name: mark_erased
-- $1 space, $2 erasure, $3 counts
UPDATE crm_sync.erasures
   SET counts = $3::jsonb, erased_at = now(), next_attempt_at = NULL, remote_records = 0
 WHERE space = $1 AND erasure = $2
RETURNING erased_at;
