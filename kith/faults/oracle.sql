-- Read as the administrator, past everything that is broken.

-- name: list_timeline
-- Every entry that a contact shows, with how many rows tell of the same event.
-- $1 agents' spaces
SELECT t.space, t.event_id, count(*) AS entries
  FROM contacts_api.timeline AS t
  JOIN contacts_api.records AS r ON r.space = t.space AND r.record = t.record
 WHERE t.space = ANY ($1::text[])
   AND r.contact IS NOT NULL
 GROUP BY t.space, t.event_id;

-- name: list_applied
-- Every write of an effect, in the order of the writes: also those a unique key then swallowed.
-- $1 number of a write: what came behind it
SELECT a.slice, a.name, a.transaction::text AS transaction
  FROM faults.applied AS a
 WHERE a.no > $1
 ORDER BY a.no;

-- name: get_last_applied
-- Where the log of writes is.
SELECT coalesce(max(a.no), 0)
  FROM faults.applied AS a;

-- name: list_accepted
-- What the door committed.
-- $1 agents
SELECT e.agent, e.event
  FROM ingest.accepted_events AS e
 WHERE e.agent = ANY ($1::text[]);

-- name: list_facts
-- All that the resolver has been told.
-- $1 space
SELECT f.fact, f.kind, f.record, f.t, f.body::text AS body
  FROM merge_resolver.facts AS f
 WHERE f.space = $1
 UNION ALL
SELECT d.fact, d.kind, '', d.t, json_build_object('type', d.type, 'key', d.key)::text
  FROM merge_resolver.decisions AS d
 WHERE d.space = $1;

-- name: list_resolved
-- Records and contacts as the resolver has them.
-- $1 space
SELECT r.record, r.contact, c.snapshot::text AS snapshot
  FROM merge_resolver.records AS r
  LEFT JOIN merge_resolver.contacts AS c ON c.space = r.space AND c.contact = r.contact
 WHERE r.space = $1;

-- name: list_shown
-- Records and contacts as the API has them.
-- $1 space
SELECT r.record, r.contact, p.snapshot::text AS snapshot
  FROM contacts_api.records AS r
  LEFT JOIN contacts_api.profiles AS p ON p.space = r.space AND p.contact = r.contact
 WHERE r.space = $1
   AND r.contact IS NOT NULL;
