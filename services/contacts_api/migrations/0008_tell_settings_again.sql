-- Settings are published again each day, so that the outbox always holds those of every agent.
ALTER TABLE contacts_api.agents ADD COLUMN published_at timestamptz NOT NULL DEFAULT '-infinity';
CREATE INDEX agents_by_published_at ON contacts_api.agents (published_at);
