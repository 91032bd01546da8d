"""The function that makes partitions with its owner's rights makes them near the present only: the runtime role could
otherwise fill the catalogue with tables of any month. Four months back is as far as an exercise plays."""

from django.db import migrations

_START = """
CREATE OR REPLACE FUNCTION core_ensure_audit_partition(month date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    first date := date_trunc('month', month)::date;
    name text := 'core_audit_event_' || to_char(first, 'YYYY_MM');
BEGIN
"""
_BOUND = """
    IF month IS NULL OR first NOT BETWEEN date_trunc('month', now() AT TIME ZONE 'UTC') - interval '4 months'
                                      AND date_trunc('month', now() AT TIME ZONE 'UTC') + interval '3 months' THEN
        RAISE EXCEPTION 'Audit partitions are made from 4 months back to 3 months ahead, not for %.', month
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
"""
_REST = """
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
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0003_idempotency_by_lock")]
    operations = [migrations.RunSQL(_START + _BOUND + _REST, _START + _REST)]
