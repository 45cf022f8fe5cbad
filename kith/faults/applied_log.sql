-- Effects are idempotent, so they hide a message that was applied twice: this log, without a unique key and written
-- before any conflict is looked at, does not. Made in the database of a fault run only.
CREATE SCHEMA IF NOT EXISTS faults;
CREATE TABLE IF NOT EXISTS faults.applied (
    no          bigint GENERATED ALWAYS AS IDENTITY,
    slice       text  NOT NULL,
    name        text  NOT NULL,
    transaction xid8  NOT NULL DEFAULT pg_current_xact_id()
);

CREATE OR REPLACE FUNCTION faults.note_timeline() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO faults.applied (slice, name) VALUES ('contacts_api', NEW.event_id);
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION faults.note_fact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
AS $$
BEGIN
    INSERT INTO faults.applied (slice, name) VALUES ('merge_resolver', NEW.fact);
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER note_timeline BEFORE INSERT ON contacts_api.timeline
    FOR EACH ROW EXECUTE FUNCTION faults.note_timeline();
CREATE OR REPLACE TRIGGER note_fact BEFORE INSERT ON merge_resolver.facts
    FOR EACH ROW EXECUTE FUNCTION faults.note_fact();
