-- A conversation is proven by the claim in force in it. Its record may have been proven by an earlier
-- claim: whoever then says that he is the same user, and is not, is placed on the same record.
ALTER TABLE contacts_api.conversations ADD COLUMN claim text;

CREATE TABLE contacts_api.proven_claims (
    space  text NOT NULL,
    claim  text NOT NULL,
    record text NOT NULL,
    PRIMARY KEY (space, claim)
);
-- An erasure finds what it must delete by record.
CREATE INDEX proven_claims_space_record_idx ON contacts_api.proven_claims (space, record);
