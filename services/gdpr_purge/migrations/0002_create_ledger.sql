-- The order in which erasures count, for the whole deployment. An entry says nothing of anybody; what
-- it stands for lies beside it, so that the detail can be dropped and the chain still holds.
CREATE TABLE gdpr_purge.ledger (
    number        bigint      NOT NULL,
    kind          text        NOT NULL,
    erasure       text        NOT NULL,
    at            timestamptz NOT NULL,
    detail_hash   text        NOT NULL,
    previous_hash text        NOT NULL,
    hash          text        NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT ledger_kind_check CHECK (kind IN ('fence', 'restore', 'erase', 'lift'))
);
-- A step is entered once, however often its cause is delivered.
CREATE UNIQUE INDEX ledger_erasure_kind_key ON gdpr_purge.ledger (erasure, kind);

CREATE TABLE gdpr_purge.ledger_details (
    number  bigint NOT NULL REFERENCES gdpr_purge.ledger (number),
    salt    bytea  NOT NULL,
    detail  jsonb  NOT NULL,
    PRIMARY KEY (number)
);

-- One row: whoever appends holds it, so that numbers have no holes and hashes no forks.
CREATE TABLE gdpr_purge.ledger_head (
    one     boolean NOT NULL DEFAULT true,
    number  bigint  NOT NULL,
    hash    text    NOT NULL,
    PRIMARY KEY (one),
    CONSTRAINT ledger_head_one_check CHECK (one)
);
INSERT INTO gdpr_purge.ledger_head (number, hash) VALUES (0, repeat('0', 64));

CREATE FUNCTION gdpr_purge.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON gdpr_purge.ledger
    FOR EACH STATEMENT EXECUTE FUNCTION gdpr_purge.refuse_change();
