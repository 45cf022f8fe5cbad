-- Numbers that a restored database must not give out again: others have seen them, their rows are gone for good.
CREATE TABLE outbox_holes (
    first_seq bigint      PRIMARY KEY,
    last_seq  bigint      NOT NULL CHECK (last_seq >= first_seq),
    noted_at  timestamptz NOT NULL DEFAULT now()
);
