"""Sweeps of the foundation. Every one is idempotent and safe to run twice at once."""

from celery import shared_task

from core import audit, audit_check, blobs, heartbeat, idempotency, jobs, outbox, partitions, retention


@shared_task
def worker_heartbeat() -> None:
    heartbeat.worker_is_alive()


@shared_task
def deliver_outbox() -> None:
    jobs.woken("core.tasks.deliver_outbox")
    outbox.deliver()


@shared_task
def seal_audit() -> None:
    audit.seal()


@shared_task
def verify_audit() -> None:
    audit_check.run()


@shared_task
def verify_audit_daily() -> None:
    """Also due at every start, so a check of today is enough."""
    if audit_check.is_old():
        audit_check.run()


@shared_task
def ensure_audit_partitions() -> None:
    partitions.ensure()


@shared_task
def forget_expired() -> None:
    blobs.forget_expired()
    blobs.forget_unknown()
    outbox.forget_delivered()
    idempotency.forget_old()


@shared_task
def apply_retention() -> None:
    retention.apply()
