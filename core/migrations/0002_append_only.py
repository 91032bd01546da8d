"""The audit tables refuse UPDATE and DELETE by trigger, for every role; the runtime role lacks the grants as well.

TRUNCATE is left to the owner's grants alone: transactional tests flush with it.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The table % is append-only.', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_audit_event
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON core_audit_seal
    FOR EACH ROW EXECUTE FUNCTION core_refuse_change();
"""

# Runs with the owner's rights, because the runtime role may not make tables.
PARTITIONS = """
CREATE FUNCTION core_ensure_audit_partition(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'core_audit_event_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass('public.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT 1 FROM public.core_audit_event_rest
               WHERE at >= first AT TIME ZONE 'UTC' AND at < (first + interval '1 month') AT TIME ZONE 'UTC') THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.core_audit_event FOR VALUES FROM (%L) TO (%L)', name,
                   first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
END $$;
SELECT core_ensure_audit_partition((date_trunc('month', now()) + n * interval '1 month')::date)
FROM generate_series(-4, 12) AS n;
"""

UNDO = """
DROP FUNCTION core_ensure_audit_partition(date);
DROP TRIGGER append_only ON core_audit_seal;
DROP TRIGGER append_only ON core_audit_event;
DROP FUNCTION core_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [migrations.RunSQL(GUARD + PARTITIONS, UNDO)]
