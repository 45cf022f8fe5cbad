-- Blocked identifiers, those that changed hands, and revoked proofs (of a user id, until a time). They
-- are of no record: whoever has the identifier, or comes to have it, is evaluated with them.
CREATE TABLE merge_resolver.decisions (
    space text   NOT NULL,
    fact  text   NOT NULL,
    kind  text   NOT NULL CHECK (kind IN ('Block', 'Release', 'Revoke')),
    type  text   NOT NULL,
    key   text   NOT NULL,
    t     bigint NOT NULL,
    PRIMARY KEY (space, fact)
);
-- Found by the identifiers of the blobs in hand.
CREATE INDEX decisions_space_type_key_idx ON merge_resolver.decisions (space, type, key);

-- The policies that the space's rules follow since a command changed them (at changed_at), and how
-- often one did; none: those of its settings. While blobs are being evaluated anew under them, the
-- blob that was last.
ALTER TABLE merge_resolver.spaces
    ADD COLUMN policies      json,
    ADD COLUMN changed_at    bigint,
    ADD COLUMN rules_version integer NOT NULL DEFAULT 1,
    ADD COLUMN swept_to      text;
