-- name: lock_head
-- The last lock of every transaction, held to the commit: so commit order is sequence order.
-- $1 number of messages
UPDATE outbox_head
   SET last_seq = last_seq + $1
RETURNING last_seq;

-- name: move_tails
-- Last sequence of each partition before this transaction. The head is locked: nobody else moves them.
-- $1 topics, $2 partitions, $3 their new last sequences
WITH fresh AS (
    SELECT f.topic, f.partition, f.last_seq
      FROM unnest($1::text[], $2::int[], $3::bigint[]) AS f (topic, partition, last_seq)
), before AS (
    SELECT t.topic, t.partition, t.last_seq
      FROM outbox_tails AS t
      JOIN fresh AS f USING (topic, partition)
), moved AS (
    INSERT INTO outbox_tails (topic, partition, last_seq)
    SELECT f.topic, f.partition, f.last_seq
      FROM fresh AS f
        ON CONFLICT (topic, partition) DO UPDATE SET last_seq = excluded.last_seq
)
SELECT b.topic, b.partition, b.last_seq
  FROM before AS b;

-- name: try_relay_lock
-- One relay per service: whoever holds this lock of the session. The two keys name relay and schema.
SELECT pg_try_advisory_lock(hashtext('kith.relay'), hashtext(current_schema()));

-- name: get_relay_state
-- How far the relay is, and what there is to send.
SELECT m.last_seq AS mark, h.last_seq AS head
  FROM relay_mark AS m, outbox_head AS h;

-- name: list_holes
-- Numbers that a restore has left out: they will never come.
SELECT h.first_seq, h.last_seq
  FROM outbox_holes AS h;

-- name: insert_hole
-- So that the relay does not stop where a restore has jumped.
-- $1 first number left out, $2 last one
INSERT INTO outbox_holes (first_seq, last_seq)
VALUES ($1, $2);

-- name: end_relay
-- Takes the relay's lock from whoever holds it; that relay asks for it again.
SELECT pg_terminate_backend(l.pid)
  FROM pg_locks AS l
  JOIN pg_database AS d ON d.oid = l.database
 WHERE l.locktype = 'advisory'
   AND l.granted
   AND d.datname = current_database()
   AND l.classid::bigint = hashtext('kith.relay')::bigint & 4294967295
   AND l.objid::bigint = hashtext(current_schema())::bigint & 4294967295;

-- name: list_unsent
-- The next rows in order, at least one; a mark that was set back may stand inside a row.
-- $1 mark, $2 most messages
SELECT n.first_seq, n.last_seq, n.prev, n.topic, n.partition, n.messages
  FROM (SELECT o.first_seq, o.last_seq, o.prev, o.topic, o.partition, o.messages,
               sum(o.last_seq - o.first_seq + 1) OVER (ORDER BY o.last_seq) AS messages_so_far
          FROM outbox AS o
         WHERE o.last_seq > $1
         ORDER BY o.last_seq
         LIMIT $2) AS n
 WHERE n.messages_so_far - (n.last_seq - n.first_seq + 1) < $2
 ORDER BY n.last_seq;

-- name: mark_sent
-- Compare and set: a refill that moved the mark back meanwhile wins. Offsets are kept in any case.
-- $1 mark as read, $2 new mark, $3 topics, $4 partitions, $5 their last acknowledged offsets
WITH acknowledged AS (
    INSERT INTO relay_offsets (topic, partition, last_offset)
    SELECT a.topic, a.partition, a.last_offset
      FROM unnest($3::text[], $4::int[], $5::bigint[]) AS a (topic, partition, last_offset)
        ON CONFLICT (topic, partition) DO UPDATE SET last_offset = excluded.last_offset
)
UPDATE relay_mark
   SET last_seq = $2
 WHERE last_seq = $1
RETURNING last_seq;

-- name: list_relay_offsets
-- What the broker acknowledged, to be compared with where its logs end.
SELECT r.topic, r.partition, r.last_offset
  FROM relay_offsets AS r;

-- name: forget_relay_offsets
-- A cut log begins anew: what was acknowledged there says nothing any more.
-- $1 topics, $2 partitions
DELETE FROM relay_offsets AS r
 USING unnest($1::text[], $2::int[]) AS cut (topic, partition)
 WHERE r.topic = cut.topic
   AND r.partition = cut.partition;

-- name: lock_mark
-- Before pruning and before setting back, so that neither counts rows the other is about to change.
SELECT m.last_seq
  FROM relay_mark AS m
   FOR UPDATE;

-- name: set_mark_back
-- Refill: send again from a sequence, or from the oldest kept row. Never forward.
-- $1 first sequence to send again
UPDATE relay_mark AS m
   SET last_seq = least(m.last_seq,
                        greatest($1::bigint, (SELECT o.first_seq
                                                FROM outbox AS o
                                               ORDER BY o.last_seq
                                               LIMIT 1)) - 1)
 WHERE EXISTS (SELECT FROM outbox)
RETURNING m.last_seq;

-- name: prune_outbox
-- Rows older than every topic's retention. What is not acknowledged yet is never dropped.
-- $1 days kept, $2 limit
DELETE FROM outbox
 WHERE last_seq IN (SELECT o.last_seq
                      FROM outbox AS o
                     WHERE o.created_at < now() - make_interval(days => $1)
                       AND o.last_seq <= (SELECT m.last_seq FROM relay_mark AS m)
                     ORDER BY o.last_seq
                     LIMIT $2);

-- name: prune_dead_letters
-- They hold whole bodies, so they go when the outbox's copies go.
-- $1 days kept
DELETE FROM dead_letters
 WHERE created_at < now() - make_interval(days => $1);

-- name: get_outbox_depth
-- For the metric that says first that a relay hangs.
SELECT h.last_seq - m.last_seq AS rows,
       coalesce(extract(epoch FROM clock_timestamp() - (SELECT o.created_at
                                                          FROM outbox AS o
                                                         WHERE o.last_seq > m.last_seq
                                                         ORDER BY o.last_seq
                                                         LIMIT 1)), 0)::float8 AS oldest_seconds
  FROM relay_mark AS m, outbox_head AS h;

-- name: insert_watermarks
-- So that there is a row to lock for a producer that was never seen.
-- $1 topic, $2 partitions, $3 producers
INSERT INTO watermarks (topic, partition, producer)
SELECT $1, seen.partition, seen.producer
  FROM unnest($2::int[], $3::text[]) AS seen (partition, producer)
 ORDER BY seen.partition, seen.producer
    ON CONFLICT (topic, partition, producer) DO NOTHING;

-- name: lock_watermarks
-- The first lock of every batch, in one order everywhere: all the fencing there is.
-- $1 topic, $2 partitions, $3 producers
SELECT w.partition, w.producer, w.last_seq
  FROM watermarks AS w
 WHERE w.topic = $1
   AND (w.partition, w.producer) IN (SELECT seen.partition, seen.producer
                                       FROM unnest($2::int[], $3::text[]) AS seen (partition, producer))
 ORDER BY w.topic, w.partition, w.producer
   FOR UPDATE;

-- name: move_watermarks
-- In the transaction of the effects: both are there or neither is.
-- $1 topic, $2 partitions, $3 producers, $4 sequences, $5 offsets, $6 append times
UPDATE watermarks AS w
   SET last_seq = m.last_seq, last_offset = m.last_offset, last_append_at = m.last_append_at
  FROM unnest($2::int[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])
       AS m (partition, producer, last_seq, last_offset, last_append_at)
 WHERE w.topic = $1
   AND w.partition = m.partition
   AND w.producer = m.producer;

-- name: begin_watermarks
-- New partitions begin where each producer is: whatever comes there first is newer, and counts as such.
-- $1 topic, $2 first new partition, $3 last one, $4 producers, $5 how far each has sent
INSERT INTO watermarks (topic, partition, producer, last_seq)
SELECT $1, new.partition, sent.producer, sent.last_seq
  FROM generate_series($2::int, $3::int) AS new (partition),
       unnest($4::text[], $5::bigint[]) AS sent (producer, last_seq)
    ON CONFLICT (topic, partition, producer) DO NOTHING;

-- name: get_newest_applied
-- The highest number of a producer that this service has applied, 0 without any.
-- $1 producer
SELECT coalesce(max(w.last_seq), 0)
  FROM watermarks AS w
 WHERE w.producer = $1;

-- name: insert_dead_letters
-- Those that were not there: only they are sent on. Columns as one JSON array of objects.
-- $1 rows: id, topic, partition, record_offset, appended_at, type, slug, key, headers, body (hex)
INSERT INTO dead_letters (id, topic, partition, record_offset, appended_at, type, slug, key, headers, body)
SELECT d.id, d.topic, d.partition, d.record_offset, d.appended_at, d.type, d.slug,
       decode(d.key, 'hex'), d.headers, decode(d.body, 'hex')
  FROM json_to_recordset($1::json)
       AS d (id text, topic text, partition int, record_offset bigint, appended_at timestamptz,
             type text, slug text, key text, headers json, body text)
    ON CONFLICT (id) DO NOTHING
RETURNING id;

-- name: count_dead_letters
-- Those that nobody has sent again, by topic.
SELECT d.topic, count(*) AS letters,
       extract(epoch FROM clock_timestamp() - min(d.created_at))::float8 AS oldest_seconds
  FROM dead_letters AS d
 WHERE d.redriven_at IS NULL
 GROUP BY d.topic;

-- name: list_dead_letters
-- Newest first, without keys, headers and bodies: nothing of a person.
-- $1 limit
SELECT d.id, d.topic, d.partition, d.record_offset, d.type, d.slug, d.appended_at, d.created_at, d.redriven_at
  FROM dead_letters AS d
 ORDER BY d.created_at DESC, d.id
 LIMIT $1;

-- name: mark_redriven
-- In the transaction that sends it again; the second to ask finds it marked.
-- $1 id
UPDATE dead_letters
   SET redriven_at = now()
 WHERE id = $1
   AND redriven_at IS NULL
RETURNING topic, key, headers, body;

-- name: has_dead_letter
-- To tell what was sent again before from what never was there.
-- $1 id
SELECT EXISTS (SELECT FROM dead_letters AS d WHERE d.id = $1);

-- name: list_emitted
-- How far this service has written each partition, and what of it the broker has acknowledged.
SELECT t.topic, t.partition, t.last_seq, r.last_offset
  FROM outbox_tails AS t
  LEFT JOIN relay_offsets AS r USING (topic, partition);

-- name: list_applied
-- How far this service has applied each producer.
SELECT w.topic, w.partition, w.producer, w.last_seq
  FROM watermarks AS w
 WHERE w.last_seq IS NOT NULL;

-- name: name_spaces
-- What row-level security will compare with: the spaces this transaction may touch.
-- $1 spaces, comma-separated
SELECT set_config('kith.spaces', $1, true);

-- name: list_migrations
-- What this schema has seen, to be compared with what the code brings.
SELECT m.name, m.sha256
  FROM migrations AS m;

-- name: get_durability
-- A commit that is not on disk is a promise that a power cut breaks.
SELECT current_setting('synchronous_commit');
