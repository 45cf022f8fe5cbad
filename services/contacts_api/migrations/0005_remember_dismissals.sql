-- Possible duplicates of which somebody said that they are none: two ids, the smaller one first. What
-- either of them leads to by now is dismissed with it.
CREATE TABLE contacts_api.dismissals (
    space        text        NOT NULL,
    one          text        NOT NULL,
    other        text        NOT NULL,
    dismissed_by text        NOT NULL,
    dismissed_at timestamptz NOT NULL,
    PRIMARY KEY (space, one, other)
);
-- From either side.
CREATE INDEX dismissals_space_other_idx ON contacts_api.dismissals (space, other);
