-- What the resolver holds back from CRM and webhooks until somebody has looked.
CREATE TABLE contacts_api.holds (
    space       text        NOT NULL,
    hold        text        NOT NULL,
    reason      text        NOT NULL,
    contacts    integer     NOT NULL,
    held_at     timestamptz NOT NULL,
    released_at timestamptz,
    PRIMARY KEY (space, hold)
);
