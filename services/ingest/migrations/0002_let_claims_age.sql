-- A claim that was refused, where its agent's policy is to reject what comes after it.
ALTER TABLE ingest.claims
    ADD COLUMN refused boolean NOT NULL DEFAULT false,
    -- Brought up to date once a day at most, so that a session costs no write for each event.
    ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE ingest.conversations
    ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();
-- Pruned by age; a few rows a day are touched, and a small index finds them.
CREATE INDEX claims_used_at_idx ON ingest.claims USING brin (used_at);
CREATE INDEX conversations_used_at_idx ON ingest.conversations USING brin (used_at);
