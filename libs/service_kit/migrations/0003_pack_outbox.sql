-- What one transaction says in one partition is one row: a row of its own for each message cost the
-- database more than all that the message was about. Nothing unsent may be lost on the way here.
DO $$
BEGIN
    IF (SELECT h.last_seq > m.last_seq FROM outbox_head AS h, relay_mark AS m) THEN
        RAISE EXCEPTION 'the outbox holds unsent messages: let the relay send them first';
    END IF;
END
$$;

DROP TABLE outbox;
CREATE TABLE outbox (
    last_seq   bigint      PRIMARY KEY,
    first_seq  bigint      NOT NULL CHECK (first_seq <= last_seq),
    prev       bigint      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    topic      text        NOT NULL,
    partition  integer     NOT NULL,
    messages   bytea       NOT NULL
);
-- They are compressed already.
ALTER TABLE outbox ALTER COLUMN messages SET STORAGE EXTERNAL;
