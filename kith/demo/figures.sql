-- Read with the inspector's address of stack.env: figures that no door of the API gives as one number.

-- name: get_space
-- $1 agent
SELECT a.space
  FROM contacts_api.agents AS a
 WHERE a.agent = $1;

-- name: count_accepted_events
-- $1 agent, $2 since
SELECT count(*)
  FROM ingest.accepted_events AS e
 WHERE e.agent = $1
   AND e.accepted_at >= $2;

-- name: count_merges
-- Two contacts that became one, by what made them one. What was undone counts too.
-- $1 space, $2 since
SELECT m.cause,
       (m.evidence ->> 'rank')::int AS rank,
       count(*)                     AS merges
  FROM contacts_api.merges AS m
 WHERE m.space = $1
   AND m.at >= $2
 GROUP BY m.cause, rank
 ORDER BY m.cause, rank;

-- name: count_refused_claims
-- People who said to be somebody and could not sign for it.
-- $1 space, $2 since
SELECT v.outcome,
       count(*) AS claims
  FROM identity_verify.verdicts AS v
 WHERE v.space = $1
   AND v.at >= $2
   AND v.outcome <> 'proven'
 GROUP BY v.outcome
 ORDER BY v.outcome;

-- name: list_facts
-- All that the resolver has been told in this space.
-- $1 space
SELECT f.fact, f.kind, f.record, f.t, f.body::text AS body
  FROM merge_resolver.facts AS f
 WHERE f.space = $1
 UNION ALL
SELECT d.fact, d.kind, '', d.t, json_build_object('type', d.type, 'key', d.key)::text
  FROM merge_resolver.decisions AS d
 WHERE d.space = $1;
