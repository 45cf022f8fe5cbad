-- When a contact was last seen changes with every few events, and nothing else of it does: in a
-- table of its own a new time rewrites two small indexes instead of all those of the list.
CREATE TABLE contacts_api.seen (
    space         text        NOT NULL,
    contact       text        NOT NULL,
    kind          text        NOT NULL,
    -- '-infinity': never seen on any channel.
    at            timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (space, contact),
    CONSTRAINT seen_contact_fkey FOREIGN KEY (space, contact)
        REFERENCES contacts_api.contacts ON DELETE CASCADE
);
INSERT INTO contacts_api.seen (space, contact, kind, at)
SELECT c.space, c.contact, c.kind, c.last_seen_at
  FROM contacts_api.contacts AS c;
CREATE INDEX seen_space_at_idx ON contacts_api.seen (space, at, contact);
CREATE INDEX seen_space_known_at_idx
    ON contacts_api.seen (space, at, contact) WHERE kind <> 'anonymous';
DROP INDEX contacts_api.contacts_space_last_seen_at_idx;
DROP INDEX contacts_api.contacts_space_known_last_seen_at_idx;
ALTER TABLE contacts_api.contacts DROP COLUMN last_seen_at;

-- Rows that are written again and again: with room in their page no index is touched.
ALTER TABLE contacts_api.activity SET (fillfactor = 70);
ALTER TABLE contacts_api.conversations SET (fillfactor = 70);
