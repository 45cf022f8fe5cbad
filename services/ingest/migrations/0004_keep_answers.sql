-- Answers to calls with an Idempotency-Key, for a day.
CREATE TABLE ingest.answers (
    agent      text        NOT NULL,
    caller     text        NOT NULL,
    once       text        NOT NULL,
    digest     text        NOT NULL,
    body       text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (agent, caller, once)
);
-- Pruned by age.
CREATE INDEX answers_created_at_idx ON ingest.answers USING brin (created_at);
