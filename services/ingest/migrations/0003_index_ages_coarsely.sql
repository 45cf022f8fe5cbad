-- Events are appended in the order of their acceptance, so a summary of each range of pages finds
-- the old ones; an index entry for each event only cost writing.
DROP INDEX ingest.accepted_events_accepted_at_idx;
CREATE INDEX accepted_events_accepted_at_idx ON ingest.accepted_events USING brin (accepted_at);
