-- Every statement of this service, by the room of store/ that sends it.

-- ── contacts ────────────────────────────────────────────────────────────────────────────────────

-- name: lock_spaces
-- What a record did and which contact it is in come by two streams; each sums up what the other
-- wrote, so only one of them may be at a space at a time.
-- $1 spaces, sorted
SELECT pg_advisory_xact_lock(hashtextextended('contacts_api:' || space, 0))
  FROM unnest($1::text[]) AS space;

-- name: upsert_contacts
-- An older message than the one that is stored changes nothing.
-- $1 rows as JSON
INSERT INTO contacts_api.contacts AS c
       (space, contact, version, kind, verified, audience, name, email, company, external_id,
        created_at, updated_at)
SELECT r.space, r.contact, r.version, r.kind, r.verified, r.audience, r.name, r.email, r.company,
       r.external_id, r.created_at, r.updated_at
  FROM jsonb_to_recordset($1::jsonb)
       AS r (space text, contact text, version bigint, kind text, verified boolean, audience text,
             name text, email text, company text, external_id text, created_at timestamptz,
             updated_at timestamptz)
    ON CONFLICT (space, contact) DO UPDATE
   SET version = excluded.version, kind = excluded.kind, verified = excluded.verified,
       audience = excluded.audience, name = excluded.name, email = excluded.email,
       company = excluded.company, external_id = excluded.external_id,
       created_at = excluded.created_at, updated_at = excluded.updated_at
 WHERE c.version < excluded.version
RETURNING c.space, c.contact, c.kind;

-- name: upsert_seen
-- A row for each contact; only its kind is told here.
-- $1 spaces, $2 contacts, $3 kinds
INSERT INTO contacts_api.seen AS s (space, contact, kind)
SELECT n.space, n.contact, n.kind
  FROM unnest($1::text[], $2::text[], $3::text[]) AS n (space, contact, kind)
    ON CONFLICT (space, contact) DO UPDATE
   SET kind = excluded.kind
 WHERE s.kind <> excluded.kind;

-- name: upsert_profiles
-- Only of contacts whose row took this very version.
-- $1 rows as JSON
INSERT INTO contacts_api.profiles AS p (space, contact, snapshot, search, tags, attributes, keys)
SELECT r.space, r.contact, r.snapshot, r.search, r.tags, r.attributes, r.keys
  FROM jsonb_to_recordset($1::jsonb)
       AS r (space text, contact text, version bigint, snapshot jsonb, search text, tags text[],
             attributes jsonb, keys text[])
  JOIN contacts_api.contacts AS c USING (space, contact, version)
    ON CONFLICT (space, contact) DO UPDATE
   SET snapshot = excluded.snapshot, search = excluded.search, tags = excluded.tags,
       attributes = excluded.attributes, keys = excluded.keys;

-- name: release_records
-- These records left these contacts; one that is in another contact by now stays there.
-- $1 spaces, $2 records, $3 contacts, $4 sequences
UPDATE contacts_api.records AS r
   SET contact = NULL, sequence = gone.sequence
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[])
       AS gone (space, record, contact, sequence)
 WHERE r.space = gone.space AND r.record = gone.record AND r.contact = gone.contact
   AND r.sequence < gone.sequence;

-- name: upsert_records
-- $1 rows as JSON
INSERT INTO contacts_api.records AS r
       (space, record, contact, unit, verified_user, verified_at, sequence)
SELECT n.space, n.record, n.contact, n.unit, n.verified_user, n.verified_at, n.sequence
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, record text, contact text, unit text, verified_user text,
             verified_at timestamptz, sequence bigint)
    ON CONFLICT (space, record) DO UPDATE
   SET contact = excluded.contact, unit = excluded.unit, verified_user = excluded.verified_user,
       verified_at = excluded.verified_at, sequence = excluded.sequence
 WHERE r.sequence < excluded.sequence;

-- name: mark_stood
-- Ids that somebody may hold from now on.
-- $1 spaces, $2 contacts
UPDATE contacts_api.records AS r
   SET stood = true
  FROM unnest($1::text[], $2::text[]) AS named (space, contact)
 WHERE r.space = named.space AND r.record = named.contact AND NOT r.stood;

-- name: delete_absorbed
-- A contact whose own record is in another contact, or in none, is no contact any more.
-- $1 spaces, $2 records that moved
DELETE FROM contacts_api.contacts AS c
 USING contacts_api.records AS r, unnest($1::text[], $2::text[]) AS moved (space, record)
 WHERE r.space = moved.space AND r.record = moved.record
   AND c.space = r.space AND c.contact = r.record AND r.contact IS DISTINCT FROM r.record;

-- name: delete_contacts
-- $1 spaces, $2 contacts, $3 sequences of the messages that say so
DELETE FROM contacts_api.contacts AS c
 USING unnest($1::text[], $2::text[], $3::bigint[]) AS gone (space, contact, sequence)
 WHERE c.space = gone.space AND c.contact = gone.contact AND c.version < gone.sequence;

-- name: raise_last_seen
-- Of contacts that records joined: what these did, not all that ever happened.
-- $1 spaces, $2 records
UPDATE contacts_api.seen AS s
   SET at = did.seen_at
  FROM (SELECT r.space, r.contact, max(a.seen_at) AS seen_at
          FROM unnest($1::text[], $2::text[]) AS n (space, record)
          JOIN contacts_api.records AS r USING (space, record)
          JOIN contacts_api.activity AS a USING (space, record)
         GROUP BY r.space, r.contact) AS did
 WHERE s.space = did.space AND s.contact = did.contact AND s.at < did.seen_at;

-- name: sum_last_seen
-- Of contacts that records left: it can move back.
-- $1 spaces, $2 contacts
UPDATE contacts_api.seen AS s
   SET at = summed.seen_at
  FROM (SELECT changed.space, changed.contact,
               coalesce(max(a.seen_at), '-infinity'::timestamptz) AS seen_at
          FROM unnest($1::text[], $2::text[]) AS changed (space, contact)
          JOIN contacts_api.records AS r USING (space, contact)
          LEFT JOIN contacts_api.activity AS a
            ON a.space = r.space AND a.record = r.record
         GROUP BY changed.space, changed.contact) AS summed
 WHERE s.space = summed.space AND s.contact = summed.contact AND s.at <> summed.seen_at;

-- name: find_record
-- Where an id leads: its contact, whether that one is hidden, and the erasure that ended it.
-- $1 space, $2 id
SELECT r.contact, c.contact IS NOT NULL AS standing, c.erasure, f.erasure AS fenced
  FROM (SELECT $1::text AS space, $2::text AS record) AS asked
  LEFT JOIN contacts_api.records AS r USING (space, record)
  LEFT JOIN contacts_api.contacts AS c ON c.space = r.space AND c.contact = r.contact
  LEFT JOIN contacts_api.fences AS f ON f.space = asked.space AND f.record = asked.record;

-- name: find_contacts
-- $1 space, $2 contacts
SELECT c.contact, c.version, c.updated_at, s.at AS last_seen_at, p.snapshot::text AS snapshot
  FROM contacts_api.contacts AS c
  JOIN contacts_api.profiles AS p USING (space, contact)
  JOIN contacts_api.seen AS s USING (space, contact)
 WHERE c.space = $1 AND c.contact = ANY ($2::text[]) AND c.erasure IS NULL;

-- name: list_contacts
-- One page of the list; the store makes a variant of it for each sort column and direction. The
-- one statement with many parameters: each is a filter, and null where it is not asked for.
-- $1 space, $2 sort value and $3 contact to go on from, $4 rows, $5 kinds, $6 audiences,
-- $7 verified, $8 search patterns, $9 tags, $10 tags it must not have, $11 e-mails, $12 phones,
-- $13 external ids, $14 channels, $15 channels it must not have, $16 CRM states,
-- $17 conversations, $18 and $19 created after and before, $20 and $21 seen after and before,
-- $22 attributes: alternatives of each as JSON, $23 whether somebody may be the same person (by
-- refused evidence, or of the same name; not dismissed, and not told apart by an undo), $24 what a
-- blank sort key is
SELECT c.contact, c.version, c.updated_at, s.at AS last_seen_at, p.snapshot::text AS snapshot,
       s.at::text AS position
  FROM contacts_api.contacts AS c
  JOIN contacts_api.profiles AS p USING (space, contact)
  JOIN contacts_api.seen AS s USING (space, contact)
 WHERE c.space = $1 AND s.space = $1 AND c.erasure IS NULL
   AND ($2::text IS NULL OR (s.at, s.contact) < ($2::text::timestamptz, $3::text))
   AND ($5::text[] IS NULL OR s.kind = ANY ($5::text[]))
   AND ($6::text[] IS NULL OR c.audience = ANY ($6::text[]))
   AND ($7::boolean IS NULL OR c.verified = $7)
   AND ($8::text[] IS NULL OR p.search LIKE ALL ($8::text[]))
   AND ($9::text[] IS NULL OR p.tags && $9::text[])
   AND ($10::text[] IS NULL OR NOT p.tags && $10::text[])
   AND ($11::text[] IS NULL OR p.keys && $11::text[])
   AND ($12::text[] IS NULL OR p.keys && $12::text[])
   AND ($13::text[] IS NULL OR p.keys && $13::text[])
   AND ($14::text[] IS NULL OR EXISTS (
           SELECT FROM contacts_api.records AS r
             JOIN contacts_api.activity AS a USING (space, record)
            WHERE r.space = c.space AND r.contact = c.contact AND a.channel = ANY ($14::text[])))
   AND ($15::text[] IS NULL OR NOT EXISTS (
           SELECT FROM contacts_api.records AS r
             JOIN contacts_api.activity AS a USING (space, record)
            WHERE r.space = c.space AND r.contact = c.contact AND a.channel = ANY ($15::text[])))
   AND ($16::text[] IS NULL
        OR EXISTS (SELECT FROM contacts_api.crm_states AS y
                    WHERE y.space = c.space AND y.contact = c.contact
                      AND y.state = ANY ($16::text[]))
        OR ('not_synced' = ANY ($16::text[])
            AND NOT EXISTS (SELECT FROM contacts_api.crm_states AS y
                             WHERE y.space = c.space AND y.contact = c.contact)))
   AND ($17::text[] IS NULL OR c.contact = ANY (ARRAY (
           SELECT r.contact
             FROM contacts_api.activity AS a
             JOIN contacts_api.records AS r USING (space, record)
            WHERE a.space = $1 AND a.conversation = ANY ($17::text[]) AND a.conversation <> '')))
   AND ($18::timestamptz IS NULL OR c.created_at > $18)
   AND ($19::timestamptz IS NULL OR c.created_at < $19)
   AND ($20::timestamptz IS NULL OR s.at > $20)
   AND ($21::timestamptz IS NULL OR s.at < $21 AND s.at > '-infinity')
   AND ($22::jsonb IS NULL OR NOT EXISTS (
           SELECT FROM jsonb_array_elements($22::jsonb) AS wanted
            WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(wanted) AS alternative
                               WHERE p.attributes @> alternative)))
   AND ($23::boolean IS NULL OR $23 = (c.contact = ANY (ARRAY (
           SELECT pair.contact
             FROM (SELECT p.contact, r.contact AS other
                     FROM contacts_api.profiles AS p
                    CROSS JOIN jsonb_array_elements_text(p.snapshot -> 'suggested') AS named (id)
                     JOIN contacts_api.records AS r ON r.space = $1 AND r.record = named.id
                    WHERE p.space = $1 AND p.snapshot -> 'suggested' <> '[]'::jsonb
                    UNION
                   SELECT c.contact, o.contact
                     FROM contacts_api.contacts AS c
                     JOIN contacts_api.contacts AS o ON o.space = $1 AND o.name = c.name
                    WHERE c.space = $1
                      AND c.name <> $24::text
                      AND c.kind <> 'anonymous'
                      AND o.kind <> 'anonymous'
                      AND ((o.company = c.company AND c.company <> $24)
                           OR (split_part(o.email, '@', 1) = split_part(c.email, '@', 1)
                               AND c.email <> $24))
                      AND NOT EXISTS (SELECT FROM contacts_api.merges AS m
                                       WHERE m.space = $1 AND m.undone_at IS NOT NULL
                                         AND m.parties @> ARRAY[c.contact, o.contact])) AS pair
             JOIN contacts_api.contacts AS there
               ON there.space = $1 AND there.contact = pair.other AND there.erasure IS NULL
            WHERE pair.other <> pair.contact
              AND NOT EXISTS (SELECT FROM contacts_api.dismissals AS d
                                JOIN contacts_api.records AS one
                                  ON one.space = $1 AND one.record = d.one
                                JOIN contacts_api.records AS two
                                  ON two.space = $1 AND two.record = d.other
                               WHERE d.space = $1
                                 AND (one.contact, two.contact) IN ((pair.contact, pair.other),
                                                                    (pair.other, pair.contact)))))))
 ORDER BY s.at DESC, s.contact DESC
 LIMIT $4;

-- name: plan_for_values
-- A list's filters are null or not from call to call: one generic plan would fit none of them.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('statement_timeout', '2000', true);

-- name: list_tags
-- A look at the newest contacts is enough for suggestions.
-- $1 space
SELECT DISTINCT tag
  FROM (SELECT p.tags
          FROM contacts_api.contacts AS c
          JOIN contacts_api.profiles AS p USING (space, contact)
         WHERE c.space = $1 AND c.erasure IS NULL
         ORDER BY c.updated_at DESC
         LIMIT 1000) AS newest, unnest(newest.tags) AS tag
 ORDER BY tag
 LIMIT 200;

-- name: list_former_ids
-- Ids that were contacts once and lead to these now.
-- $1 space, $2 contacts
SELECT r.contact, r.record
  FROM contacts_api.records AS r
 WHERE r.space = $1 AND r.contact = ANY ($2::text[]) AND r.stood AND r.record <> r.contact
 ORDER BY r.contact, r.record;

-- name: list_channels
-- $1 space, $2 contacts
SELECT r.contact, a.channel, min(a.first_at) AS first_at, max(a.last_at) AS last_at,
       count(DISTINCT a.conversation) FILTER (WHERE a.conversation <> '') AS conversations,
       max(a.last_at) FILTER (WHERE a.conversation <> '') AS conversation_at
  FROM contacts_api.records AS r
  JOIN contacts_api.activity AS a USING (space, record)
 WHERE r.space = $1 AND r.contact = ANY ($2::text[])
 GROUP BY r.contact, a.channel
 ORDER BY r.contact, first_at, a.channel;

-- name: list_crm_states
-- With a connection every contact has a state there, if only that it is not synced.
-- $1 space, $2 contacts
SELECT wanted.contact, n.connection, n.kind, coalesce(s.state, 'not_synced') AS state, s.reason,
       s.remote_id, s.remote_url, s.synced_at
  FROM unnest($2::text[]) AS wanted (contact)
  JOIN contacts_api.crm_connections AS n ON n.space = $1 AND n.state <> 'off'
  LEFT JOIN contacts_api.crm_states AS s
    ON s.space = $1 AND s.contact = wanted.contact AND s.connection = n.connection
 ORDER BY wanted.contact, n.connection;

-- ── interactions ────────────────────────────────────────────────────────────────────────────────

-- name: find_fenced
-- $1 spaces, $2 records
SELECT f.space, f.record
  FROM contacts_api.fences AS f
 WHERE (f.space, f.record) IN (SELECT n.space, n.record
                                 FROM unnest($1::text[], $2::text[]) AS n (space, record));

-- name: find_closed
-- Records that take nothing more: fenced, or of a contact that an erasure was asked for.
-- $1 space, $2 records
SELECT f.record
  FROM contacts_api.fences AS f
 WHERE f.space = $1 AND f.record = ANY ($2::text[])
 UNION
SELECT r.record
  FROM contacts_api.records AS r
  JOIN contacts_api.contacts AS c USING (space, contact)
 WHERE r.space = $1 AND r.record = ANY ($2::text[]) AND c.erasure IS NOT NULL;

-- name: upsert_activity
-- $1 rows as JSON, folded to one a key
INSERT INTO contacts_api.activity AS a
       (space, record, channel, conversation, first_at, last_at, seen_at)
SELECT n.space, n.record, n.channel, n.conversation, n.first_at, n.last_at,
       coalesce(n.seen_at, '-infinity')
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, record text, channel text, conversation text, first_at timestamptz,
             last_at timestamptz, seen_at timestamptz)
    ON CONFLICT (space, record, channel, conversation) DO UPDATE
   SET first_at = least(a.first_at, excluded.first_at),
       last_at = greatest(a.last_at, excluded.last_at),
       seen_at = greatest(a.seen_at, excluded.seen_at);

-- name: upsert_conversations
-- Most events of a conversation belong to the record it has: then nothing is written.
-- $1 rows as JSON, the newest of each conversation
INSERT INTO contacts_api.conversations AS c
       (space, agent, conversation, record, claim, sequence)
SELECT n.space, n.agent, n.conversation, n.record, n.claim, n.sequence
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, agent text, conversation text, record text, claim text, sequence bigint)
    ON CONFLICT (space, agent, conversation) DO UPDATE
   SET record = excluded.record, claim = excluded.claim, sequence = excluded.sequence
 WHERE (c.record <> excluded.record OR c.claim IS DISTINCT FROM excluded.claim)
   AND c.sequence < excluded.sequence;

-- name: insert_proven_claims
-- $1 spaces, $2 claims, $3 records
INSERT INTO contacts_api.proven_claims (space, claim, record)
SELECT new.space, new.claim, new.record
  FROM unnest($1::text[], $2::text[], $3::text[]) AS new (space, claim, record)
 ORDER BY new.space, new.claim
    ON CONFLICT DO NOTHING;

-- name: forget_proven_claims
-- A revocation: a later proof of the same record brings none of them back.
-- $1 space, $2 contact
DELETE FROM contacts_api.proven_claims AS p
 USING contacts_api.records AS r
 WHERE p.space = $1 AND r.space = p.space AND r.record = p.record AND r.contact = $2;

-- name: advance_last_seen
-- Contacts are only ever seen later by a new event.
-- $1 spaces, $2 records, $3 times
UPDATE contacts_api.seen AS s
   SET at = did.seen_at
  FROM (SELECT r.space, r.contact, max(n.seen_at) AS seen_at
          FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (space, record, seen_at)
          JOIN contacts_api.records AS r USING (space, record)
         GROUP BY r.space, r.contact) AS did
 WHERE s.space = did.space AND s.contact = did.contact AND s.at < did.seen_at;

-- name: find_conversation
-- The contact of a conversation's current record. It is proven while both stand: the claim in force
-- there, and a proof on the record, which a revocation takes away.
-- $1 space, $2 agent, $3 conversation
SELECT r.contact,
       r.verified_user IS NOT NULL
           AND EXISTS (SELECT
                         FROM contacts_api.proven_claims AS p
                        WHERE p.space = v.space AND p.claim = v.claim) AS proven
  FROM contacts_api.conversations AS v
  JOIN contacts_api.records AS r USING (space, record)
  JOIN contacts_api.contacts AS c ON c.space = r.space AND c.contact = r.contact
 WHERE v.space = $1 AND v.agent = $2 AND v.conversation = $3 AND c.erasure IS NULL
   AND NOT EXISTS (SELECT FROM contacts_api.fences AS f
                    WHERE f.space = r.space AND f.record = r.record);

-- name: list_timeline
-- The newest of each record, merged: a merge rewrites no row. A claim shows once it is proven. Notes
-- and merges are of no channel and no conversation; a merge that was undone is left out unless its
-- type is asked for.
-- $1 space, $2 contact, $3 time and $4 entry to go on from, $5 rows, $6 channels, $7 types,
-- $8 conversation
SELECT t.record, t.at, t.entry, t.type, t.channel, t.conversation, t.event_id, t.message_id,
       t.direction, t.author, t.text, t.detail::text AS detail
  FROM (SELECT o.record, o.at, o.entry, o.type, o.channel, o.conversation, o.event_id,
               o.message_id, o.direction, o.author, o.text, o.detail
          FROM contacts_api.records AS r
         CROSS JOIN LATERAL (
               SELECT e.record, e.at, e.entry, e.type, e.channel, e.conversation, e.event_id,
                      e.message_id, e.direction, e.author, e.text, e.detail
                 FROM contacts_api.timeline AS e
                WHERE e.space = $1 AND e.record = r.record
                  AND ($3::timestamptz IS NULL OR (e.at, e.entry) < ($3::timestamptz, $4::text))
                  AND ($6::text[] IS NULL OR e.channel = ANY ($6::text[]))
                  AND ($7::text[] IS NULL OR e.type = ANY ($7::text[]))
                  AND ($8::text IS NULL OR e.conversation = $8)
                  AND (e.type <> 'identified' OR r.verified_user IS NOT NULL)
                ORDER BY e.at DESC, e.entry DESC
                LIMIT $5) AS o
         WHERE r.space = $1 AND r.contact = $2
         UNION ALL
        SELECT n.record, n.created_at, n.note, 'note', NULL, NULL, NULL, NULL, NULL, n.author,
               n.text, '{}'
          FROM contacts_api.notes AS n
          JOIN contacts_api.records AS r USING (space, record)
         WHERE n.space = $1 AND r.contact = $2
           AND $6::text[] IS NULL AND $8::text IS NULL
           AND ($7::text[] IS NULL OR 'note' = ANY ($7::text[]))
           AND ($3::timestamptz IS NULL OR (n.created_at, n.note) < ($3::timestamptz, $4::text))
         UNION ALL
        SELECT m.into_contact, x.at, x.entry, x.type, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
               jsonb_build_object('merge_id', m.merge, 'into', m.into_contact,
                                  'from', m.absorbed, 'cause', m.cause)
          FROM contacts_api.merges AS m
         CROSS JOIN LATERAL (
               VALUES (m.merge COLLATE "C", m.at, 'merged'),
                      ((m.merge || '_undone') COLLATE "C", m.undone_at, 'split'))
               AS x (entry, at, type)
         WHERE m.space = $1
           AND m.parties && ARRAY (SELECT r.record
                                     FROM contacts_api.records AS r
                                    WHERE r.space = $1 AND r.contact = $2 AND r.stood)
           AND $6::text[] IS NULL AND $8::text IS NULL
           AND (x.type = ANY ($7::text[]) OR $7::text[] IS NULL AND m.undone_at IS NULL)
           AND x.at IS NOT NULL
           AND ($3::timestamptz IS NULL OR (x.at, x.entry) < ($3::timestamptz, $4::text))) AS t
 ORDER BY t.at DESC, t.entry DESC
 LIMIT $5;

-- ── merges ──────────────────────────────────────────────────────────────────────────────────────

-- name: insert_merges
-- $1 rows as JSON
INSERT INTO contacts_api.merges
       (space, merge, into_contact, absorbed, parties, cause, evidence, link, actor, at)
SELECT n.space, n.merge, n.into_contact, n.absorbed, n.absorbed || n.into_contact, n.cause,
       n.evidence, n.link, n.actor, n.at
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, merge text, into_contact text, absorbed text[], cause text,
             evidence jsonb, link text, actor text, at timestamptz)
    ON CONFLICT (space, merge) DO NOTHING;

-- name: mark_undone
-- $1 spaces, $2 merges, $3 times
UPDATE contacts_api.merges AS m
   SET undone_at = undone.at
  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS undone (space, merge, at)
 WHERE m.space = undone.space AND m.merge = undone.merge AND m.undone_at IS NULL;

-- name: list_merges
-- Whatever happened to any id that this contact has or had.
-- $1 space, $2 contact, $3 time and $4 merge to go on from, $5 rows
SELECT m.merge, m.into_contact, m.absorbed, m.cause, m.evidence::text AS evidence, m.link,
       m.actor, m.at, m.undone_at
  FROM contacts_api.merges AS m
 WHERE m.space = $1
   AND m.parties && ARRAY (SELECT r.record
                             FROM contacts_api.records AS r
                            WHERE r.space = $1 AND r.contact = $2 AND r.stood)
   AND ($3::timestamptz IS NULL OR (m.at, m.merge) < ($3::timestamptz, $4::text))
 ORDER BY m.at DESC, m.merge DESC
 LIMIT $5;

-- name: find_merge
-- $1 space, $2 merge
SELECT m.merge, m.into_contact, m.absorbed, m.parties, m.cause, m.link, m.at, m.undone_at
  FROM contacts_api.merges AS m
 WHERE m.space = $1 AND m.merge = $2;

-- name: list_parties
-- What the ids of a merge lead to now.
-- $1 space, $2 ids
SELECT r.record, r.contact
  FROM contacts_api.records AS r
 WHERE r.space = $1 AND r.record = ANY ($2::text[]);

-- name: list_alike
-- Known contacts of the same name that share the company or the local part of an e-mail.
-- $1 space, $2 contact, $3 what a blank sort key is
SELECT o.contact, o.company = c.company AND c.company <> $3 AS same_company,
       split_part(o.email, '@', 1) = split_part(c.email, '@', 1) AND c.email <> $3 AS same_local_part
  FROM contacts_api.contacts AS c
  JOIN contacts_api.contacts AS o
    ON o.space = c.space AND o.name = c.name AND o.contact <> c.contact
 WHERE c.space = $1
   AND c.contact = $2
   AND c.name <> $3
   AND c.kind <> 'anonymous'
   AND o.kind <> 'anonymous'
   AND o.erasure IS NULL
   AND ((o.company = c.company AND c.company <> $3)
        OR (split_part(o.email, '@', 1) = split_part(c.email, '@', 1) AND c.email <> $3))
 ORDER BY o.contact
 LIMIT 50;

-- name: list_dismissed
-- The contacts that were dismissed as duplicates of this one, by any id that either ever had.
-- $1 space, $2 contact
WITH mine AS (
    SELECT r.record FROM contacts_api.records AS r WHERE r.space = $1 AND r.contact = $2 AND r.stood
), named AS (
    SELECT d.other AS record
      FROM contacts_api.dismissals AS d
      JOIN mine ON mine.record = d.one
     WHERE d.space = $1
     UNION
    SELECT d.one
      FROM contacts_api.dismissals AS d
      JOIN mine ON mine.record = d.other
     WHERE d.space = $1
)
SELECT DISTINCT r.contact
  FROM named
  JOIN contacts_api.records AS r ON r.space = $1 AND r.record = named.record
 WHERE r.contact IS NOT NULL;

-- name: insert_dismissal
-- $1 space, $2 and $3 two contacts in their order, $4 who, $5 when
INSERT INTO contacts_api.dismissals (space, one, other, dismissed_by, dismissed_at)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING;

-- name: upsert_holds
-- $1 spaces, $2 holds, $3 reasons, $4 contacts, $5 when held
INSERT INTO contacts_api.holds (space, hold, reason, contacts, held_at)
SELECT space, hold, reason, contacts, held_at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::timestamptz[])
       AS n (space, hold, reason, contacts, held_at)
    ON CONFLICT (space, hold) DO NOTHING;

-- name: mark_released
-- $1 spaces, $2 holds, $3 when released
UPDATE contacts_api.holds AS h
   SET released_at = n.released_at
  FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (space, hold, released_at)
 WHERE h.space = n.space AND h.hold = n.hold;

-- name: list_holds
-- $1 space
SELECT hold, reason, contacts, held_at
  FROM contacts_api.holds
 WHERE space = $1 AND released_at IS NULL
 ORDER BY held_at, hold
 LIMIT 100;

-- ── crm ─────────────────────────────────────────────────────────────────────────────────────────

-- name: upsert_crm_states
-- $1 rows as JSON, the newest of each contact and connection
INSERT INTO contacts_api.crm_states AS s
       (space, contact, connection, kind, state, reason, remote_id, remote_url, synced_at, sequence)
SELECT n.space, n.contact, n.connection, n.kind, n.state, n.reason, n.remote_id, n.remote_url,
       n.synced_at, n.sequence
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, contact text, connection text, kind text, state text, reason text,
             remote_id text, remote_url text, synced_at timestamptz, sequence bigint)
    ON CONFLICT (space, contact, connection) DO UPDATE
   SET kind = excluded.kind, state = excluded.state, reason = excluded.reason,
       remote_id = excluded.remote_id, remote_url = excluded.remote_url,
       synced_at = excluded.synced_at, sequence = excluded.sequence
 WHERE s.sequence < excluded.sequence;

-- name: upsert_crm_connections
-- $1 rows as JSON, the newest of each connection
INSERT INTO contacts_api.crm_connections AS c
       (space, connection, kind, label, state, reason, sequence)
SELECT n.space, n.connection, n.kind, n.label, n.state, n.reason, n.sequence
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, connection text, kind text, label text, state text, reason text,
             sequence bigint)
    ON CONFLICT (space, connection) DO UPDATE
   SET kind = excluded.kind, label = excluded.label, state = excluded.state,
       reason = excluded.reason, sequence = excluded.sequence
 WHERE c.sequence < excluded.sequence;

-- ── erasures ────────────────────────────────────────────────────────────────────────────────────

-- name: insert_erasure
-- None: it is known.
-- $1 space, $2 erasure, $3 contact, $4 mode, $5 grace in days, $6 reason, $7 who, $8 when
INSERT INTO contacts_api.erasures
       (space, erasure, contact, mode, grace_days, reason, requested_by, requested_at, state,
        state_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'requested', $8)
    ON CONFLICT DO NOTHING
RETURNING erasure;

-- name: hide_contact
-- The version that was seen goes along. None: somebody else hid it first.
-- $1 space, $2 contact, $3 erasure
UPDATE contacts_api.contacts AS c
   SET erasure = $3
 WHERE c.space = $1 AND c.contact = $2 AND c.erasure IS NULL
RETURNING c.version;

-- name: show_contacts
-- An erasure that fixed nothing hides nothing.
-- $1 spaces, $2 erasures
UPDATE contacts_api.contacts AS c
   SET erasure = NULL
  FROM unnest($1::text[], $2::text[]) AS blocked (space, erasure)
 WHERE c.space = blocked.space AND c.erasure = blocked.erasure;

-- name: insert_fences
-- $1 spaces, $2 records, $3 erasures
INSERT INTO contacts_api.fences (space, record, erasure)
SELECT n.space, n.record, n.erasure
  FROM unnest($1::text[], $2::text[], $3::text[]) AS n (space, record, erasure)
    ON CONFLICT (space, record) DO NOTHING;

-- name: insert_fences_of_ids
-- Ids that the person was known under; one that leads to somebody living keeps doing so.
-- $1 spaces, $2 ids, $3 erasures
INSERT INTO contacts_api.fences (space, record, erasure)
SELECT n.space, n.record, n.erasure
  FROM unnest($1::text[], $2::text[], $3::text[]) AS n (space, record, erasure)
 WHERE NOT EXISTS (SELECT FROM contacts_api.records AS r
                     JOIN contacts_api.contacts AS c
                       ON c.space = r.space AND c.contact = r.contact AND c.erasure IS NULL
                    WHERE r.space = n.space AND r.record = n.record)
    ON CONFLICT (space, record) DO NOTHING;

-- name: drop_fenced
-- The list and the search forget a fenced person; what happened stays until the grace is over.
-- $1 spaces, $2 records
DELETE FROM contacts_api.contacts AS c
 USING unnest($1::text[], $2::text[]) AS n (space, record)
 WHERE c.space = n.space AND c.contact = n.record;

-- name: mark_erasures
-- $1 spaces, $2 erasures, $3 states, $4 reasons, $5 times, the newest of each
UPDATE contacts_api.erasures AS e
   SET state = n.state, blocked = n.blocked, state_at = n.at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
       AS n (space, erasure, state, blocked, at)
 WHERE e.space = n.space AND e.erasure = n.erasure AND e.state <> 'erased';

-- name: upsert_fenced_receipts
-- $1 spaces, $2 erasures, $3 slices, $4 times
INSERT INTO contacts_api.receipts AS r (space, erasure, slice, fenced_at)
SELECT n.space, n.erasure, n.slice, n.at
  FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
       AS n (space, erasure, slice, at)
    ON CONFLICT (space, erasure, slice) DO UPDATE
   SET fenced_at = coalesce(r.fenced_at, excluded.fenced_at);

-- name: upsert_erased_receipts
-- $1 rows as JSON, one a slice
INSERT INTO contacts_api.receipts AS r
       (space, erasure, slice, erased_at, counts, expires, remaining)
SELECT n.space, n.erasure, n.slice, n.erased_at, n.counts, n.expires, n.remaining
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, erasure text, slice text, erased_at timestamptz, counts jsonb,
             expires jsonb, remaining integer)
    ON CONFLICT (space, erasure, slice) DO UPDATE
   SET erased_at = excluded.erased_at, counts = excluded.counts, expires = excluded.expires,
       remaining = excluded.remaining;

-- name: erase_records
-- Everything that is kept by record or by an id that it was known under, in one go.
-- $1 space, $2 records, $3 ids
WITH named AS (
         SELECT array_agg(DISTINCT id) AS ids
           FROM unnest($2::text[] || $3::text[]) AS id),
     gone_timeline AS (
         DELETE FROM contacts_api.timeline
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_activity AS (
         DELETE FROM contacts_api.activity
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_conversations AS (
         DELETE FROM contacts_api.conversations
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_claims AS (
         DELETE FROM contacts_api.proven_claims
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_notes AS (
         DELETE FROM contacts_api.notes
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_records AS (
         DELETE FROM contacts_api.records
          WHERE space = $1 AND record = ANY ($2::text[]) RETURNING 1),
     gone_contacts AS (
         DELETE FROM contacts_api.contacts
          WHERE space = $1 AND contact = ANY ($2::text[]) RETURNING 1),
     gone_states AS (
         DELETE FROM contacts_api.crm_states
          WHERE space = $1 AND contact = ANY ($2::text[]) RETURNING 1),
     gone_merges AS (
         DELETE FROM contacts_api.merges
          WHERE space = $1 AND parties && (SELECT ids FROM named) RETURNING 1),
     gone_dismissals AS (
         DELETE FROM contacts_api.dismissals
          WHERE space = $1
            AND (one = ANY ((SELECT ids FROM named)::text[])
                 OR other = ANY ((SELECT ids FROM named)::text[])) RETURNING 1),
     gone_answers AS (
         DELETE FROM contacts_api.answers
          WHERE space = $1 AND contacts && (SELECT ids FROM named) RETURNING 1)
SELECT (SELECT count(*) FROM gone_timeline) AS timeline,
       (SELECT count(*) FROM gone_activity) AS activity,
       (SELECT count(*) FROM gone_conversations) AS conversations,
       (SELECT count(*) FROM gone_claims) AS claims,
       (SELECT count(*) FROM gone_notes) AS notes,
       (SELECT count(*) FROM gone_records) AS records,
       (SELECT count(*) FROM gone_contacts) AS contacts,
       (SELECT count(*) FROM gone_states) AS crm_states,
       (SELECT count(*) FROM gone_merges) AS merges,
       (SELECT count(*) FROM gone_answers) AS answers;

-- name: count_left
-- A fresh look after the work, by record id.
-- $1 space, $2 records
SELECT (SELECT count(*) FROM contacts_api.timeline
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.activity
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.conversations
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.proven_claims
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.notes
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.records
         WHERE space = $1 AND record = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.contacts
         WHERE space = $1 AND contact = ANY ($2::text[]))
     + (SELECT count(*) FROM contacts_api.crm_states
         WHERE space = $1 AND contact = ANY ($2::text[]));

-- name: find_receipt
-- What this slice answered before: a second run repeats it.
-- $1 space, $2 erasure, $3 slice
SELECT r.counts::text AS counts, r.remaining
  FROM contacts_api.receipts AS r
 WHERE r.space = $1 AND r.erasure = $2 AND r.slice = $3 AND r.erased_at IS NOT NULL;

-- name: find_erasure
-- $1 space, $2 erasure
SELECT e.erasure, e.contact, e.mode, e.grace_days, e.reason, e.requested_by, e.requested_at,
       e.state, e.blocked, e.state_at
  FROM contacts_api.erasures AS e
 WHERE e.space = $1 AND e.erasure = $2;

-- name: list_erasures
-- $1 space, $2 time and $3 erasure to go on from, $4 rows
SELECT e.erasure, e.contact, e.mode, e.grace_days, e.reason, e.requested_by, e.requested_at,
       e.state, e.blocked, e.state_at
  FROM contacts_api.erasures AS e
 WHERE e.space = $1
   AND ($2::timestamptz IS NULL OR (e.requested_at, e.erasure) < ($2::timestamptz, $3::text))
 ORDER BY e.requested_at DESC, e.erasure DESC
 LIMIT $4;

-- name: list_receipts
-- $1 space, $2 erasures
SELECT r.erasure, r.slice, r.fenced_at, r.erased_at, r.counts::text AS counts,
       r.expires::text AS expires, r.remaining
  FROM contacts_api.receipts AS r
 WHERE r.space = $1 AND r.erasure = ANY ($2::text[])
 ORDER BY r.erasure, r.slice;

-- ── commands ────────────────────────────────────────────────────────────────────────────────────

-- name: insert_commands
-- $1 space, $2 commands, $3 kind, $4 actor
INSERT INTO contacts_api.commands (space, command, kind, actor)
SELECT $1, command, $3, $4
  FROM unnest($2::text[]) AS command;

-- name: mark_settled
-- Commands of other services settle on the same topic; they are not waited for here.
-- $1 rows as JSON
UPDATE contacts_api.commands AS c
   SET settled_at = now(), outcome = n.outcome, contact = n.contact, contacts = n.contacts,
       merge = n.merge, code = n.code, outranked = n.outranked
  FROM jsonb_to_recordset($1::jsonb)
       AS n (space text, command text, outcome text, contact text, contacts text[], merge text,
             code text, outranked text[])
 WHERE c.space = n.space AND c.command = n.command AND c.settled_at IS NULL
RETURNING c.command;

-- name: find_settled
-- The one poll of all waiting calls.
-- $1 commands
SELECT c.command
  FROM contacts_api.commands AS c
 WHERE c.command = ANY ($1::text[]) AND c.settled_at IS NOT NULL;

-- name: list_commands
-- $1 space, $2 commands
SELECT c.command, c.kind, c.settled_at, c.outcome, c.contact, c.contacts, c.merge, c.code,
       c.outranked
  FROM contacts_api.commands AS c
 WHERE c.space = $1 AND c.command = ANY ($2::text[]);

-- name: delete_old_commands
-- A status address answers for a day.
DELETE FROM contacts_api.commands AS c
 WHERE c.ordered_at < now() - interval '24 hours';

-- ── answers ─────────────────────────────────────────────────────────────────────────────────────

-- name: claim_answer
-- The first call of a key runs; one that died on the way frees it after a minute.
-- $1 space, $2 caller, $3 key, $4 digest of the request
INSERT INTO contacts_api.answers AS a (space, caller, once, digest)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (space, caller, once) DO UPDATE
   SET digest = excluded.digest, created_at = now(), status = NULL, body = NULL, contacts = '{}'
 WHERE a.created_at < now() - interval '24 hours'
    OR a.status IS NULL AND a.digest = excluded.digest
       AND a.created_at < now() - interval '60 seconds'
RETURNING a.once;

-- name: find_answer
-- $1 space, $2 caller, $3 key
SELECT a.digest, a.status, a.location, a.body
  FROM contacts_api.answers AS a
 WHERE a.space = $1 AND a.caller = $2 AND a.once = $3;

-- name: keep_answer
-- $1 space, $2 caller, $3 key, $4 status, $5 location, $6 body, $7 contacts in it
UPDATE contacts_api.answers AS a
   SET status = $4, location = $5, body = $6, contacts = $7
 WHERE a.space = $1 AND a.caller = $2 AND a.once = $3;

-- name: forget_answer
-- An answer that a repeat may change: the next call of the key runs again.
-- $1 space, $2 caller, $3 key
DELETE FROM contacts_api.answers AS a
 WHERE a.space = $1 AND a.caller = $2 AND a.once = $3;

-- name: delete_old_answers
DELETE FROM contacts_api.answers AS a
 WHERE a.created_at < now() - interval '24 hours';

-- ── notes ───────────────────────────────────────────────────────────────────────────────────────

-- name: list_notes
-- $1 space, $2 contact, $3 time and $4 note to go on from, $5 rows
SELECT n.note, n.text, n.author, n.created_at, n.updated_at, n.version
  FROM contacts_api.notes AS n
  JOIN contacts_api.records AS r USING (space, record)
 WHERE n.space = $1 AND r.contact = $2
   AND ($3::timestamptz IS NULL OR (n.created_at, n.note) < ($3::timestamptz, $4::text))
 ORDER BY n.created_at DESC, n.note DESC
 LIMIT $5;

-- name: insert_note
-- $1 space, $2 note, $3 record, $4 text, $5 author, $6 when
INSERT INTO contacts_api.notes (space, note, record, text, author, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
RETURNING note, text, author, created_at, updated_at, version;

-- name: update_note
-- None: there is no such note on this contact, or it has another version.
-- $1 space, $2 contact, $3 note, $4 text, $5 when, $6 expected version or null
UPDATE contacts_api.notes AS n
   SET text = $4, updated_at = $5, version = n.version + 1
  FROM contacts_api.records AS r
 WHERE n.space = $1 AND n.note = $3 AND r.space = n.space AND r.record = n.record
   AND r.contact = $2 AND ($6::integer IS NULL OR n.version = $6)
RETURNING n.note, n.text, n.author, n.created_at, n.updated_at, n.version;

-- name: find_note
-- $1 space, $2 contact, $3 note
SELECT n.version
  FROM contacts_api.notes AS n
  JOIN contacts_api.records AS r USING (space, record)
 WHERE n.space = $1 AND n.note = $3 AND r.contact = $2;

-- name: delete_note
-- $1 space, $2 contact, $3 note
DELETE FROM contacts_api.notes AS n
 USING contacts_api.records AS r
 WHERE n.space = $1 AND n.note = $3 AND r.space = n.space AND r.record = n.record
   AND r.contact = $2
RETURNING n.note;

-- ── audit ───────────────────────────────────────────────────────────────────────────────────────

-- name: insert_audit
-- $1 space, $2 entries, $3 kind, $4 id and $5 name of the actor, $6 action, $7 contacts,
-- $8 detail as JSON
INSERT INTO contacts_api.audit
       (space, entry, actor_kind, actor, actor_name, action, contact, detail)
SELECT $1, n.entry, $3, $4, $5, $6, n.contact, $8::jsonb
  FROM unnest($2::text[], $7::text[]) AS n (entry, contact);

-- name: list_audit
-- $1 space, $2 time and $3 entry to go on from, $4 rows, $5 contact, $6 action
SELECT a.entry, a.at, a.actor_kind, a.actor, a.actor_name, a.action, a.contact,
       a.detail::text AS detail
  FROM contacts_api.audit AS a
 WHERE a.space = $1
   AND ($2::timestamptz IS NULL OR (a.at, a.entry) < ($2::timestamptz, $3::text))
   AND ($5::text IS NULL OR a.contact = $5)
   AND ($6::text IS NULL OR a.action = $6)
 ORDER BY a.at DESC, a.entry DESC
 LIMIT $4;

-- ── workspaces ──────────────────────────────────────────────────────────────────────────────────

-- name: upsert_workspace
-- $1 id if it is new, $2 name
INSERT INTO contacts_api.workspaces AS w (workspace, name)
VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING w.workspace;

-- name: upsert_space
-- $1 id if it is new, $2 workspace, $3 name
INSERT INTO contacts_api.spaces AS s (space, workspace, name)
VALUES ($1, $2, $3)
    ON CONFLICT (workspace, name) DO UPDATE SET name = excluded.name
RETURNING s.space;

-- name: find_agent_by_name
-- $1 workspace, $2 name
SELECT a.agent, a.space
  FROM contacts_api.agents AS a
 WHERE a.workspace = $1 AND a.name = $2;

-- name: upsert_agent
-- Its space is fixed once: contacts cannot change spaces.
-- $1 id if it is new, $2 workspace, $3 space, $4 name, $5 region, $6 grace in days,
-- $7 policies and $8 limits as JSON
INSERT INTO contacts_api.agents AS a
       (agent, workspace, space, name, region, grace_days, policies, limits)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8::jsonb)
    ON CONFLICT (workspace, name) DO UPDATE
   SET region = excluded.region, grace_days = excluded.grace_days,
       policies = excluded.policies, limits = excluded.limits
RETURNING a.agent, a.space;

-- name: update_agent
-- $1 agent, $2 name, $3 region, $4 grace in days, $5 policies and $6 limits as JSON
UPDATE contacts_api.agents AS a
   SET name = $2, region = $3, grace_days = $4, policies = $5::jsonb, limits = $6::jsonb
 WHERE a.agent = $1;

-- name: find_agents
-- Locked where settings are changed, so that they are published in the order of their changes.
-- $1 agents
SELECT a.agent, a.workspace, a.space, a.name, a.region, a.grace_days,
       a.policies::text AS policies, a.limits::text AS limits
  FROM contacts_api.agents AS a
 WHERE a.agent = ANY ($1::text[])
 ORDER BY a.agent
   FOR NO KEY UPDATE;

-- name: find_unpublished
-- Whom another copy of this service is about to publish is left to it.
-- $1 not published since, $2 agents at most
SELECT a.agent, a.space
  FROM contacts_api.agents AS a
 WHERE a.published_at < $1
 ORDER BY a.published_at
 LIMIT $2
   FOR NO KEY UPDATE SKIP LOCKED;

-- name: mark_published
-- $1 agents, $2 now
UPDATE contacts_api.agents SET published_at = $2 WHERE agent = ANY ($1::text[]);

-- name: list_agents
-- $1 workspace
SELECT a.agent, a.workspace, a.space, a.name, a.region, a.grace_days,
       a.policies::text AS policies, a.limits::text AS limits
  FROM contacts_api.agents AS a
 WHERE a.workspace = $1
 ORDER BY a.created_at, a.agent;

-- name: insert_key
-- Given again, as by a repeated provisioning, a key takes its new scopes, origins and limits.
-- $1 agent, $2 key id, $3 kind, $4 digest, $5 last four, $6 scopes, $7 origins, $8 native,
-- $9 limits as JSON
INSERT INTO contacts_api.keys AS k
       (agent, key, kind, digest, last4, scopes, origins, native, limits)
VALUES ($1, $2, $3, $4, $5, $6::text[], $7::text[], $8, $9::jsonb)
    ON CONFLICT (digest) DO UPDATE
   SET scopes = excluded.scopes, origins = excluded.origins, native = excluded.native,
       limits = excluded.limits, revoked_at = NULL
 WHERE k.agent = excluded.agent
RETURNING k.key;

-- name: list_keys
-- $1 agents
SELECT k.agent, k.key, k.kind, k.digest, k.last4, k.scopes, k.origins, k.native, k.limits::text AS limits,
       k.created_at
  FROM contacts_api.keys AS k
 WHERE k.agent = ANY ($1::text[]) AND k.revoked_at IS NULL
 ORDER BY k.created_at, k.key;

-- name: revoke_key
-- $1 agent, $2 key id
UPDATE contacts_api.keys AS k
   SET revoked_at = now()
 WHERE k.agent = $1 AND k.key = $2 AND k.revoked_at IS NULL
RETURNING k.key;

-- name: find_caller
-- Who an API key stands for, with everything that an action may need of its agent.
-- $1 digest
SELECT k.key, k.last4, k.scopes, coalesce(k.limits, a.limits)::text AS limits,
       k.limits IS NOT NULL AS own_limits, a.agent, a.workspace, a.space, a.region, a.grace_days,
       a.policies::text AS policies
  FROM contacts_api.keys AS k
  JOIN contacts_api.agents AS a USING (agent)
 WHERE k.digest = $1 AND k.kind = 'api' AND k.revoked_at IS NULL;

-- ── users ───────────────────────────────────────────────────────────────────────────────────────

-- name: upsert_user
-- $1 id if new, $2 workspace, $3 login, $4 password hash, $5 role
INSERT INTO contacts_api.users AS u (user_id, workspace, login, password, role)
VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (login) DO UPDATE
   SET password = excluded.password, role = excluded.role
 WHERE u.workspace = excluded.workspace
RETURNING u.user_id;

-- name: find_user
-- $1 login
SELECT u.user_id, u.workspace, u.login, u.password, u.role
  FROM contacts_api.users AS u
 WHERE u.login = $1;

-- name: list_users
-- $1 workspace
SELECT u.user_id, u.workspace, u.login, u.password, u.role
  FROM contacts_api.users AS u
 WHERE u.workspace = $1
 ORDER BY u.login;

-- name: update_password
-- $1 user, $2 password hash
UPDATE contacts_api.users AS u
   SET password = $2
 WHERE u.user_id = $1;

-- name: insert_sign_in
-- $1 digest, $2 user
INSERT INTO contacts_api.sign_ins (digest, user_id)
VALUES ($1, $2);

-- name: use_sign_in
-- 12 hours without a page, or 7 days in all, end it.
-- $1 digest
UPDATE contacts_api.sign_ins AS s
   SET used_at = now()
  FROM contacts_api.users AS u
 WHERE s.digest = $1 AND u.user_id = s.user_id
   AND s.used_at > now() - interval '12 hours' AND s.created_at > now() - interval '7 days'
RETURNING u.user_id, u.workspace, u.login, u.role;

-- name: delete_sign_in
-- $1 digest
DELETE FROM contacts_api.sign_ins AS s
 WHERE s.digest = $1;

-- name: delete_old_sign_ins
DELETE FROM contacts_api.sign_ins AS s
 WHERE s.used_at < now() - interval '12 hours' OR s.created_at < now() - interval '7 days';
