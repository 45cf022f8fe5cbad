-- Blobs of which nothing outside is told until somebody has looked: one fact changed more contacts
-- than it should, or so much is shared that there is half of what may be evaluated. A released one
-- stays, so that the same heap is not held again and again.
CREATE TABLE merge_resolver.holds (
    space       text        NOT NULL,
    hold        text        NOT NULL,
    blob        text        NOT NULL,
    reason      text        NOT NULL CHECK (reason IN ('many-contacts', 'work-cap')),
    fact        text,
    contacts    integer     NOT NULL,
    held_at     timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (space, hold)
);
-- Found with its blob.
CREATE INDEX holds_space_blob_idx ON merge_resolver.holds (space, blob);
