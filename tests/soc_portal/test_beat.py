"""What is done at intervals is done at the start as well: a portal that is started daily does its daily work."""

from celery.beat import Service
from django.core.cache import cache

from core import audit_check
from soc_portal.celery import app


def test_every_entry_is_due_once_at_the_start() -> None:
    scheduler = Service(app=app, scheduler_cls=app.conf.beat_scheduler).get_scheduler()
    assert scheduler.schedule
    late = [name for name, entry in scheduler.schedule.items() if not entry.is_due()[0]]
    assert late == []


def test_a_chain_that_was_checked_today_is_not_checked_at_every_start(db: None) -> None:
    cache.delete(audit_check.KEY)
    assert audit_check.is_old()
    audit_check.run()
    assert not audit_check.is_old()
